"""The rate limit of one caller of a served server, so that no caller takes the others' share."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from projects_mcp.errors.refusals import TooManyCalls
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["RateLimiter"]

_MINUTE_S: Final = 60.0


@dataclass
class RateLimiter:
    """Limit calls: a number of them at a time, and a number of them a minute.

    Requests that carry the calls are counted for themselves: a request is there before its call is known.

    Args:
        at_once: requests, and calls, under way at a time.
        per_minute: calls begun in a minute. They may all come at once, and come back evenly.
        clock: seconds that never go back, for tests.
        store: counts the calls of a minute for all processes that share it; None for this process alone.
        key: of the allowance in the store.
    """

    at_once: int
    per_minute: int
    clock: Callable[[], float] = time.monotonic
    store: StateStore | None = None
    key: str = ""
    _requests: int = field(default=0, init=False)
    _calls: int = field(default=0, init=False)
    _left: float = field(default=0.0, init=False)
    _counted_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._left, self._counted_at = float(self.per_minute), self.clock()

    def change(self, at_once: int, per_minute: int) -> None:
        """Set other limits. What has been used of the former ones stays used."""
        self._refill()
        if per_minute != self.per_minute:
            self._left = max(self._left + per_minute - self.per_minute, 0.0)
        self.at_once, self.per_minute = at_once, per_minute

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Count one request as under way while the block runs.

        Raises:
            TooManyCalls: as many as allowed are under way.
        """
        self._require_room(self._requests)
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1

    @asynccontextmanager
    async def acquire(self, *, counted: bool = False) -> AsyncIterator[None]:
        """Acquire a slot for one call while the block runs.

        Args:
            counted: `take` has already counted it in the minute.

        Raises:
            TooManyCalls: with the seconds after which there will be room.
        """
        self._require_room(self._calls)
        if not counted:
            await self.take()
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    async def take(self) -> None:
        """Count one call in the minute. If the store cannot be used, this process counts for itself.

        Raises:
            TooManyCalls: with the seconds after which there will be room.
        """
        if self.store is not None:
            with suppress(StoreError):
                wait_s = await self.store.take(self.key, self.per_minute, _MINUTE_S)
                if wait_s:
                    raise self._too_many(wait_s)
                return
        self._refill()
        if self._left < 1:
            raise self._too_many((1 - self._left) * _MINUTE_S / self.per_minute)
        self._left -= 1

    def _too_many(self, wait_s: float) -> TooManyCalls:
        return TooManyCalls(limit=f"{self.per_minute} a minute are allowed", retry_after_s=math.ceil(wait_s))

    def _refill(self) -> None:
        now = self.clock()
        back = (now - self._counted_at) * self.per_minute / _MINUTE_S
        self._left, self._counted_at = min(self._left + back, float(self.per_minute)), now

    def _require_room(self, under_way: int) -> None:
        if under_way >= self.at_once:
            raise TooManyCalls(limit=f"{self.at_once} at a time are allowed", retry_after_s=1)
