"""One approval: a call that waits for a person's decision, and everything that the person is shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from projects_mcp.state.store import StoreError

__all__ = ["Approval", "Status"]


class Status(StrEnum):
    """What has become of an approval. It goes one way: from waiting to a decision, from granted to used."""

    WAITING = "waiting"
    GRANTED = "granted"
    DENIED = "denied"
    USED = "used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One call that waits for a person's decision.

    Attributes:
        id: tells it apart from every other, and is no secret.
        binding: the SHA-256 of everything that the decision is about: host, tool, arguments, caller, project and state.
        tool: the tool that was called.
        project: its id; None for a call about several projects.
        phrase: what a person types to approve it, exactly: the project's name, or the words of a plan.
        lines: what a person is shown: labels and values.
        caller: whose call it is; empty for whoever has started the server.
        passkey: whether only an enrolled authenticator's signature approves it.
        approvers: whose passkeys may approve it; None for everybody's.
        plans_of: under which name the plan is kept that it is about; empty if it is about none.
        until: when it ends, in seconds since 1970.
        codes: the SHA-256 of each code that opens it.
        status: what has become of it.
        channel: how it was decided; empty while it waits.
        approver: who has decided it, as far as that is known; empty if it is not.
        assertion: the signature of a passkey, and what is needed to check it.
    """

    id: str
    binding: str
    tool: str
    project: int | None
    phrase: str
    lines: tuple[tuple[str, str], ...]
    caller: str
    passkey: bool
    approvers: tuple[str, ...] | None
    until: float
    plans_of: str = ""
    codes: tuple[str, ...] = ()
    status: Status = Status.WAITING
    channel: str = ""
    approver: str = ""
    assertion: Mapping[str, str] | None = None

    @property
    def is_plan(self) -> bool:
        """Whether it is about a change of several projects, so that words are typed and no name."""
        return self.project is None

    @property
    def plan(self) -> str:
        """The id of the plan that it is about; empty if it is about none."""
        return dict(self.lines).get("Plan", "") if self.plans_of else ""

    @property
    def ends(self) -> str:
        """When it ends, as RFC 3339 in UTC."""
        return datetime.fromtimestamp(self.until, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """Everything that a person is shown: labels and values."""
        return (*self.lines, ("Until", self.ends), ("Approval", self.id))

    @property
    def shown(self) -> str:
        """Exactly what a person is shown, as one text."""
        return "".join(f"{label}: {value}\n" for label, value in self.rows)

    @property
    def digest(self) -> bytes:
        """The SHA-256 of what a person is shown: the challenge that a passkey signs."""
        return hashlib.sha256(self.shown.encode("utf-8", "surrogatepass")).digest()

    def decided(
        self, *, granted: bool, channel: str, approver: str = "", assertion: Mapping[str, str] | None = None
    ) -> Approval:
        """Return it with a decision."""
        status = Status.GRANTED if granted else Status.DENIED
        return replace(self, status=status, channel=channel, approver=approver, assertion=assertion)

    def dump(self) -> str:
        """Return it as one JSON text."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @classmethod
    def load(cls, text: str) -> Approval:
        """Read it.

        Raises:
            StoreError: the text is not one of ours.
        """
        try:
            value: dict[str, Any] = json.loads(text)
            value["lines"] = tuple((str(label), str(said)) for label, said in value["lines"])
            value["codes"] = tuple(value["codes"])
            value["status"] = Status(value["status"])
            if value["approvers"] is not None:
                value["approvers"] = tuple(value["approvers"])
            return cls(**value)
        except (ValueError, TypeError, KeyError):
            raise StoreError("an approval in the store cannot be read") from None
