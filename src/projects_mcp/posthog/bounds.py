"""One request within its time, and what became of it if it failed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio

from projects_mcp.errors.connection import PostHogError, RequestNotSent, ResponseLost

__all__ = ["Exchange", "bounded"]


@dataclass(slots=True)
class Exchange:
    """What is known of one request on its way."""

    sent: bool = False

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        """Learn from the HTTP library that the request is about to leave."""
        if event.endswith("send_request_headers.started"):
            self.sent = True


@asynccontextmanager
async def bounded(exchange: Exchange, within_s: float) -> AsyncIterator[None]:
    """Hold everything inside to a deadline, and turn what the HTTP library raises into our errors.

    Args:
        exchange: tells whether the request has left.
        within_s: seconds for all of it.

    Raises:
        RequestNotSent: it has not left.
        ResponseLost: it has, and no whole response came back.
    """
    import httpx  # noqa: PLC0415 - only who sends a request waits for its import

    try:
        with anyio.fail_after(max(within_s, 0)):
            yield
    except TimeoutError:
        raise _lost(exchange, "timeout") from None
    except httpx.ConnectTimeout:  # one transport says so too when an answer does not come
        raise (ResponseLost("connection") if exchange.sent else RequestNotSent("connect_timeout")) from None
    except httpx.TimeoutException:
        raise _lost(exchange, "timeout") from None
    except httpx.ProxyError:
        raise RequestNotSent("proxy") from None
    except httpx.ConnectError as error:
        raise RequestNotSent("tls" if _is_tls(error) else "unreachable") from None
    except httpx.RemoteProtocolError:
        raise _lost(exchange, "protocol") from None
    except (httpx.HTTPError, httpx.StreamError, OSError):
        raise _lost(exchange, "connection") from None


def _lost(exchange: Exchange, reason: str) -> PostHogError:
    return ResponseLost(reason) if exchange.sent else RequestNotSent(reason)


def _is_tls(error: BaseException) -> bool:
    import ssl  # noqa: PLC0415 - httpx brings it

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
