"""The facts that the words of a failure depend on besides the failure itself, and the sentences that failures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from projects_mcp.api.effects import Effect
from projects_mcp.errors.kinds import Kind
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import MAX_QUOTED

__all__ = ["CHANGE_UNKNOWN", "NOT_CHANGED", "FailureContext", "Words"]

NOT_CHANGED: Final = "Nothing was changed."
CHANGE_UNKNOWN: Final = "It is not known whether the change was made: read the project before you try again."


class Words(NamedTuple):
    """A failure in words.

    Attributes:
        kind: a stable word for programs.
        what: what happened, as a sentence.
        next_step: what to do, as a sentence.
    """

    kind: Kind
    what: str
    next_step: str


class FailureContext(NamedTuple):
    """The call that failed.

    Attributes:
        tool: the tool's name.
        effect: what it does.
        origin: where PostHog is, for links.
        redactor: removes secrets from text of PostHog's before it is quoted.
        write_left: whether a request that changes something had left.
        key_organizations: the only organizations that the key works in, if the caller may know them.
    """

    tool: str
    effect: Effect
    origin: str
    redactor: Redactor
    write_left: bool = False
    key_organizations: Sequence[str] = ()

    @property
    def keys_page(self) -> str:
        """The page where a person manages personal API keys."""
        return f"{self.origin}/settings/user-api-keys"

    def quote(self, text: object, longest: int = MAX_QUOTED) -> str:
        """Quote text that somebody else wrote: secrets are removed before it is cut."""
        return self.redactor.quote(text, longest)
