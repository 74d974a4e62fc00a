"""Find where things stand in a JSON document, which may hold comments and trailing commas.

The document is read from left to right with a bounded stack, and only the values near its root are kept: those between
which an entry is put. Nothing is converted, so that what stands elsewhere never changes, whatever it is.
The grammar is RFC 8259, and the two additions of VS Code's "JSON with Comments".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, NamedTuple

__all__ = ["JSONCError", "Member", "Part", "comments_between", "read_value", "scan"]

_MAX_DEPTH: Final = 200
"""Containers inside each other. `json.loads` is given no more than this either."""
_KEPT_DEPTH: Final = 4
"""What holds the document, the document, its sections and their entries have their members listed."""
_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]++)
    |(?P<comment>//[^\r\n]*+|/\*(?s:.*?)\*/)
    |(?P<mark>[{}\[\],:])
    |(?P<string>"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")
    |(?P<scalar>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null)""",
    re.VERBOSE,
)


class JSONCError(ValueError):
    """The document is not JSON, even with comments and trailing commas."""


@dataclass(slots=True)
class Part:
    """A value of the document.

    Attributes:
        kind: `{`, `[`, or empty for any other value.
        start: the offset of its first character.
        end: the offset after its last character.
        members: of a container near the root, in their order.
    """

    kind: str
    start: int
    end: int
    members: list[Member] = field(default_factory=list)


class Member(NamedTuple):
    """A member of an object, or an item of an array.

    Attributes:
        key: as JSON means it, whatever escapes it is written with; None for an item.
        start: the offset of the key, or of the item.
        value: what it holds.
    """

    key: str | None
    start: int
    value: Part


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class _Expected(Enum):
    KEY = auto()
    COLON = auto()
    VALUE = auto()
    COMMA = auto()


@dataclass(slots=True)
class _Open:
    """A container that is being read; the outermost one is the document itself."""

    part: Part
    expected: _Expected
    key: str | None = None
    start: int = 0


def scan(text: str, start: int = 0) -> Part:
    """Return the one value of a document.

    Args:
        text: the document.
        start: where it begins: after a byte order mark.

    Raises:
        JSONCError: it is not JSON, or nested too deeply.
    """
    document = _Open(Part("", start, len(text)), _Expected.VALUE)
    opened = [document]
    for token in _tokens(text, start, len(text)):
        if token.text in {"}", "]"} and token.kind == "mark":
            _close(opened, token)
        elif token.text in {",", ":"} and token.kind == "mark":
            _separate(opened[-1], token)
        else:
            _begin(opened, token)
    if len(opened) > 1 or not document.part.members:
        raise JSONCError("the document ends too early")
    return document.part.members[0].value


def _begin(opened: list[_Open], token: _Token) -> None:
    """Take a key, a value, or the beginning of a container."""
    inner = opened[-1]
    if inner.expected is _Expected.KEY and token.kind == "string":
        inner.key, inner.start, inner.expected = json.loads(token.text), token.start, _Expected.COLON
        return
    if inner.expected is not _Expected.VALUE:
        raise JSONCError("a value stands where none belongs")
    if inner.part.kind != "{":
        inner.start = token.start
    if token.kind == "mark":
        if len(opened) > _MAX_DEPTH:
            raise JSONCError("the document is nested too deeply")
        expected = _Expected.KEY if token.text == "{" else _Expected.VALUE
        opened.append(_Open(Part(token.text, token.start, token.end), expected))
    else:
        _finish(opened, Part("", token.start, token.end))


def _finish(opened: list[_Open], part: Part) -> None:
    inner = opened[-1]
    if len(opened) <= _KEPT_DEPTH:
        inner.part.members.append(Member(inner.key, inner.start, part))
    inner.expected = _Expected.COMMA


def _separate(inner: _Open, token: _Token) -> None:
    if token.text == ":" and inner.expected is _Expected.COLON:
        inner.expected = _Expected.VALUE
    elif token.text == "," and inner.expected is _Expected.COMMA and inner.part.kind:
        inner.expected = _Expected.KEY if inner.part.kind == "{" else _Expected.VALUE
    else:
        raise JSONCError("a comma or colon stands where none belongs")


def _close(opened: list[_Open], token: _Token) -> None:
    """Take the end of a container; a trailing comma may stand before it."""
    inner = opened[-1]
    kind = {"}": "{", "]": "["}[token.text]
    may_end = {_Expected.COMMA, _Expected.KEY if kind == "{" else _Expected.VALUE}
    if inner.part.kind != kind or inner.expected not in may_end:
        raise JSONCError("a bracket stands where none belongs")
    inner.part.end = token.end
    opened.pop()
    _finish(opened, inner.part)


def comments_between(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Yield each comment and comma between two values: its text, its start and its end."""
    for token in _tokens(text, start, end, comments=True):
        yield token.text, token.start, token.end


def read_value(text: str, part: Part) -> Any:
    """Return a part as a Python value. No number of it equals anything: an entry of ours holds none.

    Raises:
        JSONCError: an object in it has a name twice.
    """
    tokens = list(_tokens(text, part.start, part.end))
    kept = [
        token.text
        for token, after in zip(tokens, [*tokens[1:], None], strict=True)
        if not (token.text == "," and token.kind == "mark" and after and after.text in {"}", "]"})
    ]
    try:
        return json.loads(" ".join(kept), object_pairs_hook=_unique, parse_int=_number, parse_float=_number)
    except RecursionError:
        raise JSONCError("the document is nested too deeply") from None


def _number(_text: str) -> object:
    return object()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise JSONCError("a name is there twice")
    return value


def _tokens(text: str, start: int, end: int, *, comments: bool = False) -> Iterator[_Token]:
    while start < end:
        match = _TOKEN.match(text, start, end)
        if match is None:
            raise JSONCError("a character stands where none belongs")
        kind = str(match.lastgroup)
        if kind != "space" and (comments or kind != "comment"):
            yield _Token(kind, match[0], start, match.end())
        start = match.end()
