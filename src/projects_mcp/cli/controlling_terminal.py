"""The terminal that this process belongs to, whatever its streams are redirected to."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from projects_mcp.cli.terminal import erase_progress
from projects_mcp.sanitize.text import strip_invisible

__all__ = ["ControllingTerminal", "NoTerminalError", "ended_by_ctrl_c"]

_LONGEST_LINE: Final = 4_096
"""Characters of a typed line at the most."""
_LOOK_AGAIN_S: Final = 0.1
"""Seconds after which a wait for a line looks whether a signal has come."""


class NoTerminalError(Exception):
    """The process has no terminal, so that nobody can be asked at one."""


def _places() -> Iterator[tuple[Path, Path]]:
    """Yield where the terminal is read and written: the controlling one, else one that a stream goes to."""
    if sys.platform == "win32":
        yield Path("CONIN$"), Path("CONOUT$")
        return
    yield Path("/dev/tty"), Path("/dev/tty")
    for descriptor in range(3):  # a container, or what has left its session, can have a terminal that controls nothing
        if os.isatty(descriptor):
            device = Path(os.ttyname(descriptor))
            yield device, device


class ControllingTerminal:
    """Shows text at the terminal and reads what is typed there.

    Raises:
        NoTerminalError: there is none.
    """

    def __init__(self) -> None:
        for reader, writer in _places():
            try:
                self._reader = reader.open(encoding="utf-8", errors="replace")
            except OSError:
                continue
            try:
                self._writer = writer.open("w", encoding="utf-8", errors="backslashreplace")
            except OSError:
                self._reader.close()
                continue
            return
        raise NoTerminalError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._reader.close()
        self._writer.close()

    @property
    def interactive(self) -> bool:
        """Whether a person can type there: it is a terminal, and this process may read it."""
        return os.isatty(self._reader.fileno())

    def show(self, text: str, end: str = "\n") -> None:
        """Show text, without characters that a reader cannot see or that a terminal obeys."""
        erase_progress()
        self._writer.write(strip_invisible(text) + end)
        self._writer.flush()

    def ask(self, prompt: str) -> str | None:
        """Show a prompt and return the typed line without its end; None if the terminal was closed.

        Raises:
            KeyboardInterrupt: Ctrl+C was pressed.
        """
        with ended_by_ctrl_c():
            self.show(prompt, end="")
            self._wait_for_line()
            line = self._reader.readline(_LONGEST_LINE)
        return line.rstrip("\r\n") if line else None

    def ask_secret(self, prompt: str) -> str | None:
        """Show a prompt and return the line that is typed without being shown; None if the terminal was closed."""
        if sys.platform == "win32":
            from getpass import getpass  # noqa: PLC0415 - reads key by key there, which a file cannot

            return getpass(strip_invisible(prompt))
        with _without_echo(self._reader.fileno()):
            line = self.ask(prompt)
        self.show("")  # the end of the typed line was not shown either
        return line

    def _wait_for_line(self) -> None:
        """Wait until a read returns at once. Ctrl-C ends this wait, whenever it is pressed.

        Python sees a signal that comes just before a read only when the read returns, which is at the next line.
        """
        if sys.platform == "win32":  # where `select` knows no terminals
            return
        terminal = self._reader.fileno()
        # The read of a process in the background stops it, or fails: it must not wait here instead.
        while not _in_background(terminal) and not select.select([terminal], [], [], _LOOK_AGAIN_S)[0]:
            pass  # Python looks for signals in between


def _in_background(terminal: int) -> bool:
    """Whether another group of processes has the terminal. One that does not control this process says nothing."""
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        return False


@contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """Let Ctrl+C end the block at once, in an event loop too: that would only note it, and go on reading.

    Nothing else waits for the loop of a command while it reads what a person types.
    """
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


@contextmanager
def _without_echo(terminal: int) -> Iterator[None]:
    """Have a terminal show nothing of what is typed, while the block runs; Ctrl-C ends it as always."""
    import termios  # noqa: PLC0415 - there is none on Windows

    before = termios.tcgetattr(terminal)
    silent = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    try:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
