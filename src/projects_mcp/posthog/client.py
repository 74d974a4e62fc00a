"""The one HTTP client: sends an operation once, within bounds, and returns its decoded answer or one of our errors.

`httpx` is imported in this room only, and on first use, so that a process that never calls PostHog never pays for it.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.to_thread

from projects_mcp._version import __version__
from projects_mcp.api.operations import KEY_INTROSPECTION, Operation
from projects_mcp.api.types import JSONObject, LargeObject
from projects_mcp.errors.connection import InvalidResponse, PostHogError, RequestNotSent
from projects_mcp.errors.rejected import RateLimited, StatusError, status_error
from projects_mcp.posthog.bounds import Exchange, bounded
from projects_mcp.posthog.credentials import BrowserSession, Credential, Credentials, authentication
from projects_mcp.posthog.http_date import parse_http_date
from projects_mcp.posthog.limits import Limits
from projects_mcp.posthog.pool import ASGIApplication, Connections
from projects_mcp.posthog.request_tally import RequestTally
from projects_mcp.posthog.response import at_most_values, decode, is_json, read_bounded
from projects_mcp.posthog.retry import Backoff, RetryBudget, retry_after_seconds
from projects_mcp.posthog.tracing import SDK_MODULE, request_span

if TYPE_CHECKING:
    import httpx

__all__ = ["PostHog"]

_HEADERS: Final = {
    "User-Agent": f"projects-mcp/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
}
_MOST_ADDRESSES: Final = 256
"""Addresses that are kept parsed: parsing one takes as long as writing its request."""
_NO_CONTENT: Final = 204
_FIRST_REDIRECT: Final = 300
_FIRST_ERROR: Final = 400
_FIRST_FAULT: Final = 500
_LARGE_BYTES: Final = 65_536
_LARGE_VALUES: Final = 4_000
"""Bytes and values of a body from which a thread works on it: more would hold the event loop for long."""


@dataclass(slots=True)
class _Channel:
    """What all requests with one credential share: the headers that prove it, and how long PostHog wants no more.

    Attributes:
        credential: whom to be; None for nobody. Held, because a channel is found by its identity.
        reading: the headers of a GET.
        writing: the headers of any other request.
        backoff: after PostHog has limited the rate; None as long as it has not.
    """

    credential: Credential | None
    reading: Mapping[str, str] = field(repr=False)
    writing: Mapping[str, str] = field(repr=False)
    backoff: Backoff | None = None


@dataclass
class PostHog:
    """PostHog at one origin, with the credentials of this process.

    Args:
        origin: scheme, host and port, without a trailing slash.
        credentials: whom to be.
        limits: bounds of time and size.
        application: an ASGI application to call in process instead of the network: the sandbox, or a test's recorder.
        shared: connections that other clients use too; None for some of its own.
        tally: counts the requests of connections of its own; None if nobody reads the counts.
    """

    origin: str
    credentials: Credentials
    limits: Limits = field(default_factory=Limits)
    application: ASGIApplication | None = field(default=None, repr=False)
    shared: Connections | None = field(default=None, repr=False)
    tally: RequestTally | None = field(default=None, repr=False)
    _channels: dict[int, _Channel] = field(default_factory=dict, init=False, repr=False)
    _dated: tuple[str, float] | None = field(default=None, init=False, repr=False)
    """The `Date` of the latest answer, and when it came."""

    async def send(
        self,
        operation: Operation,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        within_s: float | None = None,
    ) -> JSONObject:
        """Send one operation and return the JSON object that PostHog answered (empty for an answer without content).

        An operation that reads is sent again, up to twice, where that is likely to help; one that writes never is.

        Args:
            operation: what to send.
            path: its path with the target in it, as `operation.path` builds it.
            query: the query of the address.
            body: the JSON body.
            within_s: seconds for all of it, waiting included; the whole call's limit by default.

        Raises:
            RequestNotSent: the request never left.
            ResponseLost: it left, and no usable response came back (`InvalidResponse`: one came that cannot be read).
            StatusError: PostHog answered with an error status.
        """
        credential = self._credential_for(operation)
        if credential is None:
            raise RequestNotSent("no_credential")
        budget = RetryBudget(self.limits.repeats if operation.effect.reads else 0, self.limits.wait_s)
        deadline = anyio.current_time() + (self.limits.call_s if within_s is None else within_s)
        while True:
            left = deadline - anyio.current_time()
            try:
                return await self.exchange(operation.method, path, credential, left, query=query, body=body)
            except PostHogError as error:
                if isinstance(error, StatusError):
                    error.by_session = isinstance(credential, BrowserSession)
                pause = budget.pause(error)
                if pause is None or anyio.current_time() + pause >= deadline:
                    raise
                await anyio.sleep(pause)

    def _credential_for(self, operation: Operation) -> Credential | None:
        """Choose the one credential for an operation: the session for session-only operations, the key for all others.

        Without a session the key is tried for session-only operations too: older and self-hosted versions accept it. A
        session is never used if a key would do, and the two are never sent together.
        """
        if operation.session_only and self.credentials.session is not None:
            return self.credentials.session
        return self.credentials.key

    async def introspect_key(self) -> JSONObject:
        """Ask PostHog what the personal key may do. It answers any personal key, whatever its scopes.

        Raises:
            PostHogError: as `send` does.
        """
        if self.credentials.key is None:
            raise RequestNotSent("no_credential")
        return await self.exchange("GET", KEY_INTROSPECTION, self.credentials.key, self.limits.call_s)

    def now(self) -> datetime:
        """Return PostHog's own time, to about a second, from its latest answer; this machine's if it stated none."""
        stated = parse_http_date(self._dated[0]) if self._dated else None
        if self._dated is None or stated is None:
            return datetime.now(UTC)
        return stated + timedelta(seconds=time.monotonic() - self._dated[1])

    def acting_as(self, credentials: Credentials) -> PostHog:
        """Return a client with other credentials over the same connections. It waits for nobody else's throttling."""
        return PostHog(self.origin, credentials, self.limits, self.application, self._connections)

    async def answers(self) -> bool:
        """Whether PostHog answers at all. Asks as nobody, so a refusal is what it should answer."""
        try:
            await self.exchange("GET", KEY_INTROSPECTION, None, self.limits.connect_s)
        except StatusError as error:
            return error.status < _FIRST_FAULT
        except PostHogError:
            return False
        return True

    async def aclose(self) -> None:
        """Close the connections, if there are any. A later request opens new ones."""
        if self.shared is None:
            await self._connections.aclose()

    @cached_property
    def _connections(self) -> Connections:
        return self.shared or Connections(self.origin, self.application, self.tally)

    @cached_property
    def _url(self) -> Callable[[str], httpx.URL]:
        import httpx  # noqa: PLC0415 - see the head of this module

        return lru_cache(maxsize=_MOST_ADDRESSES)(httpx.URL)

    @cached_property
    def _timeout(self) -> dict[str, float | None]:
        read = self.limits.read_s
        return {"connect": self.limits.connect_s, "read": read, "write": read, "pool": None}

    @cached_property
    def _slots(self) -> anyio.Semaphore:
        return anyio.Semaphore(self.limits.connections, fast_acquire=True)

    async def exchange(
        self,
        method: str,
        path: str,
        credential: Credential | None,
        within_s: float,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> JSONObject:
        """Send one request, once. For all that is an operation there is `send`, with the same errors."""
        channel = self._channel(credential)
        headers = channel.reading if method == "GET" else channel.writing
        content = None
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
            content = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        import httpx  # noqa: PLC0415 - see the head of this module

        exchange = Exchange(sent=self.application is not None)
        async with bounded(exchange, within_s), self._slots:
            # Asked only when it is this request's turn: those that queued behind a refusal hear of it here.
            if channel.backoff is not None and (closed := channel.backoff.closed()) is not None:
                raise closed
            request = httpx.Request(
                method,
                self._url(f"{self.origin}{path}"),
                params=query,
                headers=headers,
                content=content,
                extensions={"timeout": self._timeout, "trace": exchange.trace},
            )
            span = nullcontext() if SDK_MODULE not in sys.modules else request_span(method, self.origin, path)
            with span as recorded, self._connections.acquire() as transport:
                response = await transport.handle_async_request(request)
                if date := response.headers.get("Date"):
                    self._dated = date, time.monotonic()
                if recorded is not None:
                    recorded.answered(response.status_code)
                try:
                    return await self._read(response)
                except RateLimited as error:
                    channel.backoff = channel.backoff or Backoff()
                    channel.backoff.note(error)
                    raise
                finally:
                    await response.aclose()

    def _channel(self, credential: Credential | None) -> _Channel:
        channel = self._channels.get(id(credential))
        if channel is None:
            reading, writing = (
                {**_HEADERS, **(authentication(credential, method, self.origin) if credential else {})}
                for method in ("GET", "POST")
            )
            channel = _Channel(credential, reading, writing)
            self._channels[id(credential)] = channel
        return channel

    async def _read(self, response: httpx.Response) -> JSONObject:
        import httpx  # noqa: PLC0415 - see the head of this module

        status = response.status_code
        if status == _NO_CONTENT:
            return {}
        if _FIRST_REDIRECT <= status < _FIRST_ERROR:
            raise InvalidResponse("redirect", status=status)
        try:
            value = await self._json(response)
        except (InvalidResponse, httpx.TransportError) as error:
            if status >= _FIRST_ERROR:  # the status says enough, whatever has become of the body
                raise status_error(status, None, retry_after_seconds(response.headers)) from None
            if isinstance(error, InvalidResponse):
                error.status = status
            raise
        if status >= _FIRST_ERROR:
            raise status_error(status, value, retry_after_seconds(response.headers))
        if not isinstance(value, dict):
            raise InvalidResponse("shape", status=status)
        return value

    async def _json(self, response: httpx.Response) -> Any:
        content_type = response.headers.get("Content-Type", "")
        if content_type and not is_json(content_type):
            raise InvalidResponse("html" if "html" in content_type.lower() else "content_type")
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        body = await read_bounded(response.aiter_raw(), encoding, self.limits.body_bytes)
        values = at_most_values(body)
        if values > self.limits.body_values:
            raise InvalidResponse("too_large")
        if len(body) <= _LARGE_BYTES and values <= _LARGE_VALUES:
            return decode(body)
        value = await anyio.to_thread.run_sync(decode, body)
        return LargeObject(value) if isinstance(value, dict) else value
