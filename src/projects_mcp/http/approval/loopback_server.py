"""The server of the pages on a port of this machine. Imported when the first approval is offered, and not before."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Final

import anyio
from starlette.exceptions import HTTPException
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from projects_mcp.http.approval.pages import message_page
from projects_mcp.http.approval.responses import page_response
from projects_mcp.http.approval.routes import approval_routes
from projects_mcp.http.approval.site import Site, loopback_site
from projects_mcp.http.request_checks import OneReading
from projects_mcp.http.uvicorn_server import create_server
from projects_mcp.state.approvals import APPROVAL_S, Approvals

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from projects_mcp.gateway.approval_page import ApprovalPage

__all__ = ["loopback_application", "serve_while_needed"]

_DRAIN_S: Final = 1
_END_S: Final = 0.5
"""Seconds to close the connections in, when the process ends."""


async def serve_while_needed(listener: socket.socket, page: ApprovalPage, approvals: Approvals) -> None:
    """Serve the pages until the last approval that was offered is over, and close the listener.

    Args:
        listener: of the page; it is this function's from now on.
        page: says when an approval was last offered. It has forgotten the listener when this returns.
        approvals: what is shown and decided.
    """
    server = create_server(loopback_application(approvals, loopback_site(listener.getsockname()[1])), _DRAIN_S, "off")
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        while (left_s := page.needed_at + APPROVAL_S - anyio.current_time()) > 0:
            await asyncio.wait([serving], timeout=left_s)
            if serving.done():
                break
        page.release(listener)  # before anything is waited for: an approval that is offered now gets another port
        server.should_exit = True
        await asyncio.shield(serving)
    finally:
        page.release(listener)
        server.should_exit = server.force_exit = True
        with anyio.CancelScope(shield=True):
            await asyncio.wait([serving], timeout=_END_S)
        serving.cancel()
        listener.close()


def loopback_application(approvals: Approvals, site: Site) -> ASGIApp:
    """Return the application that serves the pages on a port of this machine."""
    router = Router(routes=approval_routes(approvals, site), default=_nothing_here, redirect_slashes=False)
    return _Pages(OneReading(router))


class _Pages:
    """Shows a page for a request that no page answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            await self._app(scope, receive, send)
        except HTTPException as error:
            page = page_response(message_page("Not done", error.detail), error.status_code, error.headers)
            await page(scope, receive, send)


async def _nothing_here(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise HTTPException(404, "There is nothing here.")
