"""Count calls, requests to PostHog and requests over HTTP. Knows no library of metrics, and does no I/O.

A label is one of a few known words, or the name of a caller of the callers file. Nothing of a project, an argument or a
secret is ever one, and subjects of tokens are counted together: their number has no bound.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

__all__ = ["BUCKETS_S", "Histogram", "Tally"]

BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds, in seconds, of the buckets in which durations are counted."""

_NOBODY: Final = "(none)"
_BY_ISSUER: Final = "(issuer)"
_OTHERS: Final = "(other)"
_MOST_CALLERS: Final = 200
"""Callers of the callers file that are counted apart."""
_TOO_MANY_REQUESTS: Final = "429"
_TOO_MANY_CALLS: Final = "too_many_calls"


@dataclass(slots=True)
class Histogram:
    """Durations in seconds: how many fell into each bucket, the last one without a bound, and their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sum_s += seconds


@dataclass
class Tally:
    """The counts of one process, from its start. All of it happens on one event loop, so nothing is locked.

    Attributes:
        calls: by tool, caller and outcome.
        failures: by tool and kind of failure.
        confirmations: by tool and channel: destructive calls that were confirmed.
        durations: of calls, by tool.
        upstream: answers of PostHog, by method and status; `none` for a request without one.
        upstream_durations: until the head of an answer, by method.
        requests: over HTTP, by path and status.
    """

    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    confirmations: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: dict[str, Histogram] = field(default_factory=dict)
    upstream: Counter[tuple[str, str]] = field(default_factory=Counter)
    upstream_durations: dict[str, Histogram] = field(default_factory=dict)
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    _callers: frozenset[str] = frozenset()
    _counted_apart: set[str] = field(default_factory=set)

    def know_callers(self, names: Iterable[str]) -> None:
        """Take up the names of the callers file, each time that it is read."""
        self._callers = frozenset(names)

    def count_call(
        self, tool: str, caller: str | None, outcome: str, duration_s: float, kind: str | None, channel: str | None
    ) -> None:
        """Count the end of one call.

        Args:
            tool: its name.
            caller: over HTTP; None for whoever needs no token.
            outcome: one word, as the audit log has it.
            duration_s: from its begin to its end.
            kind: of its failure; None if it has not failed.
            channel: by which it was confirmed; None if it was not.
        """
        self.calls[tool, self._label(caller), outcome] += 1
        self.durations.setdefault(tool, Histogram()).add(duration_s)
        if kind is not None:
            self.failures[tool, kind] += 1
        if channel is not None:
            self.confirmations[tool, channel] += 1

    def count_upstream(self, method: str, status: int | None, duration_s: float) -> None:
        """Count one request to PostHog, after its answer has begun; `status` is None if none came."""
        self.upstream[method, "none" if status is None else str(status)] += 1
        self.upstream_durations.setdefault(method, Histogram()).add(duration_s)

    def count_request(self, path: str, status: int | None) -> None:
        """Count one request over HTTP; `path` is one of the few that are recorded."""
        self.requests[path, "none" if status is None else str(status)] += 1

    def throttled(self) -> dict[str, int]:
        """Return how often somebody was told to wait: `posthog` us, and `server` a caller of ours."""
        by_posthog = sum(times for (_, status), times in self.upstream.items() if status == _TOO_MANY_REQUESTS)
        calls = sum(times for (_, kind), times in self.failures.items() if kind == _TOO_MANY_CALLS)
        requests = sum(times for (_, status), times in self.requests.items() if status == _TOO_MANY_REQUESTS)
        return {"posthog": by_posthog, "server": calls + requests}

    def _label(self, caller: str | None) -> str:
        if caller is None:
            return _NOBODY
        if caller not in self._callers and caller not in self._counted_apart:
            return _BY_ISSUER
        if caller not in self._counted_apart and len(self._counted_apart) >= _MOST_CALLERS:
            return _OTHERS
        self._counted_apart.add(caller)  # stays apart after it has left the file
        return caller
