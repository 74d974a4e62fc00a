"""Serve stdio in two lanes: plain messages are answered here, and everything else by the SDK, which is imported then.

Importing the SDK is four fifths of a start. What is plain is in `plain_messages`, and what becomes of it in
`plain_lane`. All else goes to the SDK as it came: what is malformed, new, asked of a person, or cannot be undone. To
the SDK it looks as if it had had the connection from the start: it is first told how that was opened. Nothing that has
an effect is told or sent twice. Both lanes go on side by side, and share one tool runner and one writer.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final, TypeAlias

import anyio
from anyio.abc import TaskGroup

from projects_mcp.protocol.plain_lane import PlainLane, PlainSession
from projects_mcp.protocol.plain_messages import Plain, id_key, key_called_off, read
from projects_mcp.protocol.published import Published
from projects_mcp.protocol.stdio_pipes import FINISH_S, Lines, LongLine, Writer
from projects_mcp.runner.runner import ToolRunner

__all__ = ["Lanes", "ServeRest"]

_FIRST_LINE_S: Final = 0.5
"""Seconds for which the runner's start waits for the first line: what it imports must not keep the client waiting."""
_MOST_WAITING: Final = 100
"""Lines that wait for the SDK while it is imported; then reading waits."""
_TOLD_S: Final = 10.0
"""Seconds for which a line waits for the answer to what the SDK was told. It needs milliseconds."""

ServeRest: TypeAlias = Callable[[Lines, Writer, Container[int | str]], Awaitable[None]]
"""Imports the SDK, and serves with it: the lines, what takes its answers, and the ids of requests under way here."""


class Lanes:
    """One connection.

    Args:
        runner: runs the tools of both lanes.
        published: what the SDK answers to plain messages.
        writer: where the answers go.
        serve_rest: serves what is not plain.
    """

    def __init__(self, runner: ToolRunner, published: Published, writer: Writer, serve_rest: ServeRest) -> None:
        self._runner = runner
        self._writer = writer
        self._serve_rest = serve_rest
        self._session = PlainSession(published)
        self._sdk: _SDKLane | None = None
        self._reading = anyio.CancelScope()
        self._begun = anyio.Event()

    async def serve(self, reader: Lines) -> None:
        """Serve until there are no more lines, or nobody reads the answers, and what is under way has finished."""
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._start_runner)
            async with anyio.create_task_group() as group:
                plain = PlainLane(self._session, self._runner, group, self.write)
                with self._reading:
                    async for line in reader:
                        await self._take(line, plain, group)
                        self._begun.set()
                if not self._begun.is_set():
                    with anyio.move_on_after(
                        0
                    ):  # what is wrong with the settings is said, and nothing is sent any more
                        await self._runner.start()
                plain.end(FINISH_S)
                if self._sdk is not None:
                    self._sdk.close()
            beside.cancel_scope.cancel()

    async def write(self, text: str) -> None:
        """Write a text whole, for either lane."""
        try:
            await self._writer.write(text)
        except OSError:  # its reader has gone, so no answer will reach anybody
            self._reading.cancel()

    async def _start_runner(self) -> None:
        with anyio.move_on_after(_FIRST_LINE_S):
            await self._begun.wait()
        await self._runner.start()

    async def _take(self, line: str | LongLine, plain: PlainLane, group: TaskGroup) -> None:
        """Deal with a line: here if it is plain, else by the SDK."""
        message = read(line) if isinstance(line, str) else None
        if message is not None and plain.take(message):
            return
        if self._sdk is None:
            self._sdk = _SDKLane(self._session.hand_over(), self.write)
            group.start_soon(self._serve_with_sdk, self._sdk, plain)
        await self._sdk.give(line, message)

    async def _serve_with_sdk(self, sdk: _SDKLane, plain: PlainLane) -> None:
        async with sdk.lines:
            try:
                await self._serve_rest(sdk, sdk, plain)
            finally:
                self._reading.cancel()


@dataclass(eq=False, slots=True)
class _Given:
    """A line for the SDK. In the place of one that the client has called off before the SDK got it stands a blank."""

    line: str | LongLine
    key: int | str | None = None


class _SDKLane:
    """The lines that the SDK gets, and where it writes.

    Args:
        told: the methods and parameters of what only it is told, before anything else. Its answers are not written.
        write: writes a text for the client.
    """

    def __init__(self, told: Sequence[tuple[str, Mapping[str, Any]]], write: Callable[[str], Awaitable[None]]) -> None:
        self._told = told
        self._write = write
        self._own_ids = f"told-{token_hex(8)}-"  # of which the client has none
        self._told_answered = anyio.Event()
        self._to_sdk, self.lines = anyio.create_memory_object_stream[_Given](_MOST_WAITING)
        self._waiting: dict[int | str, _Given] = {}

    async def give(self, line: str | LongLine, message: Plain | None) -> None:
        """Give it a line, or take back a request that it has not got yet. That is never made.

        Args:
            line: as it came.
            message: what is in it, if that can be told.
        """
        given = _Given(line)
        if message is not None and message.number is not None and message.method != "initialize":
            given.key = id_key(message.number)
            self._waiting[given.key] = given
        elif message is not None and (key := key_called_off(message)) is not None and key in self._waiting:
            self._waiting.pop(key).line = ""
            return
        await self._to_sdk.send(given)

    def close(self) -> None:
        """End the lines."""
        self._to_sdk.close()

    async def __aiter__(self) -> AsyncIterator[str | LongLine]:
        """Give line by line. The client has had its answer to what the SDK is told, so that is over before the next."""
        for at, (method, params) in enumerate(self._told):
            self._told_answered = anyio.Event()
            message = {"jsonrpc": "2.0", "method": method, "params": params}
            if method.startswith("notifications/"):
                yield json.dumps(message)
                continue
            yield json.dumps({**message, "id": f"{self._own_ids}{at}"})
            with anyio.move_on_after(_TOLD_S):
                await self._told_answered.wait()
        async for given in self.lines:
            if given.key is not None and self._waiting.get(given.key) is given:
                del self._waiting[given.key]
            yield given.line

    async def write(self, text: str) -> None:
        """Write a line of the SDK, if it is one for the client."""
        if text.startswith(f'{{"jsonrpc":"2.0","id":"{self._own_ids}'):
            self._told_answered.set()
        else:
            await self._write(text)
