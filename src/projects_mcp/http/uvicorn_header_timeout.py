"""Bound the time of a request's head: a work-around for uvicorn, which waits for it without end.

Leans on private parts of uvicorn's HTTP/1.1 protocol: on `cycle`, the present exchange, and on `transport`.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from projects_mcp.http.limits import HEADERS_TIMEOUT_S

__all__ = ["HeaderTimeoutProtocol"]


class HeaderTimeoutProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection if the head of a request takes too long, the first one included."""

    _timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._start_timeout()

    def data_received(self, data: bytes) -> None:
        """Begin to wait with the first byte of a request, and end with the last of its head."""
        if not self._answering and self._timeout is None:
            self._start_timeout()
        super().data_received(data)
        if self._answering:
            self._stop_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_timeout()
        super().connection_lost(exc)

    def _start_timeout(self) -> None:
        self._timeout = self.loop.call_later(HEADERS_TIMEOUT_S, self._close)

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None

    def _close(self) -> None:
        self._timeout = None
        if not self._answering:
            self.transport.close()

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete
