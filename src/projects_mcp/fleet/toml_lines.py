"""Where the tables and keys of a TOML text stand, and whether its form is one that can be read in little time.

`tomllib` tells neither: it forgets the lines, a key of a million parts holds it for hours, and a deep list exhausts the
stack. This goes through the text once, token by token, and understands no more of it than where a statement begins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

__all__ = ["Path", "TomlFormError", "lines_of"]

Path: TypeAlias = tuple[str | int, ...]
"""The keys that lead to a table or a value; of the tables of a list, their number from 0."""

_MOST_PARTS: Final = 16
_MOST_LEVELS: Final = 32
_TOKEN: Final = re.compile(
    r"""
      (?P<comment>\#[^\n]*+)
    | (?P<long>\"{3}(?:[^"\\]|\\.|"{1,2}+(?!"))*+\"{3,5} | '{3}(?:[^']|'{1,2}+(?!'))*+'{3,5})
    | (?P<unended>\"{3}|'{3})
    | (?P<text>"(?:[^"\\\n]|\\[^\n])*+" | '[^'\n]*+')
    | (?P<bare>[^\s"'#=.,\[\]{}]++)
    | (?P<space>[^\S\n]++)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)


class TomlFormError(Exception):
    """The text is of a form that is not read. Has the line, and a sentence without its beginning."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def lines_of(text: str) -> Mapping[Path, int]:
    """Return the line of each table and of each key outside of an inline table, counted from 1.

    Of a text that is not TOML, what is returned may be anything.

    Raises:
        TomlFormError: a key has too many parts, or values are nested too deeply.
    """
    scanner = _Scanner()
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "unended":
            break
        scanner.take(token.lastgroup or "", token[0])
    return scanner.lines


class _Scanner:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self._line = 1
        self._level = 0
        self._dots = 0
        self._parts: list[str] = []
        self._in_value = False
        self._brackets = 0
        """How many brackets the head of a table has begun with."""
        self._table: Path = ()
        self._lists: dict[Path, int] = {}
        """Lists of tables, and how many each has."""

    def take(self, kind: str, token: str) -> None:
        """Take the next token of the text."""
        if kind == "sign":
            self._punctuation(token)
        elif kind in {"bare", "text"} and not self._in_value and len(self._parts) <= _MOST_PARTS:
            self._parts.append(token if kind == "bare" else token[1:-1])
        self._line += token.count("\n")

    def _punctuation(self, sign: str) -> None:
        if sign == ".":
            self._dots += 1
            if self._dots >= _MOST_PARTS:
                raise TomlFormError(self._line, f"a key has more than {_MOST_PARTS} parts")
            return
        self._dots = 0
        if sign == "\n":
            self._end_of_line()
        elif self._in_value:
            self._nest(sign)
        elif sign == "=":
            self._note((*self._table, *self._parts))
            self._in_value = True
        elif sign == "[" and not self._parts:
            self._brackets += 1
        elif sign == "]" and self._brackets and self._parts:
            self._begin_table()

    def _nest(self, sign: str) -> None:
        if sign in "[{":
            self._level += 1
            if self._level > _MOST_LEVELS:
                raise TomlFormError(self._line, f"values are nested deeper than {_MOST_LEVELS} levels")
        elif sign in "]}":
            self._level = max(self._level - 1, 0)

    def _end_of_line(self) -> None:
        if not self._level:
            self._parts, self._in_value, self._brackets = [], False, 0

    def _begin_table(self) -> None:
        path: Path = ()
        for part in self._parts[:-1]:
            path = self._inside((*path, part))
        path = (*path, self._parts[-1])
        if self._brackets > 1:
            number = self._lists.get(path, 0)
            self._lists[path] = number + 1
            self._note(path)
            path = (*path, number)
        self._table = path
        self._note(path)
        self._parts, self._brackets = [], 0

    def _inside(self, path: Path) -> Path:
        return (*path, self._lists[path] - 1) if path in self._lists else path

    def _note(self, path: Sequence[str | int]) -> None:
        self.lines.setdefault(tuple(path), self._line)
