"""Count requests and how long they took, as plain numbers in memory. Knows no library of metrics."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

__all__ = ["BUCKETS_S", "Histogram", "RequestTally"]

BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds, in seconds, of the buckets in which durations are counted."""


@dataclass(slots=True)
class Histogram:
    """Durations in seconds: how many fell into each bucket, the last one without a bound, and their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sum_s += seconds


@dataclass(slots=True)
class RequestTally:
    """The requests of one process to PostHog, from its start.

    Attributes:
        answers: by method and status; `none` for a request without an answer.
        durations: until the head of an answer, or until it was clear that none comes, by method.
    """

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: dict[str, Histogram] = field(default_factory=dict)

    def count(self, method: str, status: int | None, duration_s: float) -> None:
        """Count one request, after its answer has begun; `status` is None if none came."""
        self.answers[method, "none" if status is None else str(status)] += 1
        self.durations.setdefault(method, Histogram()).add(duration_s)
