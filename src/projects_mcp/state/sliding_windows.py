"""How many requests a key has used in the last minute and hour, over all processes that share a store.

PostHog counts in windows that slide, so an allowance that comes back evenly would not do: all of it, and what comes
back meanwhile, can be used within one window. Here requests are counted in short steps of time, and a step counts until
the whole of it has left the window. So no window holds more than is allowed, wherever it begins.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import anyio

from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["PER_HOUR", "PER_MINUTE", "SlidingWindows", "Window"]

_AT_ONCE: Final = 5
"""Requests that are counted together, because a step of a store takes milliseconds. Those that are not used within the
shortest step of a window are lost."""
_MOST_TRIES: Final = 50
"""Tries to count a request while other processes count theirs."""
_LONGEST_PAUSE_S: Final = 0.02

_Steps: TypeAlias = dict[int, int]
"""The number of a step, counted from 1970, and the requests in it."""


class Window(NamedTuple):
    """How many requests are allowed in a window.

    Attributes:
        most: requests in any window of that length.
        length_s: in seconds.
        step_s: seconds of the steps in which requests are counted.
    """

    most: int
    length_s: int
    step_s: int

    def wait_s(self, steps: Mapping[int, int], now: float, amount: int) -> float:
        """Return the seconds after which so many requests are free; more than `most` never are, and count as `most`."""
        inside = sorted((step, used) for step, used in steps.items() if self._leaves(step) > now)
        excess = sum(used for _, used in inside) + min(amount, self.most) - self.most
        for step, used in inside:
            if excess <= 0:
                break
            excess -= used
            if excess <= 0:
                return self._leaves(step) - now
        return 0.0

    def room(self, steps: Mapping[int, int], now: float) -> int:
        """Return how many requests are free now."""
        return self.most - sum(used for step, used in steps.items() if self._leaves(step) > now)

    def counted(self, steps: Mapping[int, int], now: float, amount: int) -> _Steps:
        """Return the steps with so many requests more, without those that have left the window."""
        kept = {step: used for step, used in steps.items() if self._leaves(step) > now}
        this = self.step(now)
        return {**kept, this: kept.get(this, 0) + amount}

    def step(self, now: float) -> int:
        """Return the number of the step at a time."""
        return int(now // self.step_s)

    def _leaves(self, step: int) -> float:
        """Return when a whole step has left the window."""
        return (step + 1) * self.step_s + self.length_s


PER_MINUTE: Final = Window(350, 60, 5)
"""Three quarters of the 480 requests that PostHog allows a key in a minute, less ten for what calls ask besides."""
PER_HOUR: Final = Window(3_500, 3_600, 300)
"""Three quarters of the 4,800 requests that PostHog allows a key in an hour, less a hundred, as above."""


def wall_clock() -> float:
    """Return seconds since 1970: the one clock that processes on several machines share."""
    return time.time()


@dataclass
class SlidingWindows:
    """The requests of one key. If the store cannot be used, this process counts for itself.

    Args:
        store: keeps the count.
        windows: all of them must have room.
        key: of the count in the store.
    """

    store: StateStore
    windows: Sequence[Window] = (PER_MINUTE, PER_HOUR)
    key: str = "requests:none"
    _own: MemoryStore = field(default_factory=MemoryStore, init=False, repr=False)
    _counted: tuple[int, int] = field(default=(0, 0), init=False, repr=False)
    """The step in which requests were counted, and how many of them have not been used."""
    _lock: anyio.Lock = field(default_factory=anyio.Lock, init=False, repr=False)

    @classmethod
    def of_key(cls, store: StateStore, origin: str, key: str | None) -> SlidingWindows:
        """Return the windows of a key, or of none, at one PostHog. The store learns neither of them."""
        digest = hashlib.sha256(f"{origin}\x00{key}".encode()).hexdigest()
        return cls(store, key=f"requests:{digest}")

    def now(self) -> float:
        """Return seconds since 1970, by the clock that the requests are counted by."""
        return wall_clock()

    async def take(self) -> float:
        """Count one request.

        Returns:
            0 if it was counted; else the seconds after which one can be, and nothing was counted.
        """
        async with self._lock:
            step, left = self._counted
            if left and step == self._shortest_step(wall_clock()):
                self._counted = step, left - 1
                return 0.0
            try:
                return await self._take(self.store)
            except StoreError:
                return await self._take(self._own)

    async def wait_s(self, amount: int) -> float:
        """Return the seconds after which so many requests are free, or as many as a window ever has."""
        try:
            counts = self._counts(await self.store.get(self.key))
        except StoreError:
            counts = self._counts(await self._own.get(self.key))
        now = wall_clock()
        return max(window.wait_s(steps, now, amount) for window, steps in zip(self.windows, counts, strict=True))

    async def _take(self, store: StateStore) -> float:
        lasts_s = max(window.length_s + window.step_s for window in self.windows)
        for _ in range(_MOST_TRIES):
            old = await store.get(self.key)
            now, counts = wall_clock(), self._counts(old)
            both = list(zip(self.windows, counts, strict=True))
            if wait_s := max(window.wait_s(steps, now, 1) for window, steps in both):
                return wait_s
            amount = min(_AT_ONCE, *(window.room(steps, now) for window, steps in both))
            new = json.dumps([window.counted(steps, now, amount) for window, steps in both], separators=(",", ":"))
            kept = (
                await store.add(self.key, new, lasts_s)
                if old is None
                else await store.replace(self.key, old, new, lasts_s)
            )
            if kept:
                self._counted = self._shortest_step(now), amount - 1
                return 0.0
            await anyio.sleep(random.uniform(0, _LONGEST_PAUSE_S))  # noqa: S311 - only keeps processes apart
        raise StoreError("others count all the time")

    def _shortest_step(self, now: float) -> int:
        return min(self.windows, key=lambda window: window.step_s).step(now)

    def _counts(self, text: str | None) -> list[_Steps]:
        """Read the count. One that is damaged, or of other windows, is an error of the store."""
        if text is None:
            return [{} for _ in self.windows]
        try:
            counts = [{int(step): int(used) for step, used in steps.items()} for steps in json.loads(text)]
        except (ValueError, TypeError, AttributeError):
            raise StoreError("what the store keeps is damaged") from None
        if len(counts) != len(self.windows):
            raise StoreError("what the store keeps is damaged")
        return counts
