"""A program at a real terminal of its own, which is its controlling one."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.support.forking import Asked, forker
from tests.support.process import CLEAN, COMMAND, TIMEOUT_S
from tests.support.warm import is_warm


def _opened(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)


@dataclass
class AtTerminal:
    """A running command. What it shows is kept; what a person types is written.

    Args:
        arguments: of `projects-mcp`.
        environment: settings besides those of no machine.
        stdout: a file that its stdout goes to; the terminal by default.
        stderr: a file that its stderr goes to; the terminal by default.
        columns: of the terminal.
        command: what is started with the arguments.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stdout: str | None = None
    stderr: str | None = None
    columns: int = 80
    command: Sequence[str] = field(default_factory=lambda: COMMAND)
    shown: str = field(default="", init=False)
    echoed_at_the_end: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        child = [*self.command, *self.arguments]
        variables = {**CLEAN, **self.environment}
        if is_warm(child, variables):
            self._start_warm(child[len(COMMAND) :], variables)
        else:
            self._start_cold(child, variables)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, self.columns, 0, 0))

    def _start_warm(self, arguments: Sequence[str], variables: Mapping[str, str]) -> None:
        self._terminal, theirs = pty.openpty()
        streams = [theirs, *(theirs if path is None else _opened(path) for path in (self.stdout, self.stderr))]
        self.process = forker().start(Asked(arguments, variables, str(Path.cwd()), terminal=True), streams)
        for descriptor in set(streams):
            os.close(descriptor)

    def _start_cold(self, child: list[str], variables: Mapping[str, str]) -> None:
        self.process, self._terminal = pty.fork()
        if self.process == 0:  # the other process: nothing of this one may run in it but the program
            try:
                for number, path in ((1, self.stdout), (2, self.stderr)):
                    if path is not None:
                        os.dup2(_opened(path), number)
                os.execvpe(child[0], child, variables)  # noqa: S606 - the program of the test
            finally:
                os._exit(127)

    def wait_for(self, words: str, times: int = 1) -> None:
        """Read until some words are shown so often."""
        end = monotonic() + TIMEOUT_S
        while self.shown.count(words) < times:
            assert monotonic() < end, self.shown
            if not self._read():
                break
        assert self.shown.count(words) >= times, self.shown

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Read until something holds of what is shown."""
        end = monotonic() + TIMEOUT_S
        while not holds():
            assert monotonic() < end, self.shown
            if not self._read():
                break

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._terminal, f"{text}\n".encode())

    def press(self, keys: str) -> None:
        """Press keys, without the one that ends a line."""
        os.write(self._terminal, keys.encode())

    def interrupt(self) -> None:
        """Press Ctrl+C."""
        os.write(self._terminal, b"\x03")

    def end(self) -> int:
        """Wait for the end, and return the exit code; below zero for a signal."""
        while self._read():
            pass
        self.echoed_at_the_end = self.echoes
        _, status = os.waitpid(self.process, 0)
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        if not select.select([self._terminal], [], [], TIMEOUT_S)[0]:
            os.kill(self.process, signal.SIGKILL)
            raise AssertionError(f"it shows nothing more, and does not end: {self.shown}")
        try:
            data = os.read(self._terminal, 65_536)
        except OSError:  # it has ended
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)
