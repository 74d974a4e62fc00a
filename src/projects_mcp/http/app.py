"""The server over Streamable HTTP: the SDK's application for both protocol eras, stateless, behind our own front."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Final, cast

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings

from projects_mcp.config.settings import Serving
from projects_mcp.http.auth import BearerAuthentication
from projects_mcp.http.callers import SCOPES, Caller
from projects_mcp.http.front import ASGI, BODY_BYTES, PATH, Front, Receive, Send
from projects_mcp.http.jwt import Issuer
from projects_mcp.http.tenants import Tenants
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.tools.catalog import CATALOG

__all__ = ["application"]

_LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
_NEEDS: Final = {tool.name: SCOPES[:1] if tool.effect.reads else SCOPES for tool in CATALOG}


def application(switchboard: Tenants, serving: Serving, host: str, port: int) -> Front:
    """Build the ASGI application.

    Args:
        switchboard: runs the calls.
        serving: what the operator has decided about serving.
        host: the address it listens on.
        port: the port it listens on.
    """
    server = ProjectsServer(cast("Any", switchboard), serving.signing_keys)
    address = f"[{host}]" if ":" in host else host
    public = serving.public_url or f"http://{address}:{port}{PATH}"
    inner = server.streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        max_request_body_size=BODY_BYTES,
        # Always explicit: the SDK checks nothing where the address is not a loopback one.
        transport_security=TransportSecuritySettings(
            enable_dns_rebinding_protection=True,
            allowed_hosts=_with_ports((*_LOOPBACK, address, *serving.hosts)),
            allowed_origins=_with_ports((*(f"http://{name}" for name in _LOOPBACK), *serving.origins)),
        ),
    )
    issuer = None
    if serving.issuer is not None:
        issuer = Issuer(serving.issuer, serving.audience or public, serving.jwks)
    return Front(
        _Principal(inner, switchboard),
        BearerAuthentication(switchboard.callers, issuer, _metadata_address(public)),
        enter=switchboard.entered,
        needs=lambda tool: _NEEDS.get(tool, ()),
        ready=switchboard.ready,
        metadata=None
        if serving.issuer is None
        else {
            "resource": public,
            "authorization_servers": [serving.issuer],
            "scopes_supported": list(SCOPES),
            "bearer_methods_supported": ["header"],
            "resource_name": "projects-mcp",
        },
    )


class _Principal:
    """Tells the SDK whose request it is, so that it binds the state of a confirmation to that caller."""

    def __init__(self, inner: Any, switchboard: Tenants) -> None:
        self._inner = inner
        self._known: ASGI = AuthContextMiddleware(inner)
        self._switchboard = switchboard

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        caller = self._switchboard.present
        if caller is None:
            await self._inner(scope, receive, send)
        else:
            await self._known({**scope, "user": AuthenticatedUser(_token_of(caller))}, receive, send)


def _token_of(caller: Caller) -> AccessToken:
    """Describe a caller as the SDK wants it. Its token itself goes no further than the front."""
    return AccessToken(
        token="",
        client_id=caller.name,
        scopes=sorted(caller.rights.scopes or ()),
        subject=caller.name,
        claims=None if caller.issuer is None else {"iss": caller.issuer},
    )


def _with_ports(names: tuple[str, ...]) -> list[str]:
    return [form for name in names for form in ((name,) if _has_port(name) else (name, f"{name}:*"))]


def _has_port(name: str) -> bool:
    return name.rpartition(":")[2].isdigit() and not name.endswith("]")


def _metadata_address(public: str) -> str:
    """Where the document on the issuer is: RFC 9728 puts it before the path of the resource."""
    scheme, _, rest = public.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{scheme}://{authority}/.well-known/oauth-protected-resource{slash}{path}".rstrip("/")
