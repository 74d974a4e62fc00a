"""What a record may be, the same in every store."""

from __future__ import annotations

import math
from typing import Final

from projects_mcp.state.store import MAX_VALUE_CHARACTERS, StoreError

__all__ = ["check_key", "check_prefix", "check_time", "check_value"]

_LONGEST_KEY: Final = 200
_PRINTABLE: Final = range(0x20, 0x7F)


def check_key(key: str) -> None:
    """Make sure that a key is printable ASCII, of 1 to 200 characters: keys are this program's own."""
    if not key:
        raise AssertionError("a record has a key")
    check_prefix(key)


def check_prefix(prefix: str) -> None:
    """Make sure that a text can be the beginning of a key."""
    if len(prefix) > _LONGEST_KEY or not all(ord(character) in _PRINTABLE for character in prefix):
        raise AssertionError("a key is printable ASCII, of 200 characters at most")


def check_time(for_s: float) -> None:
    """Make sure that a record is for some time, and not for ever."""
    if not (for_s > 0 and math.isfinite(for_s)):
        raise AssertionError("a record is kept for a limited time above zero")


def check_value(value: str) -> None:
    """Make sure that a value can be kept.

    Raises:
        StoreError: it is longer than `MAX_VALUE_CHARACTERS`, or holds half a character (a lone surrogate).
    """
    if len(value) > MAX_VALUE_CHARACTERS:
        raise StoreError("what is to be kept is too long for the store")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise StoreError("what is to be kept is no proper text") from None
