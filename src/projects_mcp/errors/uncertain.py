"""A write whose answer was lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from projects_mcp.api.outcome import Outcome, ReadbackResult
from projects_mcp.errors.connection import ResponseLost
from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.rejected import ServerError

__all__ = ["WriteUnresolved"]

_CHECK_PROJECT: Final = "Look at it with project_get before you try again."
_CHECK: Final[Mapping[str, str]] = {
    "project_create": "Look for the name with project_list and search before you try again.",
    "project_delete": "Look for it with project_list before you try again.",
}


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

    def message(self, at: FailureContext) -> str:
        """Word the failure: what reading back has shown, and what to do about it."""
        what = self.error.words(at).what
        if self.readback.outcome is Outcome.NOT_APPLIED:
            return f"{what} {NOT_CHANGED} {self.readback.says} Read the project once more before you try again."
        check = _CHECK.get(at.tool, _CHECK_PROJECT)
        return f"{what} It is not known whether the change was made. {self.readback.says} {check}"
