"""Serve the pages on a port of this machine for a command of the command line, until a person has done their part."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from projects_mcp.gateway.approval_page import listen_on_loopback
from projects_mcp.http.approval.loopback_server import loopback_application
from projects_mcp.http.approval.site import Site, loopback_site
from projects_mcp.http.uvicorn_server import create_server
from projects_mcp.state.approvals import Approvals

__all__ = ["serve_until"]

_LOOK_S: Final = 0.25
"""Seconds between two looks at whether it is done."""
_SHOWN_S: Final = 1.0
"""Seconds after that, in which a browser can still load the page that says so."""
_DRAIN_S: Final = 1


async def serve_until(
    approvals: Approvals,
    is_done: Callable[[], Awaitable[bool]],
    tell: Callable[[Site], Awaitable[None]],
    most_s: float,
) -> bool:
    """Serve the pages of approvals and invitations until something is done.

    Args:
        approvals: what the pages show.
        is_done: whether it is.
        tell: is called once the pages are served, with where they are.
        most_s: seconds after which they are not served any more.

    Returns:
        Whether it was done in time.

    Raises:
        OSError: there is no port.
        StoreError: the state store cannot be used.
    """
    done, listener = False, listen_on_loopback()
    try:
        site = loopback_site(listener.getsockname()[1])
        server = create_server(loopback_application(approvals, site), _DRAIN_S, "off")
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(most_s):
                await tell(site)
                while not serving.done():
                    if done := await is_done():
                        await asyncio.sleep(_SHOWN_S)
                        break
                    await asyncio.wait([serving], timeout=_LOOK_S)
        except TimeoutError:
            pass
        finally:
            server.should_exit = True
            await asyncio.wait([serving], timeout=_DRAIN_S + 1)
            serving.cancel()
        return done
    finally:
        listener.close()
