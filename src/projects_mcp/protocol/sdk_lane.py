"""Hand lines over to the SDK, which is imported by then or is being imported, and pass on what it writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Container
from dataclasses import dataclass
from typing import Final, TypeAlias

import anyio

from projects_mcp.protocol.plain_messages import Plain
from projects_mcp.protocol.plain_requests import id_key
from projects_mcp.protocol.plain_session import PlainSession
from projects_mcp.protocol.stdio_pipes import Lines, LongLine, Writer

__all__ = ["SDKLane", "ServeRest"]

_MOST_WAITING: Final = 100
"""Lines that wait for the SDK while it is imported; then reading waits."""

_TOLD_S: Final = 10.0
"""Seconds for which a line waits for the answer to what the SDK was told. It needs milliseconds."""

ServeRest: TypeAlias = Callable[[Lines, Writer, Container[int | str]], Awaitable[None]]
"""Imports the SDK, and serves with it: the lines, what takes its answers, and the ids of requests under way here."""


@dataclass(eq=False, slots=True)
class _Given:
    """A line for the SDK.

    Attributes:
        line: as it came, or as it would have come.
        key: what it can be called off by, if it can.
        called_off: whether the client has called it off before the SDK got it.
    """

    line: str | LongLine
    key: int | str | None = None
    called_off: bool = False


class SDKLane:
    """The lines that the SDK gets, and where it writes.

    What it answers to that which only it is told is not written.

    Args:
        session: knows what the SDK has to be told.
        write: writes a text for the client.
    """

    def __init__(self, session: PlainSession, write: Callable[[str], Awaitable[None]]) -> None:
        self._session = session
        self._write = write
        self._own = f'{{"jsonrpc":"2.0","id":"{session.own_ids}'
        self._to_sdk, self._lines = anyio.create_memory_object_stream[_Given](_MOST_WAITING)
        self._waiting: dict[int | str, _Given] = {}
        self._told_answered = anyio.Event()
        self._ended = anyio.Event()
        self.wanted = False
        """Whether a line has needed it."""
        self.ready = False
        """Whether it has been imported, and takes lines."""

    async def tell(self) -> None:
        """Tell the SDK what it has to know by now, if it is there or will be."""
        if self.wanted:
            for told in self._session.take_told():
                await self._to_sdk.send(_Given(told))

    async def give(self, line: str | LongLine, message: Plain | None) -> None:
        """Give it a line.

        Args:
            line: as it came.
            message: what is in it, as far as that can be told.
        """
        await self.tell()
        given = _Given(line)
        if message is not None and message.number is not None and message.method != "initialize":
            given.key = id_key(message.number)
            self._waiting[given.key] = given
        await self._to_sdk.send(given)

    def call_off(self, number: int | str) -> bool:
        """Take back a request that the SDK has not got yet, and tell whether there was one. It is never made."""
        given = self._waiting.pop(id_key(number), None)
        if given is not None:
            given.called_off = True
        return given is not None

    async def run(self, serve_rest: ServeRest, elsewhere: Container[int | str]) -> None:
        """Serve until the lines end."""
        try:
            async with self._lines:
                await serve_rest(self, self, elsewhere)
        finally:
            self._ended.set()

    def close(self) -> None:
        """End the lines."""
        self._to_sdk.close()
        if not self.wanted:
            self._lines.close()
            self._ended.set()

    async def finish(self) -> None:
        """Wait until everything has been served."""
        await self._ended.wait()

    async def __aiter__(self) -> AsyncIterator[str | LongLine]:
        """Give line by line. The client has had its answer to what the SDK is told, so that is over before the next."""
        self.ready = True
        async for given in self._lines:
            if given.key is not None and self._waiting.get(given.key) is given:
                del self._waiting[given.key]
            if given.called_off:
                continue
            self._told_answered = anyio.Event()
            yield given.line
            if isinstance(given.line, str) and self._session.own_ids in given.line:
                with anyio.move_on_after(_TOLD_S):
                    await self._told_answered.wait()

    async def write(self, text: str) -> None:
        """Write a line of the SDK, if it is one for the client."""
        if text.startswith(self._own):
            self._told_answered.set()
        else:
            await self._write(text)
