"""A mutant: one behaviour taken away from one file, and the tests that must find that."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Mutant", "StaleError"]


class StaleError(Exception):
    """A mutant no longer fits its file. The text says why."""


class Mutant(NamedTuple):
    """One behaviour that is taken away.

    Attributes:
        name: what the broken code does, in words with hyphens.
        file: below the root of the checkout.
        old: a piece of the file, which is there exactly once.
        new: what stands in its place.
        tests: what pytest is told to run: at least one of these tests must fail.
        hangs: the broken code takes so long that its tests may not end in time; that finds it too.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    hangs: bool = False

    def apply(self, text: str) -> str:
        """Return the text of the file with the behaviour taken away.

        Raises:
            StaleError: the piece is not there exactly once, or nothing would change.
        """
        times = text.count(self.old)
        if times != 1:
            raise StaleError(f"its piece of {self.file} is there {times} times")
        if self.new == self.old:
            raise StaleError("it changes nothing")
        return text.replace(self.old, self.new)
