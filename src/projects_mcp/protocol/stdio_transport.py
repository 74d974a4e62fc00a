"""Carry the messages of one client over lines, and end without breaking what is under way.

The SDK's own transport drops what it cannot read, cancels all calls when its input ends, and fails when nobody reads
its output any more. It also holds a connection to the era of its first request, although a client that has only asked
for the revisions may still choose the handshake.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Container
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.dispatcher import as_request_id, coerce_request_id
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import (
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)

from projects_mcp.protocol.stdio_messages import Batch, Line, read_line, refuse_long_line
from projects_mcp.protocol.stdio_pipes import FINISH_S, LONGEST_LINE_BYTES, Lines, LongLine, Writer

__all__ = ["Streams", "conversations"]

logger: Final = logging.getLogger("projects_mcp")

_BYTE_ORDER_MARK: Final = "\ufeff"
_DISCOVER: Final = "server/discover"

Streams: TypeAlias = tuple[
    MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]
]


@asynccontextmanager
async def conversations(
    reader: Lines, writer: Writer, elsewhere: Container[RequestId] = ()
) -> AsyncIterator[MemoryObjectReceiveStream[Streams]]:
    """Give the conversations with one client: the streams that a server reads and writes, over the client's lines.

    One begins at once. A second one begins if `initialize` follows `server/discover` and no other request: a server of
    both eras decides by the request (MCP 2026-07-28, versioning), and a client that did not wait for the answer, or did
    not like it, falls back to the handshake. From there on, everything belongs to the second. Any other request decides
    for good, as the SDK has it.

    Args:
        reader: gives the client's lines.
        writer: takes those of the server. If nobody reads them any more, that is as if the input had ended.
        elsewhere: the ids of the client's requests that are under way, and that something else answers.
    """
    begin, begun = anyio.create_memory_object_stream[Streams](0)
    outgoing, from_server = anyio.create_memory_object_stream[SessionMessage](0)
    connection = _Connection(reader, writer, begin, outgoing, elsewhere)
    async with anyio.create_task_group() as group, begun:
        group.start_soon(connection.read)
        group.start_soon(connection.write, from_server)
        yield begun


@dataclass
class _Answers:
    """The answers to one batch: they leave together."""

    missing: set[RequestId]
    texts: list[str]


@dataclass
class _Connection:
    """What is known of one client.

    Attributes:
        reader: gives the client's lines.
        writer: takes those of the server.
        begin: takes each conversation that begins.
        outgoing: where the servers of all conversations write.
        elsewhere: the ids of requests that something else answers.
        revision: of the protocol, once a handshake has agreed on one.
    """

    reader: Lines
    writer: Writer
    begin: MemoryObjectSendStream[Streams]
    outgoing: MemoryObjectSendStream[SessionMessage]
    elsewhere: Container[RequestId] = ()
    revision: str | None = None
    _servers: list[MemoryObjectSendStream[SessionMessage | Exception]] = field(default_factory=list)
    """What each conversation reads; the last one is that of now."""
    _requested: set[str] = field(default_factory=set)
    """The methods of the requests so far."""
    _under_way: Counter[RequestId] = field(default_factory=Counter)
    """How many requests of each id have no answer: a client may use one for several at once."""
    _latest: dict[RequestId, RequestId] = field(default_factory=dict)
    """Of these, the latest by what the SDK finds it by when it is cancelled: a number in quotes is that number."""
    _handshake: RequestId | None = None
    _batches: dict[RequestId, _Answers] = field(default_factory=dict)
    _answered: anyio.Event = field(default_factory=anyio.Event)
    _reading: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    async def read(self) -> None:
        """Hand the messages of the client to the server, until the input ends and what is under way has finished."""
        async with self.begin, self.outgoing, AsyncExitStack() as ends:
            await self._converse(ends)
            with self._reading:
                first = True
                async for text in self.reader:
                    if isinstance(text, LongLine):
                        await self._refuse(refuse_long_line(text.beginning, LONGEST_LINE_BYTES))
                        continue
                    line = text.removeprefix(_BYTE_ORDER_MARK) if first else text
                    first = False
                    if line and not line.isspace():
                        await self._take(line, ends)
            with anyio.move_on_after(FINISH_S):
                while self._under_way:
                    self._answered = anyio.Event()
                    await self._answered.wait()

    async def _converse(self, ends: AsyncExitStack) -> None:
        """Begin a conversation. The one before goes on, so that what it has under way is answered."""
        to_server, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        self._servers.append(await ends.enter_async_context(to_server))
        await self.begin.send((incoming, self.outgoing.clone()))

    async def _take(self, text: str, ends: AsyncExitStack) -> None:
        line = read_line(text, self.revision)
        if line.message is not None:
            if isinstance(line.message, JSONRPCRequest):
                if line.message.method == "initialize" and self._requested == {_DISCOVER}:
                    await self._converse(ends)
                self._requested.add(line.message.method)
            await self._hand_over(line.message)
        elif line.batch is not None:
            await self._begin_batch(line.batch)
        else:
            await self._refuse(line)

    async def _refuse(self, line: Line) -> None:
        errors = [error for error in line.errors if not self._is_under_way(error.id)]
        if not errors:
            logger.warning("A line of the client is no message with an id that can be read; it is ignored.")
        for error in errors:
            await self._write_line(_dump(error))

    def _is_under_way(self, number: RequestId | None) -> bool:
        return number in self._under_way or number in self.elsewhere

    async def _begin_batch(self, batch: Batch) -> None:
        requests = {message.id for message in batch.messages if isinstance(message, JSONRPCRequest)}
        answers = _Answers(requests - self._under_way.keys(), [_dump(error) for error in batch.errors])
        self._batches |= dict.fromkeys(answers.missing, answers)
        await self._end_batch(answers)  # of notifications and errors only
        for message in batch.messages:
            await self._hand_over(message)

    async def _hand_over(self, message: JSONRPCMessage) -> None:
        if isinstance(message, JSONRPCRequest):
            self._under_way[message.id] += 1
            self._latest[coerce_request_id(message.id)] = message.id
            if message.method == "initialize":
                self._handshake = message.id
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            named = as_request_id((message.params or {}).get("requestId"))
            number = None if named is None else self._latest.get(coerce_request_id(named))
            if number is not None:
                await self._forget(number)
        await self._servers[-1].send(SessionMessage(message))

    async def _forget(self, number: RequestId) -> None:
        """Wait no more for the answer to a request that was cancelled: there will be none."""
        self._settle(number)
        answers = self._batches.pop(number, None)
        if answers is not None:
            answers.missing.discard(number)
            await self._end_batch(answers)

    async def write(self, server: MemoryObjectReceiveStream[SessionMessage]) -> None:
        """Write the messages of the server, one a line; the answers to a batch in one line."""
        async with server:
            async for item in server:
                message = item.message
                text = _dump(message)
                if not isinstance(message, JSONRPCResponse | JSONRPCError) or message.id is None:
                    await self._write_line(text)
                    continue
                if message.id == self._handshake and isinstance(message, JSONRPCResponse):
                    revision = message.result.get("protocolVersion")
                    self.revision = revision if isinstance(revision, str) else None
                answers = self._batches.pop(message.id, None)
                if answers is None:
                    await self._write_line(text)
                else:
                    answers.missing.discard(message.id)
                    answers.texts.append(text)
                    await self._end_batch(answers)
                self._settle(message.id)

    async def _end_batch(self, answers: _Answers) -> None:
        if answers.texts and not answers.missing:
            await self._write_line(f"[{','.join(answers.texts)}]")

    def _settle(self, number: RequestId) -> None:
        self._under_way[number] -= 1
        if self._under_way[number] <= 0:
            del self._under_way[number]
            if self._latest.get(coerce_request_id(number)) == number:
                del self._latest[coerce_request_id(number)]
        self._answered.set()

    async def _write_line(self, text: str) -> None:
        try:
            await self.writer.write(f"{text}\n")
        except OSError:  # its reader has gone, so no answer will reach anybody
            self._reading.cancel()


def _dump(message: JSONRPCMessage) -> str:
    return message.model_dump_json(by_alias=True, exclude_unset=True)
