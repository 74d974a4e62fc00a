"""Codes of approvals: short enough to be read out, and kept as their SHA-256 only."""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

__all__ = ["LONGEST_TYPED", "new_code", "of_code", "parse_code"]

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that looks like a digit, and no U."""
_HALF: Final = 4
LONGEST_TYPED: Final = 40
"""Characters beyond which a typed text is no code."""
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def new_code() -> str:
    """Return a new code, such as `7F3K-9QWX`: 40 random bits."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(2 * _HALF))
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


def parse_code(text: str) -> str | None:
    """Read a code as people type it: in any case, with or without its hyphen, with O for 0 and I or L for 1.

    Returns:
        None if the text cannot be a code.
    """
    if len(text) > LONGEST_TYPED or not text.isascii():
        return None
    letters = text.strip().upper().translate(_READ_AS)
    if len(letters) != 2 * _HALF or any(letter not in _ALPHABET for letter in letters):
        return None
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


def of_code(code: str) -> str:
    """Return what is kept of a code: its SHA-256 in hexadecimal."""
    return hashlib.sha256(code.encode("ascii")).hexdigest()
