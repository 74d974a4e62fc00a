"""The ASGI application: its routes and its middlewares, in the order in which a request meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from projects_mcp.config.parsers import is_loopback
from projects_mcp.config.settings import Serving
from projects_mcp.config.web_names import host_of
from projects_mcp.http.accept import AcceptedKinds
from projects_mcp.http.approval.routes import approval_routes
from projects_mcp.http.approval.site import Site, loopback_site, public_site
from projects_mcp.http.auth import BearerAuthenticator
from projects_mcp.http.body import BodyLimit
from projects_mcp.http.caller_checks import Reauthentication, RequestsInFlight
from projects_mcp.http.cors import LOOPBACK, Pages
from projects_mcp.http.health import LIVENESS_PATH, READINESS_PATH, Liveness, Readiness
from projects_mcp.http.jwks import IssuerKeys
from projects_mcp.http.jwt import Issuer
from projects_mcp.http.limits import BODY_BYTES
from projects_mcp.http.middleware import (
    MCP_PATH,
    MCP_PATHS,
    AccessLog,
    BearerAuthentication,
    CallerIdentity,
    JSONErrors,
    PostOnly,
    RequiredScopes,
)
from projects_mcp.http.request_checks import KnownHosts, OneReading
from projects_mcp.http.resource_metadata import ResourceMetadata
from projects_mcp.http.tenants import Tenants
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.state.approvals import Approvals

__all__ = ["create_app"]

_CHECKED_BEFORE: Final = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""Said because the SDK decides by the address otherwise. `KnownHosts` stands before it and is stricter: with
`127.0.0.1:*` the SDK takes `127.0.0.1:8000.evil.example` too, and it knows a name in one case only."""


def create_app(tenants: Tenants, serving: Serving, host: str, port: int) -> Router:
    """Build the ASGI application: the SDK's Streamable HTTP for both protocol eras, stateless, and ours around it.

    Args:
        tenants: hold the callers and their tool runners.
        serving: what the operator has decided about serving.
        host: the address it listens on.
        port: the port it listens on.
    """
    address = f"[{host}]" if ":" in host else host
    public = serving.public_url or f"http://{address}:{port}{MCP_PATH}"
    issuer = metadata = None
    if serving.issuer is not None:
        keys = IssuerKeys(serving.issuer, serving.jwks)
        issuer = Issuer(serving.issuer, serving.audience or public, keys)
        metadata = ResourceMetadata(public, serving.issuer, MCP_PATH)
    authenticator = BearerAuthenticator(tenants, issuer, None if metadata is None else metadata.address)

    site = _approval_site(serving, host, port)
    if site is not None:
        tenants.approval_page.base = site.base
    server = ProjectsServer(tenants.default_runner, serving.signing_keys)
    streaming, json_only = _session_manager(server, json_only=False), _session_manager(server, json_only=True)

    @asynccontextmanager
    async def lifespan(_app: Router) -> AsyncIterator[None]:
        async with streaming.run(), json_only.run():
            yield

    hosts = (*LOOPBACK, address.lower(), *serving.hosts, host_of(public) or address)
    mcp = [
        Middleware(KnownHosts, hosts, Pages(serving.origins, "POST")),
        Middleware(BearerAuthentication, tenants, authenticator),
        Middleware(PostOnly),
        Middleware(RequestsInFlight, tenants),
        Middleware(BodyLimit),
        Middleware(Reauthentication, tenants, authenticator),
        Middleware(RequiredScopes, authenticator),
        Middleware(CallerIdentity, tenants),
        Middleware(AuthContextMiddleware),
    ]
    endpoint = AcceptedKinds(StreamableHTTPASGIApp(streaming), StreamableHTTPASGIApp(json_only))
    documents = [Middleware(KnownHosts, hosts, Pages(serving.origins, "GET"))]
    return Router(
        routes=[
            *(Route(path, endpoint, middleware=mcp) for path in MCP_PATHS),
            Route(LIVENESS_PATH, Liveness()),
            Route(READINESS_PATH, Readiness(tenants)),
            *([] if metadata is None else [Route(path, metadata, middleware=documents) for path in metadata.paths]),
            *([] if site is None else approval_routes(Approvals(tenants.store), site)),
        ],
        middleware=[
            Middleware(AccessLog, tenants.redactor, tenants.tally),
            Middleware(JSONErrors),
            Middleware(OneReading),
        ],
        default=_not_found,
        redirect_slashes=False,
        lifespan=lifespan,
    )


def _session_manager(server: ProjectsServer, *, json_only: bool) -> StreamableHTTPSessionManager:
    """Build the SDK's Streamable HTTP of a server, which answers in JSON only or in a stream where that is needed."""
    server.streamable_http_app(
        stateless_http=True,
        json_response=json_only,
        max_request_body_size=BODY_BYTES,
        transport_security=_CHECKED_BEFORE,
    )
    return server.session_manager  # the one that the call before has built


async def _not_found(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise HTTPException(404, f"There is nothing here; the server is at {MCP_PATH}.")


def _approval_site(serving: Serving, host: str, port: int) -> Site | None:
    """Return where the pages of approvals are; None if nobody could be told an address."""
    if serving.public_url is not None:
        return public_site(serving.public_url, serving.hosts)
    return loopback_site(port) if is_loopback(host) else None
