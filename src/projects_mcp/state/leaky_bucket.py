"""The arithmetic of an allowance that comes back evenly: a bucket that leaks.

It is kept as what is owed, in seconds of its window, and the time at which so much was owed. What is owed stays small,
so that sums are exact enough even where times are large numbers. The script of the Redis store does the same.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from projects_mcp.state.store import StoreError

__all__ = ["TOLERANCE", "LeakyBucket"]

TOLERANCE: Final = 1e-6
"""The part of one unit that sums may be off by: all of an allowance can be taken at once, one by one."""


class LeakyBucket(NamedTuple):
    """What is owed to an allowance.

    Attributes:
        owed_s: seconds until it is whole again.
        at: the time of that, in seconds of the store's clock.
    """

    owed_s: float
    at: float

    @classmethod
    def of(cls, text: str) -> LeakyBucket:
        """Read one back from its text.

        Raises:
            StoreError: it is no such text.
        """
        try:
            owed, at = text.split()
            return cls(float(owed), float(at))
        except ValueError:
            raise StoreError("what the store keeps is damaged") from None

    def __str__(self) -> str:
        return f"{self.owed_s!r} {self.at!r}"

    def take(self, now: float, count: int, window_s: float, amount: int) -> tuple[float, LeakyBucket]:
        """Take from it. See `StateStore.take`.

        Returns:
            The seconds to wait, 0 if it was taken; and what is owed after that.
        """
        unit_s = window_s / count
        owed_s = max(0.0, self.owed_s - max(0.0, now - self.at))
        after_s = owed_s + amount * unit_s
        wait_s = after_s - window_s
        if wait_s > TOLERANCE * unit_s:
            return wait_s, LeakyBucket(owed_s, now)
        return 0.0, LeakyBucket(after_s, now)
