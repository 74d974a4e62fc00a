"""Read a credential as people paste it, and say what is wrong with it without showing any of it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from projects_mcp.sanitize.redaction import Redactor

__all__ = ["UnusableFile", "explain_credential", "explain_key", "looks_like_key", "read_small_file", "shown_path"]

_MOST_BYTES: Final = 65_536
"""Bytes of a file with one credential in it. More is another file."""
_MOST_CHARACTERS: Final = 4_096
_FEWEST_CHARACTERS: Final = 4
_FEWEST_OF_KEY: Final = 5
"""Characters of the shortest text that is taken for a key: its prefix, and something behind it."""
_COMMENT: Final = ("#", "//", ";")
_ASSIGNMENT: Final = re.compile(
    r"(?:(?:export|set|setx)\s+|\$env:)?[A-Za-z_][A-Za-z0-9_]{0,99}\s*=\s*[^=\s]", re.IGNORECASE
)
_BEARER: Final = re.compile(r"(?:authorization\s*:\s*)?bearer\b", re.IGNORECASE)
_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"
_NEVER: Final = ' ;,"\\'
"""Characters that no credential has, although they can be printed."""
_KEY: Final = re.compile(r"ph[a-z]_[A-Za-z0-9_-]*|[A-Za-z0-9_-]{32,}")
_KINDS_OF_FILE: Final = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a pipe, and no regular file"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)


class UnusableFile(Exception):
    """A file cannot be read as text. The text says why, and follows the file's name and "which"."""


def read_small_file(
    path: Path, *, too_large: str = "is larger than any key (64 kB)", may_be_empty: bool = False
) -> str:
    """Read a small text file, without ever waiting for it.

    Only a regular file is read: a pipe or a device may never end.

    Args:
        path: of the file.
        too_large: what to say of one that is too large.
        may_be_empty: whether there may be nothing in it.

    Returns:
        Its text without the space around it.

    Raises:
        UnusableFile: it is missing, not a regular file, too large, or not plain UTF-8 text.
    """
    try:
        _require_regular(path.stat().st_mode)
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            _require_regular(os.fstat(descriptor).st_mode)  # it may be another one by now
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise UnusableFile("does not exist") from None
    except PermissionError:
        raise UnusableFile("may not be read by this user") from None
    except OSError as error:
        raise UnusableFile(f"cannot be read ({(error.strerror or 'unknown reason').lower()})") from None
    except ValueError:
        raise UnusableFile("has a name that no file can have") from None
    if len(data) > _MOST_BYTES:
        raise UnusableFile(too_large)
    text = _decode(data)
    if not text and not may_be_empty:
        raise UnusableFile("is empty")
    return text


def _require_regular(mode: int) -> None:
    for is_kind, words in _KINDS_OF_FILE:
        if is_kind(mode):
            raise UnusableFile(words)


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnusableFile("is UTF-16 text; save it as UTF-8")
    if data.startswith(b"\xef\xbb\xbf"):
        raise UnusableFile("begins with a byte order mark (BOM); save it as UTF-8 without one")
    if b"\0" in data:
        raise UnusableFile("is UTF-16 text without a mark, or no text at all; save it as UTF-8")
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        raise UnusableFile("is not UTF-8 text") from None


def explain_credential(text: str) -> str | None:
    """Return what is wrong with a text that has to be sent in an HTTP header; None if nothing is.

    The words follow the name of the setting, or "which" after that of the file.
    """
    return next((words for is_so, words in _PROBLEMS if is_so(text)), None)


def _has_comment(text: str) -> bool:
    return any(line.lstrip().startswith(_COMMENT) for line in text.splitlines())


def _is_quoted(text: str) -> bool:
    return text[:1] in _QUOTES or text[-1:] in _QUOTES


def _is_unsendable(text: str) -> bool:
    return not text.isascii() or not text.isprintable() or any(character in _NEVER for character in text)


_PROBLEMS: Final[tuple[tuple[Callable[[str], object], str], ...]] = (
    (lambda text: len(text) < _FEWEST_CHARACTERS, "is too short to be one"),
    (lambda text: text.startswith("\ufeff"), "begins with a byte order mark (BOM)"),
    (_has_comment, "has a comment in it"),
    (lambda text: len(text.splitlines()) > 1, "has more than one line"),
    (_ASSIGNMENT.match, "has a name before the value (NAME=…)"),
    (_BEARER.match, "begins with \u201cBearer\u201d"),
    (_is_quoted, "stands in quotation marks"),
    (_is_unsendable, "contains characters that no such value has"),
    (lambda text: len(text) > _MOST_CHARACTERS, "is far too long to be one"),
)
"""What can be wrong, the most telling first."""


def explain_key(text: str) -> str | None:
    """Return what is wrong with a text that should be a personal API key; None if nothing is."""
    if problem := explain_credential(text):
        return problem
    return "is too short to be one" if len(text) < _FEWEST_OF_KEY else None


def looks_like_key(text: str) -> bool:
    """Whether a text that should be a path looks like a key itself, so that it must not be shown."""
    return _KEY.fullmatch(text) is not None


def shown_path(path: Path) -> str:
    """Return a path as it may be shown: without anything in it that looks like a secret."""
    return Redactor().text(str(path))
