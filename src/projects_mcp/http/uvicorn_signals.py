"""Handle signals and the listen backlog ourselves: work-arounds for uvicorn's `capture_signals` and `backlog`.

uvicorn raises a signal that it has handled once more at its end, so that the process ends as if it had been killed.
asyncio accepts as many connections in one go as the backlog is long, before it looks at any of them. If they are more
than the files that a process may open, it logs a line for each of the rest.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from projects_mcp.http.limits import LISTEN_BACKLOG

__all__ = ["ServerWithoutSignals"]


class ServerWithoutSignals(uvicorn.Server):
    """A server that stops only if `should_exit` is set, and whose sockets have a backlog of their own."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and let more connections wait than are accepted in one go."""
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(LISTEN_BACKLOG)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
