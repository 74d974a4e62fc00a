"""A store that is chosen when it is first needed, so that a start which never needs it does nothing for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from projects_mcp.state.store import StateStore

__all__ = ["LazyStore"]


class LazyStore(StateStore):
    """Hands every step on to a store that is chosen at the first.

    Args:
        choose: returns the store. It is called once.
    """

    def __init__(self, choose: Callable[[], StateStore]) -> None:
        self._choose = choose

    @cached_property
    def chosen(self) -> StateStore:
        """The store that does the work."""
        return self._choose()

    @property
    def shared(self) -> bool:  # type: ignore[override]  # known only when the store is chosen
        """Whether other processes may use the same records."""
        return self.chosen.shared

    async def get(self, key: str) -> str | None:
        """Return a record; None if there is none."""
        return await self.chosen.get(key)

    async def add(self, key: str, value: str, for_s: float) -> bool:
        """Keep a record if there is none under its key. Return whether it was kept."""
        return await self.chosen.add(key, value, for_s)

    async def replace(self, key: str, old: str, new: str | None, for_s: float | None = None) -> bool:
        """Put a new record in the place of exactly the old one, or remove that one."""
        return await self.chosen.replace(key, old, new, for_s)

    async def find(self, prefix: str, most: int) -> list[tuple[str, str]]:
        """Return at most so many records whose keys begin so, in the order of the keys."""
        return await self.chosen.find(prefix, most)

    async def take(self, key: str, count: int, window_s: float, amount: int = 1) -> float:
        """Take from an allowance that comes back evenly, or learn how long to wait."""
        return await self.chosen.take(key, count, window_s, amount)

    async def probe(self) -> None:
        """Make sure that a record can be kept now."""
        await self.chosen.probe()

    async def aclose(self) -> None:
        """Let go of files and connections, if there are any."""
        if "chosen" in self.__dict__:
            await self.chosen.aclose()
