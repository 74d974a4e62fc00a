"""A write whose answer was lost: only what is known is said of it.

If the change does not show, that proves nothing, because PostHog may still be at work on the request. Only a fault that
PostHog reports itself ends the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from projects_mcp.api.outcome import Outcome, ReadbackResult
from projects_mcp.errors.connection import ResponseLost
from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.rejected import ServerError

__all__ = ["LOOK_AGAIN_AFTER", "WriteUnresolved"]

LOOK_AGAIN_AFTER: Final = timedelta(minutes=2)
"""After which PostHog has given up a request too: its own workers and proxies stop one after 30 to 60 seconds."""

_LOOK: Final[Mapping[str, str]] = {
    "project_create": "look for the name with project_list and search",
    "project_delete": "look for it with project_list",
}
_LOOK_AT_PROJECT: Final = "look at it with project_get"


class WriteUnresolved(Exception):
    """A write left, its answer was lost, and this is what reading back has shown.

    Attributes:
        error: how the answer was lost.
        readback: what reading back has shown.
    """

    def __init__(self, error: ResponseLost | ServerError, readback: ReadbackResult) -> None:
        super().__init__(readback.outcome.value)
        self.error = error
        self.readback = readback

    @property
    def look_again_at(self) -> datetime | None:
        """When to look again, before anything is repeated; None if it is known what became of the write."""
        return self.readback.looked_at + LOOK_AGAIN_AFTER if self.readback.outcome is Outcome.UNKNOWN else None

    def message(self, at: FailureContext) -> str:
        """Word the failure: what reading back has shown, and what to do about it."""
        what, says = self.error.words(at).what, self.readback.says
        if self.look_again_at is None:
            return f"{what} {NOT_CHANGED} {says} Read the project once more before you try again."
        look, looked_at = _LOOK.get(at.tool, _LOOK_AT_PROJECT), _time(self.readback.looked_at)
        return (
            f"{what} It is not known whether the change was made. Read back at {looked_at}: {says} "
            f"It may still happen: {look} after {_time(self.look_again_at)}, and do not repeat anything before."
        )


def _time(when: datetime) -> str:
    return f"{when:%H:%M:%S} UTC"
