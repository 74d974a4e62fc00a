"""The gates before something irreversible, as pure decisions on what was fetched.

1. The access level and the credential allow it, and the project is not protected: see `authorization`.
2. The caller has written the project's exact name.
3. If a person can be asked, that person consents to exactly this loss.
4. Immediately before the request, the project is still the one that the question was about.

Any doubt closes a gate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import MAX_QUOTED, has_invisible, on_one_line, strip_invisible

__all__ = [
    "Approver",
    "Assertion",
    "Channel",
    "Confirmation",
    "ConfirmationEvidence",
    "ConfirmationRequest",
    "Confirmed",
    "Consent",
    "ConsentPendingError",
    "ProjectSnapshot",
    "confirmation_request",
    "identify",
    "plan_request",
]

_STATE: Final = ("api_token", "secret_api_token", "secret_api_token_backup", "is_pending_deletion")
"""Besides the identity, what a confirmation is about: it dies when any of these changes."""
_MOST_IN_TEXT: Final = 6
"""Values under one label that the question of a plan holds as text."""
_LONGEST_NAME: Final = 400
"""Characters of a project's name that are shown to whoever decides."""


class Confirmation(StrEnum):
    """Whom a destructive call must convince."""

    AUTO = "auto"
    """A person if the client can ask one; else the exact name is enough."""
    HUMAN = "human"
    """A person, always: through the client, or by an approval."""
    PASSKEY = "passkey"
    """A person's signature with a passkey, always."""
    ARGUMENT = "argument"
    """The exact name only. For scripts."""


class Consent(StrEnum):
    """What came of asking a person. Only ACCEPTED is consent."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    CLOSED = "closed"
    """The question was closed, and not answered."""
    CLIENT_REFUSED = "client_refused"
    """No, or closed, before anybody can have read the question: this is not known to come from a person."""
    NO_ANSWER = "no_answer"
    """No answer in time."""
    WITHOUT_FORM = "without_form"
    """Accepted, and the form that makes it a yes was missing, not ticked or of another kind."""
    CLIENT_FAILED = "client_failed"
    """The client answered with an error or with no answer at all, or could not be reached."""


class Channel(StrEnum):
    """By which way a destructive call was confirmed. Each proves more than the one before it."""

    ARGUMENT = "argument"
    """The exact name was written. A model can do that."""
    CLIENT = "client"
    """The client relayed a yes. It can answer by itself."""
    TERMINAL = "terminal"
    """Somebody typed the exact name on a terminal of the same user."""
    PAGE = "page"
    """Somebody typed the exact name on the page of the approval."""
    PASSKEY = "passkey"
    """An enrolled authenticator verified its person, and signed what was shown."""


class Assertion(NamedTuple):
    """What an authenticator has signed, and what its signature is checked with: public facts, in base64url unpadded."""

    credential_id: str
    authenticator_data: str
    client_data_json: str
    signature: str
    public_key: str
    """The credential's key in the form of COSE."""
    rp_id: str
    """The name that the credential is for, as text: `localhost`, or that of a served server."""
    origin: str
    """Where the page was, as text: `https://mcp.example.com`."""


class ConfirmationEvidence(NamedTuple):
    """By which way a call was confirmed, and what is known of it. Nothing in it is a secret.

    Attributes:
        channel: the way.
        approver: who agreed; None if that is not known.
        shown: exactly what was shown, redacted before; None if nothing was. Its SHA-256 in UTF-8 is the challenge that
            a passkey signs.
        assertion: of a passkey; None for the other channels.
    """

    channel: Channel
    approver: str | None = None
    shown: str | None = None
    assertion: Assertion | None = None

    @property
    def digest(self) -> str | None:
        """The SHA-256 of what was shown, in hexadecimal digits; None if nothing was shown."""
        return None if self.shown is None else hashlib.sha256(self.shown.encode("utf-8", "surrogatepass")).hexdigest()


class ConfirmationRequest(NamedTuple):
    """What a person is asked.

    Attributes:
        text: the question, as one text.
        digest: different for every state that could be destroyed.
        phrase: the project's exact name, or the words of a plan, which a person types to approve it by another way than
            the client.
        lines: the same question as labels and values.
        project: the project's id; None for a plan.
    """

    text: str
    digest: str
    phrase: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    project: int | None = None


class Approver(Protocol):
    """A person at the other end who can be shown a question.

    The one interface that is handed down a call: a live question needs an answer in the middle of it.
    """

    async def request_consent(self, request: ConfirmationRequest) -> Consent:
        """Show the question and wait for the answer.

        Raises:
            ConsentPendingError: the answer comes with another call, in the next round of the protocol.
        """
        ...


class ConsentPendingError(Exception):
    """A person must answer first, in another round of the protocol. Nothing has been sent but reads."""

    def __init__(self, request: ConfirmationRequest) -> None:
        super().__init__("a person's consent is pending")
        self.request = request


@dataclass(frozen=True, slots=True)
class ProjectSnapshot:
    """One project, identified beyond doubt, with the state that was fetched."""

    id: int
    name: str
    organization: UUID
    state: Mapping[str, Any] = field(repr=False)

    def is_same_as(self, other: ProjectSnapshot) -> bool:
        """Whether nothing has changed that a confirmation is about."""
        return (self.id, self.name, self.organization) == (other.id, other.name, other.organization) and all(
            self.state.get(name) == other.state.get(name) for name in _STATE
        )


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A target that has passed all gates, and by what."""

    target: ProjectSnapshot
    evidence: ConfirmationEvidence


def identify(asked: int, answer: Mapping[str, Any]) -> ProjectSnapshot | None:
    """Read a project's identity from what PostHog answered.

    Returns:
        None if the answer is not, beyond doubt, the project that was asked for.
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


def confirmation_request(
    origin: str,
    action: str,
    target: ProjectSnapshot,
    consequence: str,
    details: Mapping[str, Any],
    redactor: Redactor,
) -> ConfirmationRequest:
    """Build the question for a person from the state that is about to be destroyed.

    PostHog's answer about a project has the id of its organization and not the name, so the question has the id.

    Args:
        origin: where PostHog is: a scheme and a host.
        action: what happens, as an imperative: "Delete project".
        target: the project as it was fetched.
        consequence: what stops working, in one or two sentences made of the target's state.
        details: arguments that change what happens, such as the organization that a project moves to.
        redactor: removes secrets from the name before it is cut.
    """
    state = [f"{name}={target.state.get(name)!r}" for name in _STATE]
    chosen = [f"{key}={value}" for key, value in sorted(details.items())]
    loss, name = redactor.text(consequence), redactor.quote(target.name)
    invisible = " Its name holds characters that cannot be seen." if has_invisible(target.name) else ""
    text = (
        f"PostHog at {origin.partition('://')[2]}: {action} {name} "
        f"(id {target.id}, organization {target.organization})?{invisible} {loss} "
        "Accept only if this is what you want."
    )
    whole = name if len(target.name) < MAX_QUOTED else redactor.quote(target.name, _LONGEST_NAME)
    exact = "\x00".join([text, origin, target.name, *state, *chosen])
    digest = hashlib.sha256(exact.encode("utf-8", "surrogatepass")).hexdigest()
    lines = (
        ("PostHog", origin.partition("://")[2]),
        ("Action", action),
        ("Project", f"{whole}{invisible}"),
        ("Project id", str(target.id)),
        ("Organization", str(target.organization)),
        ("What is lost", loss),
    )
    return ConfirmationRequest(text, digest, target.name, lines, target.id)


def plan_request(
    origin: str, words: str, plan: str, said: Sequence[tuple[str, str]], redactor: Redactor
) -> ConfirmationRequest:
    """Build the question for a person about a change of several projects.

    Args:
        origin: where PostHog is: a scheme and a host.
        words: what happens, as an imperative, which is also what a person types: "change 412 projects".
        plan: its id, which is the SHA-256 of its steps.
        said: what changes, and what that means, as labels and values made of the steps.
        redactor: removes secrets.
    """
    host = origin.partition("://")[2]
    shown = [(label, on_one_line(strip_invisible(redactor.text(value)))) for label, value in said]
    grouped: dict[str, list[str]] = {}
    for label, value in shown:
        grouped.setdefault(label, []).append(value)
    parts = " ".join(f"{label}: {_in_short(values)}." for label, values in grouped.items())
    text = f"PostHog at {host}: {words}? {parts} Accept only if this is what you want."
    digest = hashlib.sha256(f"{text}\x00{origin}\x00{plan}".encode("utf-8", "surrogatepass")).hexdigest()
    lines = (("PostHog", host), ("Action", words), *shown, ("Plan", plan))
    return ConfirmationRequest(text, digest, words, lines)


def _in_short(values: Sequence[str]) -> str:
    """Join the first of several values. An approval shows all of them."""
    more = [f"and {len(values) - _MOST_IN_TEXT} more"] if len(values) > _MOST_IN_TEXT else []
    return "; ".join([*values[:_MOST_IN_TEXT], *more]).rstrip(".")
