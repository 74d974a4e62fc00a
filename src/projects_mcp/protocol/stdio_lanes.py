"""Serve stdio in two lanes: plain messages are answered here, and everything else by the SDK, which is imported then.

Importing the SDK is four fifths of a start. What is plain is in `plain_messages`, and what becomes of it in
`plain_session`. All else goes to the SDK as it came: what is malformed, new, asked of a person, or cannot be undone. To
the SDK it looks as if it had had the connection from the start: it is first told how that was opened. Nothing that has
an effect is told or sent twice. Both lanes go on side by side, and share one tool runner and one writer.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import anyio
from anyio.abc import TaskGroup

from projects_mcp.protocol import plain_messages
from projects_mcp.protocol.plain_messages import Plain
from projects_mcp.protocol.plain_requests import PlainRequests, result_line
from projects_mcp.protocol.plain_session import ListTools, PlainSession, ToolCall
from projects_mcp.protocol.published import Era, Published
from projects_mcp.protocol.sdk_lane import SDKLane, ServeRest
from projects_mcp.protocol.stdio_pipes import FINISH_S, Lines, LongLine, Writer
from projects_mcp.runner.runner import ToolRunner

__all__ = ["Lanes"]

_FIRST_LINE_S: Final = 0.5
"""Seconds for which the runner's start waits for the first line: what it imports must not keep the client waiting."""
_CANCELLED: Final = "notifications/cancelled"


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
        self._sdk = SDKLane(self._session, self._write)
        self._writing = anyio.Lock(fast_acquire=True)
        self._reading = anyio.CancelScope()
        self._begun = anyio.Event()

    async def serve(self, reader: Lines) -> None:
        """Serve until there are no more lines, or nobody reads the answers, and what is under way has finished."""
        async with anyio.create_task_group() as group:
            requests = PlainRequests(group, self._write_if_read)
            group.start_soon(self._start_runner)
            with self._reading:
                async for line in reader:
                    await self._take(line, requests, group)
                    self._begun.set()
            if not self._begun.is_set():
                with anyio.move_on_after(0):  # what is wrong with the settings is said, and nothing is sent any more
                    await self._runner.start()
            self._sdk.close()
            await requests.finish(FINISH_S)
            await self._sdk.finish()
            group.cancel_scope.cancel()

    async def _start_runner(self) -> None:
        with anyio.move_on_after(_FIRST_LINE_S):
            await self._begun.wait()
        await self._runner.start()

    async def _take(self, line: str | LongLine, requests: PlainRequests, group: TaskGroup) -> None:
        """Deal with a line: here if it is plain, else by the SDK."""
        message = None
        if isinstance(line, str) and not (self._session.over and self._sdk.ready and not requests):
            message = plain_messages.read(line)
        if message is not None and isinstance(line, str) and self._is_plain(message, line, requests, group):
            await self._sdk.tell()
            return
        self._session.hand_over()
        if not self._sdk.wanted:
            self._sdk.wanted = True
            group.start_soon(self._serve_with_sdk, requests)
        await self._sdk.give(line, message)

    def _is_plain(self, message: Plain, line: str, requests: PlainRequests, group: TaskGroup) -> bool:
        """Answer a message if it is plain, and tell whether it was."""
        if message.number is not None:
            return self._answer(message, message.number, requests, group)
        if message.method == _CANCELLED:
            return self._call_off(message, requests)
        return self._session.note(message, line)

    def _call_off(self, message: Plain, requests: PlainRequests) -> bool:
        number = message.params.get("requestId")
        if message.params.keys() - {"requestId", "reason"} or type(message.params.get("reason", "")) is not str:
            return False
        if type(number) is not int and type(number) is not str:
            return False
        if requests.call_off(number) or self._sdk.call_off(number):
            return True
        return self._session.begun and not self._sdk.wanted  # it has been answered, and there is nobody to tell

    def _answer(self, message: Plain, number: int | str, requests: PlainRequests, group: TaskGroup) -> bool:
        answer = self._session.answer(message)
        if answer is None:
            requests.overtake(number)
        elif isinstance(answer, str):
            group.start_soon(self._write_if_read, result_line(number, answer))
        elif isinstance(answer, ListTools):
            requests.start(number, partial(self._list_tools, answer.era))
        else:
            requests.start(number, partial(self._call, answer))
        return answer is not None

    async def _list_tools(self, era: Era) -> str:
        return era.list_of([tool.name for tool in await self._runner.list_tools()])

    async def _call(self, call: ToolCall) -> str:
        """Make the call. It cannot ask anybody, and does not need to: see `plain_session`."""
        return call.era.call(await self._runner.call(call.name, call.arguments, client=call.client))

    async def _serve_with_sdk(self, requests: PlainRequests) -> None:
        try:
            await self._sdk.run(self._serve_rest, requests)
        finally:
            self._reading.cancel()

    async def _write(self, text: str) -> None:
        try:
            async with self._writing:
                await self._writer.write(text)
        except OSError:  # its reader has gone, so no answer will reach anybody
            self._reading.cancel()
            raise

    async def _write_if_read(self, line: str) -> None:
        try:
            await self._write(f"{line}\n")
        except OSError:
            return
