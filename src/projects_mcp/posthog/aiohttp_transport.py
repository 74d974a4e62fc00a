"""The transport over `aiohttp`, where the extra `projects-mcp[aiohttp]` is installed: the same behaviour for less CPU.

What `aiohttp` does on its own account and `httpx` does not is switched off: keeping cookies, following redirects,
decompressing, and sending a request again whose connection broke.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from httpx_aiohttp import AiohttpTransport

from projects_mcp.errors.connection import RequestNotSent, ResponseLost

if TYPE_CHECKING:
    from projects_mcp.errors.connection import PostHogError

__all__ = ["AiohttpOnceTransport"]

_KEEP_ALIVE_S: Final = 5.0
_REASONS: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    ((aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError), "proxy"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "tls"),
    ((aiohttp.ConnectionTimeoutError,), "connect_timeout"),
    ((aiohttp.ClientConnectorError,), "unreachable"),
    ((TimeoutError,), "timeout"),
    ((aiohttp.ClientResponseError, aiohttp.ServerDisconnectedError, ValueError), "protocol"),
)
"""The first that fits tells what happened."""


class _Attempt:
    """One request of ours, which is on the wire once at the most."""

    def __init__(self, trace: Callable[[str, dict[str, Any]], Awaitable[None]]) -> None:
        self.trace = trace
        self.begun = False
        self.connected = False


_attempt: Final[ContextVar[_Attempt]] = ContextVar("attempt")


class AiohttpOnceTransport(AiohttpTransport):
    """A transport for `httpx` requests that sends each of them once.

    Args:
        tls: what to trust; None for plain http.
        connections: at the most, at the same time.
        proxy: an `httpx.Proxy` to go through; None for none.
    """

    def __init__(self, tls: ssl.SSLContext | None, connections: int, proxy: Any) -> None:
        super().__init__(verify=tls or False, proxy=proxy, client=lambda: _session(tls, connections))

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request, and return the answer with its body unread.

        Raises:
            NotSent: no connection could be made.
            AnswerLost: there was one, and no head of an answer came back over it.
        """
        attempt = _Attempt(request.extensions["trace"])
        token = _attempt.set(attempt)
        try:
            return await super().handle_async_request(request)
        except Exception as error:  # noqa: BLE001 - those of three packages, and none of them is ours
            raise _failure(error, sent=attempt.connected) from None
        finally:
            _attempt.reset(token)


def _failure(error: BaseException, *, sent: bool) -> PostHogError:
    """Say what became of a request. The package between calls every failed connection a time-out; its cause tells."""
    cause = error if isinstance(error, aiohttp.ClientError) else error.__cause__ or error
    reason = next((reason for kinds, reason in _REASONS if isinstance(cause, kinds)), "connection")
    return ResponseLost(reason) if sent else RequestNotSent(reason)


def _session(tls: ssl.SSLContext | None, connections: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=_Connector(ssl=tls or False, limit=connections, keepalive_timeout=_KEEP_ALIVE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        middlewares=[_once],
    )


class _Connector(aiohttp.TCPConnector):
    """Tells a request when it has its connection: from there on it may have left."""

    async def connect(self, *arguments: Any, **named: Any) -> Any:
        connection = await super().connect(*arguments, **named)
        attempt = _attempt.get()
        attempt.connected = True
        await attempt.trace("http11.send_request_headers.started", {})
        return connection


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Refuse to send again what has been on its way: `aiohttp` would, for methods that it takes to be harmless."""
    attempt = _attempt.get()
    if attempt.begun:
        raise aiohttp.ServerDisconnectedError
    attempt.begun = True
    return await handler(request)
