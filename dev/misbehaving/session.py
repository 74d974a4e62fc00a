"""A session in one era of the protocol, on which a client can do what a library would not let it do."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from dev.misbehaving.transports import Connection, Message

__all__ = ["LEGACY", "MODERN", "Elicitation", "Era", "Session", "ToolCall"]

Era = Literal["2025-11-25", "2026-07-28"]
LEGACY: Final = "2025-11-25"
"""The last revision in which the server asks by a request in the middle of a call."""
MODERN: Final = "2026-07-28"
"""The first in which a question ends the call, and its answer comes with another one."""

_META: Final = "io.modelcontextprotocol/"
_METHOD_NOT_FOUND: Final = -32601


class Elicitation(NamedTuple):
    """A question of the server's.

    Attributes:
        key: the id of the request, or the name among the inputs that are required.
        form: the schema of the form that is to be filled in.
        state: what has to come back with the answer; of the newer era only.
    """

    key: Any
    form: Mapping[str, Any]
    state: str | None


@dataclass
class ToolCall:
    """A call that is under way, or over."""

    number: int
    began: float
    response: asyncio.Future[Message | None]
    took_s: float | None = None
    """Seconds until the server responded; None while it has not."""

    @property
    def result(self) -> Mapping[str, Any]:
        """The result, empty if there is none yet, or an error."""
        message = self._message or {}
        result = message.get("result")
        return result if isinstance(result, dict) else {}

    @property
    def asks(self) -> bool:
        """Whether the call ended with a question."""
        return self.result.get("resultType") == "input_required"

    @property
    def claims_success(self) -> bool:
        """Whether the server says that it did what it was told to do."""
        return bool(self.result) and not self.asks and not self.result.get("isError")

    @property
    def text(self) -> str:
        """What the server said, for a person or a model."""
        error = (self._message or {}).get("error")
        if isinstance(error, dict):
            return str(error.get("message", ""))
        blocks = self.result.get("content")
        return " ".join(str(block.get("text", "")) for block in blocks) if isinstance(blocks, list) else ""

    @property
    def _message(self) -> Message | None:
        return self.response.result() if self.response.done() and not self.response.cancelled() else None


@dataclass
class Session:
    """A session on a connection.

    Attributes:
        connection: where it takes place.
        era: the revision of the protocol.
        declares: whether the client says that it can show questions.
        within_s: seconds that the server may take to respond.
    """

    connection: Connection
    era: Era
    declares: bool
    within_s: float
    closed: bool = False
    _questions: asyncio.Queue[Elicitation] = field(default_factory=asyncio.Queue)
    _calls: dict[int, ToolCall] = field(default_factory=dict)
    _number: int = 0
    _reader: asyncio.Task[None] | None = None

    async def open(self) -> bool:
        """Begin. Return whether the server speaks this revision."""
        self._reader = asyncio.create_task(self._read())
        if self.era == MODERN:
            hello = await self._request("server/discover", {})
            await self.wait(hello)
            return MODERN in hello.result.get("supportedVersions", [])
        about = {"protocolVersion": LEGACY, "capabilities": self._capabilities, "clientInfo": _CLIENT}
        hello = await self._request("initialize", about)
        await self.wait(hello)
        await self.notify("notifications/initialized", {})
        return bool(hello.result)

    async def aclose(self) -> None:
        """Go away."""
        if not self.closed:
            self.closed = True
            await self.connection.aclose()
            if self._reader is not None:
                self._reader.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._reader

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        answers: Mapping[str, Any] | None = None,
        state: str | None = None,
    ) -> ToolCall:
        """Call a tool. In the newer era a call can carry answers, and the state that belongs to them."""
        params: dict[str, Any] = {"name": tool, "arguments": dict(arguments)}
        if answers is not None:
            params["inputResponses"] = dict(answers)
        if state is not None:
            params["requestState"] = state
        return await self._request("tools/call", params)

    async def question(self, call: ToolCall) -> Elicitation | None:
        """Wait for the server's question; None if the call ends without one, or nothing comes in time."""
        if self.era == MODERN:
            await self.wait(call)
            inputs = call.result.get("inputRequests") if call.asks else None
            if not isinstance(inputs, dict):
                return None
            key, request = next(iter(inputs.items()))
            return Elicitation(
                key, request.get("params", {}).get("requestedSchema", {}), call.result.get("requestState")
            )
        asked = asyncio.create_task(self._questions.get())
        waiting: list[asyncio.Future[Any]] = [asked, call.response]
        await asyncio.wait(waiting, timeout=self.within_s, return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            return asked.result()
        asked.cancel()
        return None

    async def wait(self, call: ToolCall) -> None:
        """Wait until the server has responded to a call, or its time is over, or it is gone."""
        left = self.within_s - (time.monotonic() - call.began)
        await asyncio.wait([call.response], timeout=max(left, 0))

    async def answer(self, key: Any, result: Mapping[str, Any]) -> None:
        """Answer a request of the server's, whether or not it made one."""
        await self.connection.send({"jsonrpc": "2.0", "id": key, "result": dict(result)})

    async def fail(self, key: Any) -> None:
        """Answer a request of the server's with an error."""
        error = {"code": _METHOD_NOT_FOUND, "message": "Method not found"}
        await self.connection.send({"jsonrpc": "2.0", "id": key, "error": error})

    async def notify(self, method: str, params: Mapping[str, Any]) -> None:
        """Send a notification."""
        await self.connection.send({"jsonrpc": "2.0", "method": method, "params": self._with_meta(params)})

    async def _request(self, method: str, params: Mapping[str, Any]) -> ToolCall:
        self._number += 1
        call = ToolCall(self._number, time.monotonic(), asyncio.get_running_loop().create_future())
        self._calls[call.number] = call
        if self.closed:
            call.response.set_result(None)
            return call
        message = {"jsonrpc": "2.0", "id": call.number, "method": method, "params": self._with_meta(params)}
        await self.connection.send(message)
        return call

    @property
    def _capabilities(self) -> dict[str, Any]:
        return {"elicitation": {}} if self.declares else {}

    def _with_meta(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if self.era == LEGACY:
            return dict(params)
        meta = {"protocolVersion": MODERN, "clientCapabilities": self._capabilities, "clientInfo": _CLIENT}
        return {**params, "_meta": {f"{_META}{name}": value for name, value in meta.items()}}

    async def _read(self) -> None:
        """Take whatever comes, until nothing comes any more."""
        while (message := await self.connection.receive()) is not None:
            if "method" not in message:
                call = self._calls.get(message.get("id", 0))
                if call is not None and not call.response.done():
                    call.took_s = time.monotonic() - call.began
                    call.response.set_result(message)
            elif message["method"] == "elicitation/create":
                form = message.get("params", {}).get("requestedSchema", {})
                await self._questions.put(Elicitation(message["id"], form, None))
            elif message["method"] == "ping":
                await self.answer(message["id"], {})
            elif "id" in message:
                await self.fail(message["id"])
        for call in self._calls.values():
            if not call.response.done():
                call.response.set_result(None)


_CLIENT: Final = {"name": "misbehaving", "version": "1"}
