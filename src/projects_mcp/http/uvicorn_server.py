"""The HTTP server within its bounds: of connections, of the head of a request, and of what it logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import uvicorn

from projects_mcp.http.limits import ACCEPTED_AT_ONCE, KEEP_ALIVE_S
from projects_mcp.http.uvicorn_header_timeout import HeaderTimeoutProtocol
from projects_mcp.http.uvicorn_signals import ServerWithoutSignals

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["create_server"]


def create_server(app: ASGIApp, drain_s: int, lifespan: Literal["auto", "off"] = "auto") -> uvicorn.Server:
    """Create a server, which writes nothing to stdout and handles no signal.

    Args:
        app: answers the requests.
        drain_s: seconds that requests under way get at the end.
        lifespan: "off" for an application that needs no start.
    """
    config = uvicorn.Config(
        app,
        http=HeaderTimeoutProtocol,
        ws="none",
        lifespan=lifespan,
        backlog=ACCEPTED_AT_ONCE,  # of asyncio; the listener's own is longer
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=drain_s,
    )
    config.load()
    return ServerWithoutSignals(config)
