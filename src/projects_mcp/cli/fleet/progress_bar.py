"""A bar on stderr that shows how many projects are done."""

from __future__ import annotations

from typing import Final

from projects_mcp.cli.terminal import erase_progress, show_progress

__all__ = ["ProgressBar"]

_WIDTH: Final = 30


class ProgressBar:
    """Shows how far a plan is, if stderr is a terminal; else shows nothing."""

    async def report(self, done: int, total: int) -> None:
        """Show that so many of all projects are done."""
        filled = _WIDTH * done // max(total, 1)
        show_progress(f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {done} of {total} projects")

    def close(self) -> None:
        """Take the bar away, so that other text can follow."""
        erase_progress()
