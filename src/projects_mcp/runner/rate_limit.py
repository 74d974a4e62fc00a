"""The rate limit of one caller of a served server, so that no caller takes the others' share."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from projects_mcp.errors.refusals import TooManyCalls

__all__ = ["RateLimiter"]

_MINUTE_S: Final = 60.0


@dataclass
class RateLimiter:
    """Limit calls: a number of them at a time, and a number of them a minute.

    Args:
        at_once: calls under way at a time.
        per_minute: calls begun in a minute. They may all come at once, and come back evenly.
        clock: seconds that never go back, for tests.
    """

    at_once: int
    per_minute: int
    clock: Callable[[], float] = time.monotonic
    _under_way: int = field(default=0, init=False)
    _left: float = field(default=0.0, init=False)
    _counted_at: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._left, self._counted_at = float(self.per_minute), self.clock()

    @contextmanager
    def acquire(self) -> Iterator[None]:
        """Acquire a slot for one call while the block runs.

        Raises:
            TooManyCalls: with the seconds after which there will be room.
        """
        now = self.clock()
        each_s = _MINUTE_S / self.per_minute
        self._left = min(self._left + (now - self._counted_at) / each_s, float(self.per_minute))
        self._counted_at = now
        if self._under_way >= self.at_once:
            raise TooManyCalls(limit=f"{self.at_once} at a time are allowed", retry_after_s=1)
        if self._left < 1:
            wait = math.ceil((1 - self._left) * each_s)
            raise TooManyCalls(limit=f"{self.per_minute} a minute are allowed", retry_after_s=wait)
        self._left -= 1
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
