"""Patterns of names, as shells have them: `*` any text, `?` any character, `[a-z]` and `[!a-z]` one of some or none.

A name is matched in one pass over its characters, whatever the pattern: the places of the pattern that have been
reached are the bits of one number, so nothing is ever tried twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

__all__ = ["MOST_CHARACTERS", "NamePattern"]

MOST_CHARACTERS: Final = 400
"""Characters of a pattern at the most. A project's name has 200."""


class NamePattern:
    """A pattern, compared with names character for character: `A` is not `a`.

    Args:
        text: the pattern. A bracket that is not closed stands for itself.

    Raises:
        ValueError: it is longer than `MOST_CHARACTERS`.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MOST_CHARACTERS:
            raise ValueError
        self.text = text
        self._stays = 0
        """Places at which any character may be passed over."""
        self._takes: list[Callable[[str], bool]] = []
        for part in _parts(text):
            if part is None:
                self._stays |= 1 << len(self._takes)
            else:
                self._takes.append(part)

    def matches(self, name: str) -> bool:
        """Whether a name is one of those that are meant."""
        reached = 1
        known: dict[str, int] = {}
        for character in name:
            if character not in known:
                known[character] = sum(1 << at for at, takes in enumerate(self._takes) if takes(character))
            reached = ((reached & known[character]) << 1) | (reached & self._stays)
            if not reached:
                return False
        return bool(reached >> len(self._takes))


def _parts(text: str) -> Iterator[Callable[[str], bool] | None]:
    """Return which character each place takes; None where any text may stand."""
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if character == "*":
            yield None
        elif character == "?":
            yield lambda _: True
        elif character == "[" and (end := _end_of_set(text, at)):
            yield _one_of(text[at:end])
            at = end + 1
        else:
            yield character.__eq__


def _end_of_set(text: str, begin: int) -> int:
    """Return where the bracket is that ends a set; 0 if there is none. One at the very beginning stands for itself."""
    first = begin + (text[begin : begin + 1] == "!")
    return max(text.find("]", first + 1), 0)


def _one_of(text: str) -> Callable[[str], bool]:
    """Return what says whether a character is in a set, such as `a-z_` or `!0-9`."""
    negated = text.startswith("!")
    members = text[1:] if negated else text
    ranges: list[tuple[str, str]] = []
    at = 0
    while at < len(members):
        until = at + 2 if members[at + 1 : at + 2] == "-" and at + 2 < len(members) else at
        ranges.append((members[at], members[until]))
        at = until + 1
    return lambda character: any(first <= character <= last for first, last in ranges) is not negated
