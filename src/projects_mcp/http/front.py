"""The front of the HTTP server: health, admission, bounds and access lines, before anything of MCP is read."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import anyio

from projects_mcp.http.auth import AuthError, BearerAuthentication
from projects_mcp.http.callers import Caller

__all__ = ["ASGI", "BODY_BYTES", "PATH", "Front"]

access_logger: Final = logging.getLogger("projects_mcp.access")

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGI: TypeAlias = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

PATH: Final = "/mcp"
BODY_BYTES: Final = 1_048_576
"""The longest request body. The longest that a tool takes is far below."""
_BODY_S: Final = 20.0
_READY_FOR_S: Final = 5.0
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_METADATA: Final = "/.well-known/oauth-protected-resource"


class Front:
    """An ASGI application before another one.

    Args:
        application: what answers at `/mcp` once a request has come in.
        admission: who comes in.
        enter: makes a caller the present one while its request runs.
        needs: the scopes that a tool needs, by its name; none for a tool that is not there.
        ready: whether PostHog answers.
        metadata: the document that names the issuer of tokens; None where there is none.
    """

    def __init__(
        self,
        application: ASGI,
        admission: BearerAuthentication,
        *,
        enter: Callable[[Caller | None], Any],
        needs: Callable[[str], Iterable[str]],
        ready: Callable[[], Awaitable[bool]],
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.admission = admission
        self._application = application
        self._enter = enter
        self._needs = needs
        self._ready = ready
        self._metadata = metadata
        self._metadata_paths = {_METADATA, f"{_METADATA}{PATH}", f"{_METADATA}{_path_of(metadata)}"}
        self._checked_at = float("-inf")
        self._was_ready = False
        self._checking = anyio.Lock()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif scope["type"] == "http":
            await _Visit(self, scope, receive, send).run()
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def answer(self, visit: _Visit) -> None:
        """Answer a request, or turn it away."""
        if visit.path == "/healthz":
            await visit.reply(200, {"status": "alive"})
        elif visit.path == "/readyz":
            ready = await self._is_ready()
            await visit.reply(200 if ready else 503, {"status": "ready" if ready else "PostHog does not answer"})
        elif self._metadata is not None and visit.path in self._metadata_paths:
            await visit.reply(200, self._metadata)
        elif visit.path == PATH:
            visit.caller = await self.admission.caller(visit.headers("authorization"))
            if visit.method != "POST":  # a stateless server has nothing to say by itself, and no session to end
                raise AuthError(405, f"{PATH} takes POST only.", {"Allow": "POST"})
            await self._let_in(visit)
        else:
            raise AuthError(404, f"There is nothing here; the server is at {PATH}.")

    def note(self, visit: _Visit) -> None:
        """Write the access line: no query, no header and no body."""
        if visit.path in {"/healthz", "/readyz"}:
            return
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "event": "request",
            "method": visit.method if visit.method in _METHODS else "other",
            "path": visit.path if visit.path == PATH or visit.path.startswith(_METADATA) else "other",
            "status": visit.status,
            "duration_ms": round((time.monotonic() - visit.began) * 1000, 1),
            **({} if visit.caller is None else {"caller": visit.caller.name}),
        }
        access_logger.info("%s", json.dumps(line, separators=(",", ":")))

    async def _let_in(self, visit: _Visit) -> None:
        body = await visit.body()
        if visit.caller is not None and visit.caller.issuer is not None:
            self.admission.require(visit.caller, self._needs(_tool_of(body)))
        with self._enter(visit.caller):
            await self._application(visit.scope, _again(body, visit.receive), visit.send)

    async def _is_ready(self) -> bool:
        async with self._checking:
            if time.monotonic() - self._checked_at > _READY_FOR_S:
                self._was_ready = await self._ready()
                self._checked_at = time.monotonic()
            return self._was_ready


class _Visit:
    """One request, and what has become of it."""

    def __init__(self, front: Front, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.caller: Caller | None = None
        self.status: int | None = None
        self.began = time.monotonic()
        self._front = front
        self._send = send

    async def run(self) -> None:
        """Answer the request, and leave its line."""
        try:
            await self._front.answer(self)
        except AuthError as refusal:
            await self.reply(refusal.status, {"error": refusal.sentence}, refusal.headers)
        finally:
            self._front.note(self)

    def headers(self, name: str) -> list[str]:
        """Return the values of a header; its name in lower case."""
        wanted = name.encode()
        return [value.decode("latin-1") for key, value in self.scope["headers"] if key == wanted]

    async def send(self, message: Message) -> None:
        """Pass on a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def reply(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        """Answer with a JSON object."""
        data = json.dumps(body).encode()
        fields = {"Content-Type": "application/json", "Content-Length": str(len(data)), "Cache-Control": "no-store"}
        if status in {408, 413}:
            fields["Connection"] = "close"  # the rest of the body is still to come, and nobody will read it
        listed = [(name.lower().encode(), value.encode()) for name, value in {**fields, **(headers or {})}.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": listed})
        await self.send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else data})

    async def body(self) -> bytes:
        """Read the body, within bounds.

        Raises:
            TurnedAway: 413, it is too long; 408, it takes too long; 400, it is cut off.
        """
        too_long = AuthError(413, f"The request is longer than {BODY_BYTES} bytes.")
        announced = self.headers("content-length")
        if announced and announced[0].isdigit() and int(announced[0][:20]) > BODY_BYTES:
            raise too_long
        body = bytearray()
        with anyio.move_on_after(_BODY_S):
            while True:
                message = await self.receive()
                if message["type"] == "http.disconnect":
                    raise AuthError(400, "The request was cut off.")  # what did not arrive whole is not run
                body += message.get("body", b"")
                if len(body) > BODY_BYTES:
                    raise too_long
                if not message.get("more_body", False):
                    return bytes(body)
        raise AuthError(408, f"The request took longer than {_BODY_S:g} seconds to arrive.")


def _path_of(metadata: Mapping[str, Any] | None) -> str:
    """Return the path of the resource, as its callers see it: RFC 9728 puts it behind the well-known one."""
    return urlsplit(str((metadata or {}).get("resource", ""))).path.rstrip("/")


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that has been read once more, and then whatever comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


def _tool_of(body: bytes) -> str:
    """Return which tool a request calls; empty for other requests, and for what cannot be read."""
    try:
        message = json.loads(body)
        name = message["params"]["name"] if message["method"] == "tools/call" else ""
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return name if isinstance(name, str) else ""
