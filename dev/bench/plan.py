"""How much is measured, and of whom."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from dev.bench.stats import Book, rotated
from dev.bench.subjects import Subject
from dev.bench.wire import Failed

__all__ = ["BARE", "FASTMCP", "OURS", "OURS_AIOHTTP", "PARTS", "Plan", "attempt"]

OURS, OURS_AIOHTTP, BARE, FASTMCP = "ours", "ours-aiohttp", "bare", "fastmcp"
PARTS = ("start", "lanes", "carry", "results", "calls", "http", "replicas", "growth")


@dataclass(frozen=True)
class Plan:
    """Who is measured, and how often.

    Args:
        subjects: those that could be built.
        rounds: of calls; starts are cheaper and noisier, so there are more of them.
        quick: a few of everything, to see that it works.
    """

    subjects: Mapping[str, Subject]
    rounds: int = 3
    quick: bool = False

    @property
    def start_rounds(self) -> int:
        """How often each subject is started."""
        return self.rounds if self.quick else 2 * self.rounds + 3

    def count(self, full: int, quick: int) -> int:
        """Return how many calls to make."""
        return quick if self.quick else full

    def order(self, turn: int) -> list[Subject]:
        """Return the subjects in the order of one round: who is first changes, so that drift meets all alike."""
        return rotated(list(self.subjects.values()), turn)


@contextmanager
def attempt(book: Book, subject: Subject, what: str) -> Iterator[None]:
    """Let the others go on where one subject fails, and say so in the report."""
    try:
        yield
    except (Failed, OSError, subprocess.SubprocessError) as error:
        book.note(f"`{subject.name}` failed ({what}): {type(error).__name__}: {error}".strip())
