"""Lines over the pipes of this process, read and written when they are ready: no thread stands between.

A thread for each line costs a tenth of a call, and one that waits for the next line cannot be stopped.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import AsyncIterator
from typing import Final, NamedTuple, Protocol

import anyio
import anyio.lowlevel

__all__ = [
    "ALWAYS_FITS",
    "FINISH_S",
    "LONGEST_LINE_BYTES",
    "LineReader",
    "LineWriter",
    "Lines",
    "LongLine",
    "Writer",
    "claim_pipes",
    "is_writable",
]

_CHUNK: Final = 65_536
ALWAYS_FITS: Final = 4_096
"""Bytes that a pipe takes without blocking once it is ready: POSIX asks for 512, Linux and macOS give a page."""


LONGEST_LINE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of the longest line that is taken. All texts of a call have a million characters at most, of twelve bytes each
if a client escapes them all."""
_BEGINNING: Final = 4_096
"""Bytes of a longer line that are kept: enough for the id of a request, which nearly every client writes first."""
FINISH_S: Final = 2.0
"""Seconds that calls under way have after the end of the input."""


class LongLine(NamedTuple):
    """A line that is too long. Only its beginning is kept, and what follows up to its end is never held."""

    beginning: str


class Lines(Protocol):
    """The lines of a client, as they arrive."""

    def __aiter__(self) -> AsyncIterator[str | LongLine]:
        """Return what gives them one by one."""


class Writer(Protocol):
    """Where lines go."""

    async def write(self, text: str) -> None:
        """Write a text whole.

        Raises:
            OSError: nobody reads it any more.
        """


class LineReader:
    """The lines that arrive at a descriptor, without their ends.

    A line of more than `LONGEST_LINE_BYTES` is given as a `LongLine` as soon as that is known, and the rest of it is
    skipped: a client that never ends a line takes no memory.

    Args:
        descriptor: of a pipe, a socket, a terminal or a file, which nobody else reads.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[bytes] = []
        """Whole lines that wait, the next one last."""
        self._begun: list[bytes] = []
        """Pieces of the line that is arriving."""
        self._begun_bytes = 0
        self._skips = False
        """Whether what arrives is the rest of a line that is too long."""

    def __aiter__(self) -> LineReader:
        return self

    async def __anext__(self) -> str | LongLine:
        while not self._lines:
            await self._wait()
            data = os.read(self._descriptor, _CHUNK)
            if self._skips and data:
                _, end, data = data.partition(b"\n")
                self._skips = not end
                if not data:
                    continue
            if not data and not any(self._begun):
                raise StopAsyncIteration
            first, *rest = data.split(b"\n") if data else (b"", b"")  # the last line may lack its end
            self._begun.append(first)
            self._begun_bytes += len(first)
            if rest:
                self._lines = [b"".join(self._begun), *rest[:-1]][::-1]
                self._begun, self._begun_bytes = [rest[-1]], len(rest[-1])
            elif self._begun_bytes > LONGEST_LINE_BYTES:
                beginning = b"".join(self._begun[:_BEGINNING])[:_BEGINNING]
                self._begun, self._begun_bytes, self._skips = [], 0, True
                return LongLine(beginning.decode(errors="replace"))
        return self._lines.pop().decode(errors="replace")

    async def _wait(self) -> None:
        """Wait until something can be read. A file always can, and no event loop can wait for one."""
        if select.select([self._descriptor], [], [], 0)[0]:
            await anyio.lowlevel.checkpoint()
        else:
            await anyio.wait_readable(self._descriptor)


class LineWriter:
    """Writes texts to a descriptor, as fast as the other side reads: one after the other, so that no line is torn.

    Args:
        descriptor: of a pipe, a socket, a terminal or a file, which nobody else writes.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._turn = anyio.Lock(fast_acquire=True)

    async def write(self, text: str) -> None:
        """Write a text whole.

        Raises:
            OSError: nobody reads it any more.
        """
        left = memoryview(text.encode())
        async with self._turn:
            while left:
                if not is_writable(self._descriptor):
                    await anyio.wait_writable(self._descriptor)
                left = left[os.write(self._descriptor, left[:ALWAYS_FITS]) :]


def claim_pipes() -> tuple[LineReader, LineWriter] | None:
    """Take stdin and stdout away from the rest of the process, so that nothing else can write into the protocol.

    What is printed all the same goes to stderr, and whoever reads stdin finds it empty.

    Returns:
        None, and nothing is taken, where the system cannot wait for them.
    """
    if sys.platform == "win32":
        return None
    reader, writer = LineReader(os.dup(0)), LineWriter(os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return reader, writer


def is_writable(descriptor: int) -> bool:
    """Whether a descriptor takes `ALWAYS_FITS` bytes now, without blocking."""
    return bool(select.select([], [descriptor], [], 0)[1])
