"""Find the statements of a TOML document: which lines each one takes, and which value it speaks of.

The document is one that `tomllib` has accepted, so its grammar is not checked again: only strings, comments and
brackets are told apart, which decide where a statement ends. See TOML 1.0.0, https://toml.io/en/v1.0.0.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

__all__ = ["Statement", "statements"]

_TOKEN: Final = re.compile(
    r'''(?P<blank>[ \t]++)
    |(?P<newline>\r?\n)
    |(?P<comment>\#[^\r\n]*+)
    |(?P<string>
        """(?s:[^"\\]++|\\.|"{1,2}+(?!"))*+"{3,5}
        |\'\'\'(?:[^']++|'{1,2}+(?!'))*+'{3,5}
        |"(?:[^"\\\r\n]++|\\.)*+"
        |'[^'\r\n]*+')
    |(?P<open>[\[{])
    |(?P<close>[\]}])
    |(?P<equals>=)
    |(?P<bare>[^\s"'#\[\]{}=]++)''',
    re.VERBOSE,
)


class Statement(NamedTuple):
    """A header of a table, or a key with its value.

    Attributes:
        table: the path of the table that it stands in; of a header, of the table that it opens.
        path: what it speaks of, from the root.
        header: it opens a table.
        start: the offset of its first character.
        end: the offset after its last character, without a comment.
    """

    table: tuple[str, ...]
    path: tuple[str, ...]
    header: bool
    start: int
    end: int


@dataclass(slots=True)
class _Read:
    """The statement that is being read."""

    start: int
    end: int
    equals: int | None = None
    depth: int = 0


def statements(text: str, start: int = 0) -> Iterator[Statement]:
    """Yield the statements of a valid document, in their order.

    Args:
        text: the document.
        start: where it begins: after a byte order mark.

    Raises:
        ValueError: a character is none that a valid document has there.
    """
    table: tuple[str, ...] = ()
    for read in _spans(text, start):
        header = text[read.start] == "["
        if header:
            table = path = _path_of(tomllib.loads(text[read.start : read.end]))
        else:
            path = (*table, *_path_of(tomllib.loads(f"{text[read.start : read.equals]} = 0")))
        yield Statement(table, path, header, read.start, read.end)


def _spans(text: str, start: int) -> Iterator[_Read]:
    """Yield where the statements stand: each ends with its line, unless a bracket of it is open."""
    read: _Read | None = None
    while start < len(text):
        match = _TOKEN.match(text, start)
        if match is None:
            raise ValueError("a character stands where none belongs")
        kind, end = match.lastgroup, match.end()
        if kind == "newline" and read is not None and not read.depth:
            yield read
            read = None
        elif kind not in {"blank", "newline", "comment"}:
            read = read or _Read(start, end)
            read.end = end
            read.depth += (kind == "open") - (kind == "close")
            if kind == "equals" and read.equals is None:
                read.equals = start
        start = end
    if read is not None:
        yield read


def _path_of(value: Any) -> tuple[str, ...]:
    """Return the names on the way into a document of one statement."""
    path: list[str] = []
    while isinstance(value, dict | list) and value:
        if isinstance(value, dict):
            ((name, value),) = value.items()
            path.append(name)
        else:
            (value,) = value
    return tuple(path)
