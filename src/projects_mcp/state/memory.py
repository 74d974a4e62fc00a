"""The store in this process alone: nothing is shared, and nothing outlives it."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from projects_mcp.state.checks import check_key, check_prefix, check_time, check_value
from projects_mcp.state.leaky_bucket import LeakyBucket
from projects_mcp.state.store import MAX_RECORDS, StateStore, StoreError

__all__ = ["MemoryStore"]

_SHORT: Final = 200
"""Characters of a record that needs no closer look."""


@dataclass
class MemoryStore(StateStore):
    """Keeps records in memory. No step waits, so that each is atomic among the tasks of the process.

    Args:
        clock: seconds that never go back, for tests.
        most: records at the most.
    """

    clock: Callable[[], float] = time.monotonic
    most: int = MAX_RECORDS
    _records: dict[str, tuple[str, float]] = field(default_factory=dict, init=False, repr=False)
    """The value of each key, and when it expires."""
    _expiries: list[tuple[float, str]] = field(default_factory=list, init=False, repr=False)
    """A heap of the times at which a key may have expired."""

    shared = False

    async def get(self, key: str) -> str | None:
        """Return a record; None if there is none."""
        return self._get(key)

    async def add(self, key: str, value: str, for_s: float) -> bool:
        """Keep a record if there is none under its key. Return whether it was kept."""
        if not _is_plain(key, value, for_s):
            check_key(key)
            check_value(value)
            check_time(for_s)
        if self._get(key) is not None:
            return False
        self._put(key, value, self.clock() + for_s)
        return True

    async def replace(self, key: str, old: str, new: str | None, for_s: float | None = None) -> bool:
        """Put a new record in the place of exactly the old one, or remove that one."""
        check_key(key)
        if new is not None:
            check_value(new)
        if for_s is not None:
            check_time(for_s)
        if self._get(key) != old:
            return False
        if new is None:
            del self._records[key]
        else:
            self._put(key, new, self._records[key][1] if for_s is None else self.clock() + for_s)
        return True

    async def find(self, prefix: str, most: int) -> list[tuple[str, str]]:
        """Return at most so many records whose keys begin so, in the order of the keys."""
        check_prefix(prefix)
        self._drop_expired()
        names = heapq.nsmallest(most, (key for key in self._records if key.startswith(prefix)))
        return [(key, self._records[key][0]) for key in names]

    async def take(self, key: str, count: int, window_s: float, amount: int = 1) -> float:
        """Take from an allowance that comes back evenly, or learn how long to wait."""
        check_key(key)
        now, kept = self.clock(), self._get(key)
        bucket = LeakyBucket(0.0, now) if kept is None else LeakyBucket.of(kept)
        wait_s, after = bucket.take(now, count, window_s, amount)
        if not wait_s:
            self._put(key, str(after), now + after.owed_s)
        return wait_s

    async def probe(self) -> None:
        """Make sure that a record can be kept now."""
        self._drop_expired()
        if len(self._records) >= self.most:
            raise StoreError("the store is full")

    async def aclose(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def _get(self, key: str) -> str | None:
        self._drop_expired()
        kept = self._records.get(key)
        return None if kept is None else kept[0]

    def _put(self, key: str, value: str, until: float) -> None:
        if key not in self._records and len(self._records) >= self.most:
            raise StoreError("the store is full")
        self._records[key] = value, until
        heapq.heappush(self._expiries, (until, key))
        if len(self._expiries) > 2 * len(self._records) + 100:  # of keys that were replaced or removed
            self._expiries = [(expiry, name) for name, (_value, expiry) in self._records.items()]
            heapq.heapify(self._expiries)

    def _drop_expired(self) -> None:
        now = self.clock()
        while self._expiries and self._expiries[0][0] <= now:
            _, key = heapq.heappop(self._expiries)
            kept = self._records.get(key)
            if kept is not None and kept[1] <= now:
                del self._records[key]


def _is_plain(key: str, value: str, for_s: float) -> bool:
    """Whether a record is so ordinary that no check can find anything: short, printable ASCII, for some time."""
    if not 0 < len(key) <= _SHORT or len(value) > _SHORT or not 0 < for_s < math.inf:
        return False
    return key.isascii() and key.isprintable() and value.isascii()
