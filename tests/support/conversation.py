"""What a test says to a process of the server over pipes, step by step, and everything that comes of it."""

import asyncio
import json
import os
import re
import select
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

from projects_mcp.sandbox import PRODUCTION_ID, seed
from projects_mcp.sandbox.app import create_app
from tests.support.forking import Asked, forker
from tests.support.lanes import RANDOM
from tests.support.process import CLEAN
from tests.support.upstream import serving
from tests.support.waiting import PATIENCE_S

_CHUNK = 65_536
_TIME = re.compile(r"^[\d-]+ [\d:,]+ ")
_UNSTABLE = frozenset({"time", "request_id", "duration_ms", "posthog"})


class Started(NamedTuple):
    """A process that has been started: its id, and the test's ends of its pipes.

    Attributes:
        ended: a descriptor of the process, of which something can be read when it has ended.
    """

    process: int
    stdin: int
    stdout: int
    stderr: int
    ended: int


def start(environment: dict[str, str]) -> Started:
    """Start a server over pipes."""
    (stdin, our_in), (our_out, stdout), (our_err, stderr) = (os.pipe() for _ in range(3))
    theirs = [stdin, stdout, stderr]
    process = forker().start(Asked([], {**CLEAN, **environment}), theirs)
    for descriptor in theirs:
        os.close(descriptor)
    return Started(process, our_in, our_out, our_err, os.pidfd_open(process))


class Outcome(NamedTuple):
    """What came of it, without what is random or the time. Answers may be in any order.

    Attributes:
        lines: on stdout.
        records: of the audit log.
        said: whatever else is on stderr.
        code: of the process.
    """

    lines: list[str]
    records: list[str]
    said: list[str]
    code: int

    def answer(self, number: Any) -> Any:
        """The one answer to a request, or to several in a batch; None if there is none."""
        found = [value for value in map(json.loads, self.lines) if isinstance(value, dict) and _answers(value, number)]
        assert len(found) < 2, f"{number} is answered twice"
        return found[0] if found else None

    @property
    def outcomes(self) -> list[tuple[str, str | None]]:
        """The tool and the outcome of each call; None as the outcome of an intent."""
        records = map(json.loads, self.records)
        return sorted(((record["tool"], record.get("outcome")) for record in records), key=str)


def _answers(message: dict[str, Any], number: Any) -> bool:
    return "method" not in message and message.get("id") == number and type(message["id"]) is type(number)


class Paused:
    """PostHog on a socket, which lets every request about the project wait until it may go on."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.sent: list[str] = []
        self.origin = ""

    async def __call__(self, scope: dict[str, Any], answer: Callable[[], Awaitable[None]]) -> None:
        if str(PRODUCTION_ID) in scope["path"]:
            self.sent.append(scope["method"])
            await asyncio.to_thread(self.goes_on.wait, PATIENCE_S)
        await answer()

    @contextmanager
    def serving(self) -> Iterator[None]:
        with serving(create_app(seed()), self) as upstream:
            self.origin = upstream.origin
            try:
                yield
            finally:
                self.goes_on.set()


@dataclass
class Conversation:
    """One process, and what has been read of it.

    Attributes:
        started: its id, and the test's ends of its pipes.
        held: without this file, the import of the SDK does not go on; None if it need not wait.
        posthog: what it calls; None for the sandbox in the process.
    """

    started: Started
    held: Path | None = None
    posthog: Paused | None = None
    _read: dict[int, bytes] = field(default_factory=dict)
    _ended: set[int] = field(default_factory=set)
    _open: set[int] = field(init=False)
    _code: int | None = None

    def __post_init__(self) -> None:
        self._open = set(self.started[1:])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._code is None:
            os.kill(self.started.process, signal.SIGKILL)
            os.waitpid(self.started.process, 0)
        for end in self._open:
            os.close(end)

    def send(self, data: bytes) -> None:
        """Write, and read meanwhile, so that neither side waits for the other."""
        os.set_blocking(self.started.stdin, False)
        deadline = time.monotonic() + PATIENCE_S
        left = memoryview(data)
        while left:
            assert time.monotonic() < deadline, "it does not read"
            if select.select([], [self.started.stdin], [], 0.01)[1]:
                left = left[os.write(self.started.stdin, left[:_CHUNK]) :]
            self.take(0)

    def take(self, within_s: float) -> bool:
        """Read what there is, and tell whether there can be more."""
        unended = self._unended()
        for end in select.select(unended, [], [], within_s)[0] if unended else ():
            data = b"" if end == self.started.ended else os.read(end, _CHUNK)
            self._read[end] = self._read.get(end, b"") + data
            if not data:
                self._ended.add(end)
        return bool(unended)

    def _unended(self) -> list[int]:
        """What more can arrive through."""
        _, _, *readable = self.started
        return [end for end in readable if end in self._open - self._ended]

    def until(self, holds: Callable[[], bool]) -> None:
        """Read until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"it does not become so: {self._read}"
            assert self.take(0.05), f"it ended before: {self._read}"

    def messages(self) -> list[Any]:
        *whole, _ = self._read.get(self.started.stdout, b"").split(b"\n")
        return [json.loads(line) for line in whole]

    def ended(self) -> bool:
        """Whether it has ended."""
        return self.started.ended in self._ended

    def close(self, end: int) -> None:
        """Close the test's end of a pipe."""
        self._open.remove(end)
        os.close(end)

    def finish(self) -> Outcome:
        """End the input, if it has not ended, read to the end and return what came of it."""
        if self.started.stdin in self._open:
            self.close(self.started.stdin)
        self.until(lambda: not self._unended())
        self._code = os.waitstatus_to_exitcode(os.waitpid(self.started.process, 0)[1])
        records, said = [], []
        for line in self._read.get(self.started.stderr, b"").decode().splitlines():
            if not line.startswith("{"):
                said.append(_TIME.sub("", line))
                continue
            kept = {name: value for name, value in json.loads(line).items() if name not in _UNSTABLE}
            records.append(json.dumps(kept))
        text = self._read.get(self.started.stdout, b"").decode()
        assert not text or text.endswith("\n"), "every line is whole"
        lines = [RANDOM.sub("RANDOM", line) for line in text.split("\n")[:-1]]
        return Outcome(sorted(lines), sorted(records), sorted(said), self._code)
