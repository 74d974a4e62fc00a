"""The four gates before something irreversible, as pure decisions on what was fetched.

1. the access level and the credential allow it, and the project is not protected (see `grants`);
2. the caller has written the project's exact name;
3. where a person can be asked, that person says yes to a question about exactly this loss;
4. immediately before the request, the project is still the one that the question was about.

Any doubt closes a gate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from projects_mcp.sanitize.redaction import masked
from projects_mcp.sanitize.text import quoted

__all__ = [
    "Confirmation",
    "ConfirmationRequest",
    "Confirmed",
    "Consequence",
    "ProjectSnapshot",
    "ending",
    "identify",
    "question_about",
]

_STATE: Final = ("api_token", "secret_api_token", "secret_api_token_backup", "is_pending_deletion")
"""Besides the identity, what a confirmation is about: it dies when any of these changes."""


class Confirmation(StrEnum):
    """Whom a destructive call must convince."""

    AUTO = "auto"
    """A person where the client can ask one; else the exact name is enough."""
    HUMAN = "human"
    """A person, always. A client that cannot ask is refused."""
    ARGUMENT = "argument"
    """The exact name only. For scripts."""


@dataclass(frozen=True, slots=True)
class ProjectSnapshot:
    """One project, identified beyond doubt, with the state that was fetched."""

    id: int
    name: str
    organization: UUID
    state: Mapping[str, Any] = field(repr=False)


class ConfirmationRequest(NamedTuple):
    """What a person is asked. `digest` is different for every state that could be destroyed."""

    text: str
    digest: str


Consequence: TypeAlias = Callable[[ProjectSnapshot], str]
"""Says in one or two sentences what stops working when a target is destroyed."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A target for which all gates have been passed, and by what: `argument` or `person`."""

    target: ProjectSnapshot
    by: str


def identify(asked: int, answer: Mapping[str, Any]) -> ProjectSnapshot | None:
    """Read a project's identity from what PostHog answered.

    Returns:
        None where the answer is not, beyond doubt, the project that was asked for.
    """
    name, organization = answer.get("name"), answer.get("organization")
    if type(answer.get("id")) is not int or answer["id"] != asked:
        return None
    if not isinstance(name, str) or not name or not isinstance(organization, str):
        return None
    try:
        return ProjectSnapshot(id=asked, name=name, organization=UUID(organization), state=answer)
    except ValueError:
        return None


def question_about(
    action: str, target: ProjectSnapshot, loss: Consequence, details: Mapping[str, Any]
) -> ConfirmationRequest:
    """Build the question for a person from the state that is about to be destroyed.

    Args:
        action: what happens, as an imperative: "Delete project".
        target: the project as it was fetched.
        loss: what stops working.
        details: arguments that change what happens, such as the organization that a project moves to.
    """
    text = (
        f"{action} {quoted(target.name)} (id {target.id}, organization {target.organization})? {loss(target)} "
        "Accept only if this is what you want."
    )
    state = [f"{name}={target.state.get(name)!r}" for name in _STATE]
    exact = "\x00".join([text, target.name, *state, *(f"{key}={value}" for key, value in sorted(details.items()))])
    return ConfirmationRequest(text, hashlib.sha256(exact.encode("utf-8", "surrogatepass")).hexdigest())


def ending(token: object) -> str:
    """Name a token or secret by its kind and last four characters, or say that there is none."""
    return masked(token) if isinstance(token, str) and token else "none"
