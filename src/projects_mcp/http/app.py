"""The ASGI application: its routes and its middlewares, in the order in which a request meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecuritySettings
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from projects_mcp.config.parsers import is_loopback
from projects_mcp.config.settings import Serving
from projects_mcp.http.approval.routes import approval_routes
from projects_mcp.http.approval.site import Site, loopback_site, public_site
from projects_mcp.http.auth import BearerAuthenticator
from projects_mcp.http.caller_checks import Reauthentication, RequestsInFlight
from projects_mcp.http.health import LIVENESS_PATH, READINESS_PATH, Liveness, Readiness
from projects_mcp.http.jwks import IssuerKeys
from projects_mcp.http.jwt import Issuer
from projects_mcp.http.limits import BODY_BYTES
from projects_mcp.http.middleware import (
    MCP_PATH,
    AccessLog,
    BearerAuthentication,
    BodyLimit,
    CallerIdentity,
    JSONErrors,
    PostOnly,
    RequiredScopes,
)
from projects_mcp.http.request_checks import KnownHosts, OneBodyLength
from projects_mcp.http.resource_metadata import ResourceMetadata
from projects_mcp.http.tenants import Tenants
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.state.approvals import Approvals

__all__ = ["create_app"]

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


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

    security = _transport_security(address, serving)
    site = _approval_site(serving, host, port)
    if site is not None:
        tenants.approval_page.base = site.base
    server = ProjectsServer(tenants.default_runner, serving.signing_keys)
    server.streamable_http_app(
        stateless_http=True,
        max_request_body_size=BODY_BYTES,
        transport_security=security,
    )
    sessions = server.session_manager  # there since the call before

    @asynccontextmanager
    async def lifespan(_app: Router) -> AsyncIterator[None]:
        async with sessions.run():
            yield

    return Router(
        routes=[
            Route(
                MCP_PATH,
                StreamableHTTPASGIApp(sessions),
                middleware=[
                    Middleware(BearerAuthentication, tenants, authenticator),
                    Middleware(PostOnly),
                    Middleware(KnownHosts, security.allowed_hosts, security.allowed_origins),
                    Middleware(RequestsInFlight, tenants),
                    Middleware(BodyLimit),
                    Middleware(Reauthentication, tenants, authenticator),
                    Middleware(RequiredScopes, authenticator),
                    Middleware(CallerIdentity, tenants),
                    Middleware(AuthContextMiddleware),
                ],
            ),
            Route(LIVENESS_PATH, Liveness()),
            Route(READINESS_PATH, Readiness(tenants)),
            *([] if metadata is None else [Route(path, metadata) for path in metadata.paths]),
            *([] if site is None else approval_routes(Approvals(tenants.store), site)),
        ],
        middleware=[Middleware(AccessLog, tenants.redactor), Middleware(JSONErrors), Middleware(OneBodyLength)],
        default=_not_found,
        redirect_slashes=False,
        lifespan=lifespan,
    )


async def _not_found(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise HTTPException(404, f"There is nothing here; the server is at {MCP_PATH}.")


def _approval_site(serving: Serving, host: str, port: int) -> Site | None:
    """Return where the pages of approvals are; None if nobody could be told an address."""
    if serving.public_url is not None:
        return public_site(serving.public_url, serving.hosts)
    return loopback_site(port) if is_loopback(host) else None


def _transport_security(address: str, serving: Serving) -> TransportSecuritySettings:
    """Allow the hosts and origins that the operator named, and this machine.

    Always explicit: the SDK checks nothing by default if the address is not a loopback one.
    """
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=_with_ports((*_LOOPBACK, address, *serving.hosts)),
        allowed_origins=_with_ports((*(f"http://{name}" for name in _LOOPBACK), *serving.origins)),
    )


def _with_ports(names: tuple[str, ...]) -> list[str]:
    return [form for name in names for form in ((name,) if _has_port(name) else (name, f"{name}:*"))]


def _has_port(name: str) -> bool:
    return name.rpartition(":")[2].isdigit() and not name.endswith("]")
