"""What the words depend on besides the failure itself, and the sentences that all of them share."""

from __future__ import annotations

from typing import Final, NamedTuple

from projects_mcp.api.effects import Effect

__all__ = ["CHANGE_UNKNOWN", "NOT_CHANGED", "FailureContext"]

NOT_CHANGED: Final = "Nothing was changed."
CHANGE_UNKNOWN: Final = "It is not known whether the change was made: read the project before you try again."


class FailureContext(NamedTuple):
    """What the words depend on besides the failure itself.

    Attributes:
        tool: the tool's name.
        effect: what it does.
        origin: where PostHog is, for links.
        write_left: whether a request that changes something had left.
    """

    tool: str
    effect: Effect
    origin: str
    write_left: bool = False
