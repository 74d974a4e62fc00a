"""A bar on stderr that shows how many projects are done."""

from __future__ import annotations

import sys
from typing import Final

from projects_mcp.cli.terminal import say

__all__ = ["ProgressBar"]

_WIDTH: Final = 30


class ProgressBar:
    """Shows how far a plan is, if stderr is a terminal; else shows nothing."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty()
        self._open = False

    async def report(self, done: int, total: int) -> None:
        """Show that so many of all projects are done."""
        if self._shows:
            filled = _WIDTH * done // max(total, 1)
            sys.stderr.write("\r")
            say(f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {done} of {total} projects", error=True, end="")
            self._open = True

    def close(self) -> None:
        """End the line of the bar, so that other text can follow."""
        if self._open:
            say(error=True)
            self._open = False
