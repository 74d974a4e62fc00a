"""Run the plain requests that are under way: each is answered once, or not at all if the client has called it off."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import anyio
from anyio.abc import TaskGroup

__all__ = ["PlainRequests", "id_key", "result_line"]

logger: Final = logging.getLogger("projects_mcp")

_CLOSED: Final = '"error":{"code":-32000,"message":"Connection closed"}'
_FAULT: Final = '"error":{"code":-32603,"message":"Internal server error"}'


@dataclass(eq=False, slots=True)
class _UnderWay:
    """One request under way."""

    number: int | str
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    called_off: bool = False


class PlainRequests:
    """The plain requests of one connection that are under way.

    Args:
        group: runs them.
        write: writes a line whole.
    """

    def __init__(self, group: TaskGroup, write: Callable[[str], Awaitable[None]]) -> None:
        self._group = group
        self._write = write
        self._all: set[_UnderWay] = set()
        self._by_id: dict[int | str, _UnderWay] = {}
        """Those that can be called off: the latest of each id, as the SDK has it."""
        self._settled = anyio.Event()
        self._closed = False

    def __contains__(self, number: object) -> bool:
        """Whether a request with this very id is under way."""
        return any(request.number == number and type(request.number) is type(number) for request in self._all)

    def __len__(self) -> int:
        return len(self._all)

    def start(self, number: int | str, answer: Callable[[], Awaitable[str]]) -> None:
        """Begin one.

        Args:
            number: the id of the request.
            answer: makes the result.
        """
        request = _UnderWay(number)
        self._all.add(request)
        self._by_id[id_key(number)] = request
        self._group.start_soon(self._run, request, answer)

    def call_off(self, number: int | str) -> bool:
        """Cancel a request as its client asks for, and tell whether it was under way. There is no answer to it."""
        request = self._by_id.pop(id_key(number), None)
        if request is None:
            return False
        request.called_off = True
        request.scope.cancel()
        return True

    def overtake(self, number: int | str) -> None:
        """Take notice of another request with the same id: from now on, that is the one which can be called off."""
        self._by_id.pop(id_key(number), None)

    async def finish(self, within_s: float) -> None:
        """Wait for the end of all, so long at the most, and cancel the others. Each of these is answered so."""
        with anyio.move_on_after(within_s):
            await self._wait()
        self._closed = True
        for request in tuple(self._all):
            request.scope.cancel()
        await self._wait()

    async def _wait(self) -> None:
        while self._all:
            self._settled = anyio.Event()
            await self._settled.wait()

    async def _run(self, request: _UnderWay, answer: Callable[[], Awaitable[str]]) -> None:
        line = ""
        try:
            with request.scope:
                line = result_line(request.number, await answer())
        except Exception as error:  # noqa: BLE001 - the runner masks what it does not foresee; this is for the rest
            kind = type(error).__name__  # its text may hold a secret, and nothing here can redact it
            logger.error("a plain request failed unexpectedly: %s", kind)  # noqa: TRY400 - as above
            line = _line(request.number, _FAULT)
        try:
            if self._by_id.get(id_key(request.number)) is request:
                del self._by_id[id_key(request.number)]
            if not line and self._closed:
                line = _line(request.number, _CLOSED)
            if line and not request.called_off:
                await self._write(line)
        finally:
            self._all.discard(request)
            self._settled.set()


def result_line(number: int | str, result: str) -> str:
    """Return the answer to a request, without the end of its line."""
    return _line(number, f'"result":{result}')


def _line(number: int | str, rest: str) -> str:
    return f'{{"jsonrpc":"2.0","id":{json.dumps(number, ensure_ascii=False)},{rest}}}'


def id_key(number: int | str) -> int | str:
    """Return what a request and its cancellation are matched by: as the SDK has it, a number in quotes is a number."""
    try:
        return int(number)
    except ValueError:
        return number
