"""The middlewares that check the head of a request: it is read in one way only, and names a known host and origin."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from projects_mcp.http.cors import Pages

__all__ = ["KnownHosts", "OneReading"]

_ABSOLUTE: Final = re.compile(rb"https?://([^/]*)(/.*)?", re.IGNORECASE | re.DOTALL)
_PORT_DIGITS: Final = 5
_ANY_PORT: Final = ":*"


class OneReading:
    """Gives the head of a request the one meaning that everything behind it sees, or refuses it.

    With both `Content-Length` and `Transfer-Encoding`, a proxy that believes the other header sees another end of the
    request, and another request behind it. A target that is a whole address says the host, and `Host` is ignored:
    RFC 9112, 3.2.2.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            HTTPException: 400, it has two lengths.
        """
        if scope["type"] == "http":
            if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
                raise HTTPException(
                    400, "A request has Content-Length or Transfer-Encoding, not both.", {"Connection": "close"}
                )
            if not scope["path"].startswith("/"):
                _use_path_and_host(scope)
        await self._app(scope, receive, send)


def _use_path_and_host(scope: Scope) -> None:
    """Write a target that is a whole address as path and host; leave any other target as it is."""
    match = _ABSOLUTE.fullmatch(scope["raw_path"])
    if match is None:
        return
    scope["raw_path"] = match[2] or b"/"
    scope["path"] = unquote(scope["raw_path"].decode("ascii"))
    others = [(name, value) for name, value in scope["headers"] if name != b"host"]
    scope["headers"] = [(b"host", match[1]), *others]


class KnownHosts:
    """Refuses a request whose `Host` or `Origin` is not known, before anybody looks at its token.

    Args:
        app: answers the request.
        hosts: allowed values of `Host`, in lower case. One without a port stands for every port of that name.
        pages: decides on requests that have an `Origin`.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], pages: Pages) -> None:
        self._app = app
        self._hosts = frozenset((*hosts, *(host + _ANY_PORT for host in hosts if not _has_port(host))))
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            HTTPException: 421, its host is not known; 403, its origin is not.
        """
        hosts = _values_of(scope, b"host")
        if not hosts or not all(_is_listed(host.lower(), self._hosts) for host in hosts):
            raise HTTPException(421, "This server does not answer under that Host.")
        origins = _values_of(scope, b"origin")
        if any(origins):
            await self._pages.answer(self._app, origins, scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _values_of(scope: Scope, header: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == header]


def _is_listed(value: str, listed: frozenset[str]) -> bool:
    """Compare a value whole: with a listed one, or its name and its port with one of every port."""
    name, _, port = value.rpartition(":")
    if port.isascii() and port.isdigit() and len(port) <= _PORT_DIGITS and name + _ANY_PORT in listed:
        return True
    return value in listed and not value.endswith(_ANY_PORT)


def _has_port(host: str) -> bool:
    return host.rpartition(":")[2].isdigit() and not host.endswith("]")
