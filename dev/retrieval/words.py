"""Cut a text into the words that are compared."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["cut"]

_WORD: Final = re.compile(r"[a-z0-9]+")
_STOP: Final = frozenset(
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this "
    "to was will with".split()
)
"""Lucene's list for English (`EnglishAnalyzer`), which search engines drop by default."""


def cut(text: str) -> list[str]:
    """Return the words of a text: lower case, without the most frequent ones, a plural like its singular."""
    return [_singular(word) for word in _WORD.findall(text.lower()) if word not in _STOP]


def _singular(word: str) -> str:
    """Cut the ending of a plural: the S stemmer (Harman 1991, "How effective is suffixing?"), as Lucene has it."""
    if len(word) < 3 or not word.endswith("s") or word.endswith(("us", "ss")):
        return word
    if word.endswith("ies"):
        return word if word.endswith(("eies", "aies")) else f"{word[:-3]}y"
    if word.endswith("es"):
        return word if word.endswith(("aes", "ees", "oes")) else word[:-1]
    return word[:-1]
