"""The one interface of what must be remembered between calls: spent answers, approvals, leases, rate windows.

A record is a text under a key, for a limited time. Every method is one atomic step, also where several processes share
the store. No value is a secret: codes and tokens are kept as their SHA-256.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

__all__ = ["MAX_RECORDS", "MAX_VALUE_CHARACTERS", "StateStore", "StoreError"]

MAX_RECORDS: Final = 100_000
"""Records that a store keeps at the most, where it counts them itself (memory, SQLite)."""
MAX_VALUE_CHARACTERS: Final = 1_000_000
"""Characters of one value at the most."""


class StoreError(Exception):
    """The store cannot be used now, or is full. What was asked of it may or may not have been done."""


class StateStore(ABC):
    """Keeps records, each for a limited time.

    Keys are ASCII texts of at most 200 characters: the kind of the record, a colon, and what tells records of that kind
    apart. `for_s` is in seconds, above zero. A record whose time is over is as good as absent, everywhere.

    Each method raises `StoreError` if the store cannot be used.
    """

    shared: bool
    """Whether other processes may use the same records."""

    @abstractmethod
    async def get(self, key: str) -> str | None:
        """Return a record; None if there is none."""

    @abstractmethod
    async def add(self, key: str, value: str, for_s: float) -> bool:
        """Keep a record if there is none under its key. Return whether it was kept."""

    @abstractmethod
    async def replace(self, key: str, old: str, new: str | None, for_s: float | None = None) -> bool:
        """Put a new record in the place of exactly the old one, or remove that one.

        Args:
            key: of both.
            old: the value that is expected there.
            new: its new value; None removes it.
            for_s: how long the new one is kept; None keeps the time of the old one.

        Returns:
            Whether the old one was there. If not, nothing has changed.
        """

    @abstractmethod
    async def find(self, prefix: str, most: int) -> list[tuple[str, str]]:
        """Return at most so many records whose keys begin so, with their keys, in the order of the keys."""

    @abstractmethod
    async def take(self, key: str, count: int, window_s: float, amount: int = 1) -> float:
        """Take from an allowance that comes back evenly, or learn how long to wait.

        Args:
            key: of the allowance.
            count: what it holds at the most, and what comes back in a window. It may all be taken at once.
            window_s: seconds of a window.
            amount: what is taken, at most `count`.

        Returns:
            0 if it was taken; else the seconds after which it can be, and nothing was taken.
        """

    @abstractmethod
    async def probe(self) -> None:
        """Make sure that a record could be kept now. None is: whatever would refuse one refuses this."""

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of files and connections. The store can be used again afterwards."""
