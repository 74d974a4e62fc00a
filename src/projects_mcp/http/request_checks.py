"""The middlewares that check the headers of a request: one length of the body, and a known host and origin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["KnownHosts", "OneBodyLength"]

_PORT_DIGITS: Final = 5
_ANY_PORT: Final = ":*"


class OneBodyLength:
    """Refuses a request with both `Content-Length` and `Transfer-Encoding`, and closes its connection.

    A proxy that believes the other header sees another end of the request, and another request behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            HTTPException: 400, it has both headers.
        """
        if scope["type"] == "http" and {b"content-length", b"transfer-encoding"} <= {
            name for name, _ in scope["headers"]
        }:
            raise HTTPException(
                400, "A request has Content-Length or Transfer-Encoding, not both.", {"Connection": "close"}
            )
        await self._app(scope, receive, send)


class KnownHosts:
    """Refuses a request whose `Host` or `Origin` is not listed.

    Stands before the SDK, which compares only the beginning if every port is allowed: with `127.0.0.1:*`, it takes
    `127.0.0.1:8000.evil.example` too.

    Args:
        app: answers the request.
        hosts: allowed values of `Host`. One that ends in `:*` stands for every port of that name.
        origins: allowed values of `Origin`, likewise. A request may have none.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            HTTPException: 421, its host is not listed; 403, its origin is not listed.
        """
        hosts = _values_of(scope, b"host")
        if not hosts or not all(_is_listed(host, self._hosts) for host in hosts):
            raise HTTPException(421, "This server does not answer under that Host.")
        if not all(_is_listed(origin, self._origins) for origin in _values_of(scope, b"origin") if origin):
            raise HTTPException(403, "Pages of that Origin may not call this server.")
        await self._app(scope, receive, send)


def _values_of(scope: Scope, header: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == header]


def _is_listed(value: str, listed: frozenset[str]) -> bool:
    """Compare a value whole: with a listed one, or its name and its port with one of every port."""
    name, _, port = value.rpartition(":")
    if port.isascii() and port.isdigit() and len(port) <= _PORT_DIGITS and name + _ANY_PORT in listed:
        return True
    return value in listed and not value.endswith(_ANY_PORT)
