"""A bar on stderr that shows how many projects are done."""

from __future__ import annotations

from typing import Final

from projects_mcp.cli.terminal import erase_progress, show_progress

__all__ = ["ProgressBar"]

_WIDTH: Final = 30
_NARROW: Final = 20
"""Beside a reason, so that both are on a line of 80 columns."""


class ProgressBar:
    """Shows how far a plan is, if stderr is a terminal; else shows nothing.

    Attributes:
        done: projects that are done, as was reported last.
        with_others: whether another process was seen at work.
    """

    def __init__(self) -> None:
        self.done = 0
        self.with_others = False

    async def report(self, done: int, total: int, more: str = "") -> None:
        """Show that so many of all projects are done, and why the work waits."""
        self.done, self.with_others = done, self.with_others or bool(more)
        width = _NARROW if more else _WIDTH
        filled = width * done // max(total, 1)
        show_progress(f"[{'#' * filled}{'.' * (width - filled)}] {done} of {total} projects{more and f'; {more}'}")

    def close(self) -> None:
        """Take the bar away, so that other text can follow."""
        erase_progress()
