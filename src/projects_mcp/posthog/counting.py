"""Count the requests that leave for PostHog, where somebody reads the counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast

from projects_mcp.posthog.request_tally import RequestTally

if TYPE_CHECKING:
    import httpx

__all__ = ["counted"]


def counted(transport: httpx.AsyncBaseTransport, tally: RequestTally | None) -> httpx.AsyncBaseTransport:
    """Return a transport whose requests are counted; the transport itself if there is nothing to count in."""
    return transport if tally is None else cast("httpx.AsyncBaseTransport", _CountedTransport(transport, tally))


class _CountedTransport:
    """Does what another transport does, and counts each request that carries a credential.

    The others only ask whether PostHog answers at all.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, tally: RequestTally) -> None:
        self._transport = transport
        self._tally = tally

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, and count it when its answer begins, or when none comes."""
        if "Authorization" not in request.headers and "Cookie" not in request.headers:
            return await self._transport.handle_async_request(request)
        began, status = time.monotonic(), None
        try:
            response = await self._transport.handle_async_request(request)
            status = response.status_code
        finally:
            self._tally.count(request.method, status, time.monotonic() - began)
        return response

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()
