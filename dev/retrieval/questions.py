"""The questions, and the tool that answers each. They are frozen: whoever words a tool does not touch them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["SETS", "Query", "digest", "questions"]

_FOLDER: Final = Path(__file__).with_name("questions")
SETS: Final = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
    "training",
)


class Query(NamedTuple):
    """A question in a user's words, and the one tool that is right for it.

    Attributes:
        tool: its name.
        text: the question.
        source: the public thread or page that it was made from, where there is one.
    """

    tool: str
    text: str
    source: str = ""


def questions(name: str) -> list[Query]:
    """Return one set of questions."""
    return [Query(*line.split("\t")) for line in _read(name).splitlines()]


def digest(name: str) -> str:
    """Return the SHA-256 of a set, by which a test sees that nobody changed it."""
    return hashlib.sha256(_read(name).encode()).hexdigest()


def _read(name: str) -> str:
    return (_FOLDER / f"{name}.tsv").read_text(encoding="utf-8")
