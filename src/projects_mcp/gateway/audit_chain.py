"""How the lines of an audit file are chained: what each says of the line before it, and of itself.

A chained line ends with `,"sequence":N,"previous":"…","sha256":"…"}`. `previous` is the SHA-256 of the whole line
before it in the file, without the line break, whatever that line is; null at the begin of a file. `sha256` is that of
the line's own bytes before `,"sha256":`. Where the writer knows a line of a file that was there before, `continues`
names it in front of them, as `N:SHA256` of the whole line. Bytes are hashed as they stand, so that whoever checks a
line needs no canonical form of JSON.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final, NamedTuple

__all__ = ["LONGEST_LINE", "Head", "Link", "chained", "digest_of", "parse_link"]

LONGEST_LINE: Final = 65_536
"""Bytes of a line without its line break, at the most: what a writer looks back, and what is checked at once."""

_LINK: Final = re.compile(
    rb'(?:,"continues":"(?P<continues>[1-9][0-9]{0,14}:[0-9a-f]{64})")?'
    rb',"sequence":(?P<sequence>[1-9][0-9]{0,14}),"previous":(?P<previous>null|"[0-9a-f]{64}")'
    rb'(?P<own>,"sha256":"[0-9a-f]{64}"\})\Z'
)
_LONGEST_LINK: Final = 320
_HEAD: Final = re.compile(r"([1-9][0-9]{0,14}):([0-9a-f]{64})")


class Head(NamedTuple):
    """A line by its place in the chain and the SHA-256 of the whole of it: a head, if it is the last line."""

    sequence: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.sha256}"

    @classmethod
    def parse(cls, text: str) -> Head | None:
        """Read `N:SHA256`, or return None if it is something else."""
        found = _HEAD.fullmatch(text)
        return None if found is None else cls(int(found[1]), found[2])


class Link(NamedTuple):
    """What a chained line says of its place. `intact` is whether it is as it was written, by its own word."""

    sequence: int
    previous: str | None
    continues: Head | None
    intact: bool


def digest_of(line: bytes) -> str:
    """Return the SHA-256 of a line without its line break, as 64 hexadecimal digits."""
    return sha256(line).hexdigest()


def chained(line: bytes, sequence: int, previous: str | None, continues: Head | None = None) -> bytes:
    """Return a line with its place in the chain.

    Args:
        line: a JSON object with at least one member, without a line break.
        sequence: its number in the file, from 1; lines without a chain do not count.
        previous: the SHA-256 of the line before it; None if there is none.
        continues: the last line that the writer knows of a file that was there before; None if it knows none.
    """
    after = b"" if continues is None else b',"continues":"%s"' % str(continues).encode()
    before = b"null" if previous is None else b'"%s"' % previous.encode()
    whole = b'%s%s,"sequence":%d,"previous":%s' % (line[:-1], after, sequence, before)
    return b'%s,"sha256":"%s"}' % (whole, digest_of(whole).encode())


def parse_link(line: bytes) -> Link | None:
    """Read a line's place in the chain, or return None if it has none."""
    found = _LINK.search(line, max(0, len(line) - _LONGEST_LINK))
    if found is None:
        return None
    previous, continues = found["previous"], found["continues"]
    return Link(
        int(found["sequence"]),
        None if previous == b"null" else previous[1:-1].decode(),
        None if continues is None else Head.parse(continues.decode()),
        found["own"] == b',"sha256":"%s"}' % digest_of(line[: found.start("own")]).encode(),
    )
