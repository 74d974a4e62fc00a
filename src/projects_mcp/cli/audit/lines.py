"""Read an audit file line by line, in bounded memory, whatever it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, BinaryIO, Final, NamedTuple

from projects_mcp.gateway.audit_chain import LONGEST_LINE, Link, parse_link

__all__ = ["Line", "read_lines"]

_CHUNK: Final = 65_536


class Line(NamedTuple):
    """One line of a file.

    Attributes:
        number: from 1.
        digest: the SHA-256 of the whole line without its line break, in hexadecimal digits.
        too_long: it is longer than any line that is written; nothing else of it is known.
        ended: a line break stands behind it.
        link: its place in the chain; None if it names none.
        record: the object that it is; None if it is no JSON object.
    """

    number: int
    digest: str
    too_long: bool = False
    ended: bool = True
    link: Link | None = None
    record: dict[str, Any] | None = None


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """Yield the lines of a stream.

    Raises:
        OSError: it cannot be read.
    """
    number = 0
    while data := stream.readline(LONGEST_LINE + 1):
        number += 1
        ended = data.endswith(b"\n")
        text = data[:-1] if ended else data
        if len(text) > LONGEST_LINE:
            yield _skip(stream, number, text)
        else:
            yield Line(number, sha256(text).hexdigest(), False, ended, parse_link(text), _object(text))


def _skip(stream: BinaryIO, number: int, begin: bytes) -> Line:
    """Hash the rest of a line that is too long, piece by piece."""
    digest, ended = sha256(begin), False
    while not ended and (piece := stream.readline(_CHUNK)):
        ended = piece.endswith(b"\n")
        digest.update(piece[:-1] if ended else piece)
    return Line(number, digest.hexdigest(), True, ended)


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
