"""Bound the time of a request's head, and the idle connections: work-arounds for uvicorn, which bounds neither.

uvicorn's own bound, `limit_concurrency`, answers 503 to everybody, also on health, and logs a line for each.
Leans on private parts of uvicorn's HTTP/1.1 protocol: on `cycle`, the present exchange, on `transport`, and on
`connections`, the open ones of this server.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from projects_mcp.http.limits import HEADERS_TIMEOUT_S, IDLE_CONNECTIONS

__all__ = ["HeaderTimeoutProtocol"]


def _most_idle_connections() -> int:
    """Return how many connections may be idle: half of the files that this process may open, at most."""
    if sys.platform == "win32":
        return IDLE_CONNECTIONS
    import resource  # noqa: PLC0415 - there is none on Windows

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return IDLE_CONNECTIONS if files == resource.RLIM_INFINITY else min(IDLE_CONNECTIONS, max(files // 2, 1))


_MOST_IDLE: Final = _most_idle_connections()
_MOST: Final = _MOST_IDLE + _MOST_IDLE // 2
"""Connections altogether. What is beyond the idle ones is for requests under way."""


class HeaderTimeoutProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection if the head of a request takes too long, the first one included.

    If too many are idle, the one that has been idle longest is closed. Nothing is answered and nothing is logged.
    """

    _timeout: asyncio.TimerHandle | None = None
    idle_since: float = 0.0
    """Seconds of the event loop's clock."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._start_timeout()
        self.idle_since = self.loop.time()
        self._close_idle()

    def data_received(self, data: bytes) -> None:
        """Begin to wait with the first byte of a request, and end with the last of its head."""
        if not self.answering and self._timeout is None:
            self._start_timeout()
        super().data_received(data)
        if self.answering:
            self._stop_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_timeout()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Be idle from now on, until the next request."""
        super().on_response_complete()
        self.idle_since = self.loop.time()
        self._close_idle()

    def _close_idle(self) -> None:
        """Close the connection that has been idle longest if there are too many; this one if all others are busy.

        Connections become idle in two ways, and each asks this: they are made, or their answer is complete. Looks at
        them all, but only if they are many.
        """
        if len(self.connections) <= _MOST_IDLE:
            return
        open_ones = [it for it in self.connections if isinstance(it, HeaderTimeoutProtocol) and it.is_open]
        idle = [it for it in open_ones if not it.answering]
        if idle and (len(idle) > _MOST_IDLE or len(open_ones) > _MOST):
            min(idle, key=lambda it: it.idle_since).transport.abort()  # also if nobody reads its last answer

    def _start_timeout(self) -> None:
        self._timeout = self.loop.call_later(HEADERS_TIMEOUT_S, self._close)

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _close(self) -> None:
        self._timeout = None
        if not self.answering:
            self.transport.close()

    @property
    def is_open(self) -> bool:
        """Whether the connection is not being closed."""
        return not self.transport.is_closing()

    @property
    def answering(self) -> bool:
        """Whether a request is under way."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete
