"""The demonstration's output on a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.terminal import Styled, say
from projects_mcp.sanitize.json_text import indented_json
from projects_mcp.sanitize.text import on_one_line

__all__ = ["Page"]

_MAX_COLUMNS: Final = 100
_INDENT: Final = 4
_MARK: Final = 2
_BOLD, _BOLD_RED, _BOLD_GREEN, _BOLD_CYAN = "1", "1;31", "1;32", "1;36"
_GREEN, _MAGENTA, _CYAN = "32", "35", "36"
"""Colours that can be read on black and on white. Yellow cannot."""


def _terminal_columns() -> int:
    return max(40, min(shutil.get_terminal_size((_MAX_COLUMNS, 24)).columns, _MAX_COLUMNS))


@dataclass
class Page:
    """Prints the demonstration on stdout. Nothing is cut: what is longer than a line is wrapped.

    Attributes:
        color: use the terminal's colours.
        pause: waits for a person before each scene; None to go on at once.
        columns: the longest line, 40 to 100; by default as wide as the terminal.
    """

    color: bool
    pause: Callable[[], None] | None = None
    columns: int = field(default_factory=_terminal_columns)

    def print_title(self, title: str, text: str) -> None:
        """Print the head: what this is, and how to read it."""
        say(Styled(title, _BOLD if self.color else ""))
        for line in textwrap.wrap(text, self.columns, break_on_hyphens=False):
            say(line)

    def print_heading(self, number: int, text: str) -> None:
        """Print the number of a scene and what happens in it."""
        if self.pause is None:
            say()
        else:
            self.pause()
        lines = textwrap.wrap(on_one_line(text), self.columns - _INDENT, break_on_hyphens=False)
        for index, line in enumerate(lines):
            head = self._style(_BOLD_CYAN, f"{number:>2}  ") if index == 0 else " " * _INDENT
            say(head, self._style(_BOLD, line))

    def print_call(self, tool: str, arguments: JSONObject) -> None:
        """Print a tool call."""
        pairs = (f"{name}={_format(value)}" for name, value in arguments.items())
        self._print(_CYAN, "→ ", " ".join([tool, *pairs]))

    def print_answer(self, lines: Iterable[str]) -> None:
        """Print what the answer to a call says."""
        for index, line in enumerate(lines):
            self._print(_GREEN, "← " if index == 0 else "  ", line)

    def print_question(self, text: str) -> None:
        """Print a question of the server to a person."""
        self._print(_MAGENTA, "? ", text)

    def print_person(self, text: str) -> None:
        """Print what the person does."""
        self._print(_MAGENTA, "  ", text, style=_MAGENTA)

    def print_refusal(self, text: str) -> None:
        """Print why a call was refused."""
        self._print(_MAGENTA, "✗ ", text)

    def print_record(self, record: JSONObject) -> None:
        """Print a line of the audit log."""
        self._print(_CYAN, "· ", ", ".join(f"{name}: {_format(value)}" for name, value in record.items()))

    def print_unexpected(self, text: str) -> None:
        """Print that something is not as it should be."""
        self._print(_BOLD_RED, "✗ ", f"This is not what should happen here: {text}", style=_BOLD_RED)

    def print_verdict(self, failed: Sequence[int], total: int) -> None:
        """Print how many of the scenes went as they should."""
        say()
        if failed:
            say(self._style(_BOLD_RED, f"{len(failed)} of {total} scenes did not go as they should: {failed}"))
        else:
            say(self._style(_BOLD_GREEN, f"All {total} scenes went as they should."))

    def print_next(self, rows: Sequence[tuple[str, str]]) -> None:
        """Print what to do next: commands, and what each is for."""
        say("What to do next:")
        for command, purpose in rows:
            say("  ", self._style(_CYAN, command))
            for line in textwrap.wrap(purpose, self.columns - _INDENT - _MARK, break_on_hyphens=False):
                say("      ", line)

    def _print(self, color: str, mark: str, text: str, *, style: str = "") -> None:
        width = self.columns - _INDENT - _MARK
        for index, line in enumerate(textwrap.wrap(on_one_line(text), width, break_on_hyphens=False)):
            head = self._style(color, mark) if index == 0 else " " * _MARK
            say(" " * _INDENT, head, self._style(style, line) if style else line)

    def _style(self, code: str, text: str) -> Styled:
        return Styled(text, code if self.color else "")


def _format(value: Any) -> str:
    return value if isinstance(value, str) and " " not in value else indented_json(value, None)
