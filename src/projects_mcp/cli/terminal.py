"""What the command line prints. It all goes through `say`, so that no text of others steers a terminal."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple, TextIO

from projects_mcp.sanitize.text import strip_invisible

__all__ = [
    "AnswerNotWrittenError",
    "Styled",
    "end_answer",
    "erase_progress",
    "is_terminal",
    "keep_streams_open",
    "prepare_streams",
    "say",
    "show_progress",
    "silence_stdout",
    "styled",
    "takes_colour",
]


class AnswerNotWrittenError(Exception):
    """Stdout cannot take what is printed. The text says why, in a few words."""

    def __init__(self, reason: OSError | ValueError | None) -> None:
        self.reader_left: bool = isinstance(reason, OSError) and reason.errno == errno.EPIPE
        """Whether stdout is a pipe that its reader has closed."""
        super().__init__((reason.strerror if isinstance(reason, OSError) else None) or "stdout is closed")


class Styled(NamedTuple):
    """A text, and the number of the style that the terminal shows it in; empty for none."""

    text: str
    style: str = ""


def say(*parts: str | Styled, error: bool = False, end: str = "\n") -> None:
    """Print on stdout, or on stderr, without characters that a reader cannot see or that a terminal obeys.

    Args:
        parts: are printed one after the other. They may hold line breaks of ours; those of others are made visible
            before, by `on_one_line` or by a quotation. JSON is escaped before, so that its value stays.
        error: print on stderr, and at once. A stderr that takes nothing stops nobody.
        end: follows the parts.

    Raises:
        AnswerNotWrittenError: stdout does not take it.
    """
    stream = sys.stderr if error else sys.stdout
    if stream is None:  # closed before the start
        if error:
            return
        raise AnswerNotWrittenError(None)
    text = "".join(_render(part) for part in parts)
    erase_progress()
    try:
        print(text, end=end, file=stream, flush=error)
    except (OSError, ValueError) as reason:
        if not error:
            raise AnswerNotWrittenError(reason) from None


class _Progress:
    """How far this process is: the columns of the one line on stderr that says so, which the next text erases."""

    columns = 0


def show_progress(text: str) -> None:
    """Show how far a command is, on one line that takes the place of the one before. Only a terminal shows it.

    Args:
        text: one line, cut to the width of the terminal.
    """
    if sys.stderr is None or not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        return
    erase_progress()
    with suppress(OSError, ValueError):
        # A line that reaches the last column goes on below on some terminals, where it could not be erased.
        line = strip_invisible(text)[: os.get_terminal_size(sys.stderr.fileno()).columns - 1]
        sys.stderr.write(line)
        sys.stderr.flush()
        _Progress.columns = len(line)


def erase_progress() -> None:
    """Take the line of `show_progress` away. Whatever else is written to the terminal does so before."""
    if _Progress.columns and sys.stderr is not None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"\r{' ' * _Progress.columns}\r")
            sys.stderr.flush()
    _Progress.columns = 0


def end_answer() -> None:
    """Hand everything that was printed on stdout to whoever reads it.

    Raises:
        AnswerNotWrittenError: it is not taken.
    """
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError) as reason:
        raise AnswerNotWrittenError(reason) from None


def silence_stdout() -> None:
    """Let go of what stdout has not taken, so that the end of the process does not try again."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


def keep_streams_open() -> None:
    """Open nothing in the place of a closed stdin, stdout or stderr, so that nothing else gets its number."""
    for descriptor, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            nothing = os.open(os.devnull, flags)
            if nothing != descriptor:
                os.dup2(nothing, descriptor)
                os.close(nothing)


def prepare_streams() -> None:
    """Make stdout and stderr UTF-8, whatever the locale says."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream goes to a terminal, and to a person."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # it is closed
        return False


def takes_colour(stream: TextIO | None, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether what a stream shows may have colours.

    `CLICOLOR_FORCE` asks for them everywhere; `NO_COLOR`, `CLICOLOR=0` and `TERM=dumb` ask for none. Else a
    terminal has them. An empty variable says nothing. See https://no-color.org and http://bixense.com/clicolors/.
    """
    if environment.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
        return True
    refused = environment.get("NO_COLOR") or environment.get("CLICOLOR") == "0" or environment.get("TERM") == "dumb"
    return not refused and is_terminal(stream)


def styled(text: str, style: str, stream: TextIO | None) -> Styled:
    """Return a text in a style, if the stream that it is for takes colours."""
    return Styled(text, style if takes_colour(stream) else "")


def _render(part: str | Styled) -> str:
    if isinstance(part, str):
        return strip_invisible(part)
    text = strip_invisible(part.text)
    return f"\x1b[{part.style}m{text}\x1b[0m" if part.style else text
