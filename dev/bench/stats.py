"""Numbers as they are kept and compared: every value of every round, summed up as a median and a range."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

__all__ = ["Book", "Summary", "percentile", "rotated"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Summary:
    """What several rounds have found."""

    median: float
    low: float
    high: float
    rounds: int


@dataclass
class Book:
    """Every measured value, by metric and subject, and what must be said besides."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, metric: str, subject: str, value: float) -> None:
        """Write down one value."""
        self.values.setdefault(metric, {}).setdefault(subject, []).append(value)

    def note(self, sentence: str) -> None:
        """Write down one sentence for the report, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def summary(self, metric: str, subject: str) -> Summary | None:
        """Sum up one metric of one subject; None where it was not measured."""
        found = self.values.get(metric, {}).get(subject)
        return Summary(statistics.median(found), min(found), max(found), len(found)) if found else None

    def median(self, metric: str, subject: str) -> float | None:
        """Return the median of one metric of one subject; None where it was not measured."""
        found = self.summary(metric, subject)
        return None if found is None else found.median

    def ratio(self, metric: str, subject: str, other: str, *, other_metric: str = "") -> float | None:
        """Return how many times the other's median a subject's median is; None where one is missing or nought."""
        mine, theirs = self.median(metric, subject), self.median(other_metric or metric, other)
        return mine / theirs if mine is not None and theirs else None

    def as_json(self) -> dict[str, Any]:
        """Return all of it, for a program that wants to know more than the report says."""
        return {"metrics": self.values, "notes": self.notes}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that is not below that share of all values (the nearest rank).

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 100)  # rounded up
    return ordered[max(0, min(len(ordered), int(rank)) - 1)]


def rotated(items: Sequence[_T], by: int) -> list[_T]:
    """Return the items in another order each round, so that none is always first."""
    by %= len(items) or 1
    return [*items[by:], *items[:by]]
