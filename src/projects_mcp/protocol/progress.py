"""Tell a client how far its call is, by notifications of progress, if it has asked for them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import anyio
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError

__all__ = ["ProgressReporter"]

_APART_S: Final = 0.5
"""Seconds between two notifications at the least: a person reads no faster, and a client has to handle each."""


class ProgressReporter:
    """Sends notifications of progress about one call, which goes up and never down.

    Args:
        context: of the request. The SDK sends nothing to a client that has not asked for progress.
    """

    def __init__(self, context: Context[None, Any]) -> None:
        self._context = context
        self._last_s = float("-inf")
        self._done = -1

    async def report(self, done: int, total: int, more: str = "") -> None:
        """Take note that so many of all projects are done. Whether the client can be told makes no difference."""
        now_s = anyio.current_time()
        if done <= self._done or (now_s - self._last_s < _APART_S and done < total):
            return
        self._done, self._last_s = done, now_s
        with suppress(MCPError, ValueError, anyio.ClosedResourceError, anyio.BrokenResourceError):
            await self._context.report_progress(done, total, f"{done} of {total} projects{more and f'; {more}'}")
