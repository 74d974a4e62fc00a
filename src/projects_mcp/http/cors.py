"""Cross-origin resource sharing: what a page of a listed origin may send, and what of an answer it may read.

Only the origin itself is named in an answer, never `*`. No cookie authenticates here, so credentials are not allowed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from projects_mcp.config.web_names import origin_form
from projects_mcp.http.limits import PREFLIGHT_S

__all__ = ["LOOPBACK", "Pages"]

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
"""The names of this machine."""

_SENT: Final = (
    "Authorization, Content-Type, Last-Event-ID, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, "
    "traceparent, tracestate"
)
"""What clients of all revisions send, and a page may not send unasked. The two last ones are of W3C Trace Context."""
_READ: Final = "Retry-After, WWW-Authenticate"
"""What our answers have, and a page may not read unasked."""
_VARY: Final = {"Vary": "Origin"}


class Pages:
    """Decides which pages may call, and lets those of listed origins read the answers, refusals included.

    An origin of this machine that is not listed is answered without a word for browsers, so that programs which send
    one go on working, and pages cannot call.

    Args:
        listed: the origins, each in the form of `origin_form`.
        method: what pages send, besides a preflight.
    """

    def __init__(self, listed: Collection[str], method: str) -> None:
        self._listed = frozenset(listed)
        self._preflight: Final[Mapping[str, str]] = {
            "Access-Control-Allow-Methods": method,
            "Access-Control-Allow-Headers": _SENT,
            "Access-Control-Max-Age": str(PREFLIGHT_S),
        }

    async def answer(self, app: ASGIApp, origins: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request that names an origin. A preflight is answered here, and its body is not read.

        Args:
            app: answers all other requests.
            origins: each value of `Origin`.
            scope: of the request.
            receive: of the request.
            send: takes the answer.

        Raises:
            HTTPException: 403, its origin is not listed; and whatever `app` raises, for a page to read.
        """
        origin = origins[0]
        form = origin_form(origin) if len(origins) == 1 else None
        asked = {name for name, _ in scope["headers"] if name.startswith(b"access-control-request-")}
        preflight = scope["method"] == "OPTIONS" and b"access-control-request-method" in asked
        if form not in self._listed:
            if form is None or preflight or not _is_loopback(form):
                raise HTTPException(403, "Pages of that Origin may not call this server.", _VARY)
            await app(scope, receive, send)
            return
        shared = {"Access-Control-Allow-Origin": origin, **_VARY}
        if preflight:
            if b"access-control-request-private-network" in asked:
                shared["Access-Control-Allow-Private-Network"] = "true"
            await Response(status_code=204, headers={**shared, **self._preflight})(scope, receive, send)
            return
        shared["Access-Control-Expose-Headers"] = _READ
        try:
            await app(scope, receive, _adding(shared, send))
        except HTTPException as error:
            error.headers = {**(error.headers or {}), **shared}
            raise


def _is_loopback(form: str) -> bool:
    """Whether an origin is a page of this machine, of any port, without TLS."""
    scheme, _, host = form.partition("://")
    name, _, port = host.rpartition(":")
    return scheme == "http" and (host in LOOPBACK or (port.isdigit() and name in LOOPBACK))


def _adding(headers: Mapping[str, str], send: Send) -> Send:
    """Return a channel that adds headers to the answer."""
    added = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return send_with_headers
