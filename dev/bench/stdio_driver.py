"""Drives a server over its stdin and stdout, one request at a time or many at once, with as little work as can be."""

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Final, Self

from dev.bench.processes import start_with_pipes
from dev.bench.wire import Failed, answered
from dev.processes import stop

__all__ = ["StdioServer"]

_CHUNK: Final = 1 << 18
_TIMEOUT_MS: Final = 30_000


class StdioServer:
    """A subject over stdio, as a context."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.started = time.perf_counter()
        self._process: subprocess.Popen[bytes] = start_with_pipes(command, environment)
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("a subject has pipes")
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._rest = b""

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        stop(self._process, ask=False)

    def ask(self, message: bytes) -> bytes:
        """Send one request and return its answer."""
        os.write(self._in, message)
        while True:
            for line in self._lines():
                if answered(line) is not None:
                    return line

    def times(self, messages: Sequence[bytes]) -> list[float]:
        """Send requests one after the other, and return how many seconds each took."""
        taken = []
        for message in messages:
            start = time.perf_counter()
            self.ask(message)
            taken.append(time.perf_counter() - start)
        return taken

    def flood(self, messages: Sequence[bytes], in_flight: int) -> float:
        """Keep that many requests under way until all are answered, and return how many seconds that took."""
        start = time.perf_counter()
        waiting = iter(messages)
        os.write(self._in, b"".join(islice(waiting, in_flight)))
        seen: set[int] = set()
        while len(seen) < len(messages):
            answers = {number for line in self._lines() if (number := answered(line)) is not None}
            seen |= answers
            more = b"".join(islice(waiting, len(answers)))
            if more:
                os.write(self._in, more)
        return time.perf_counter() - start

    def _lines(self) -> list[bytes]:
        """Wait for output, and return the lines that are complete."""
        if not self._poll.poll(_TIMEOUT_MS):
            raise Failed("no answer within 30 seconds")
        data = os.read(self._out, _CHUNK)
        if not data:
            raise Failed(f"the server ended, with code {self._process.wait()}")
        if b"\n" not in data:
            self._rest += data
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines
