"""Tell whoever waits for a call how far it is."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress"]


class Progress(Protocol):
    """Whoever wants to know how far a call is. It is handed down a call, as the `Approver` is, and never fails."""

    async def report(self, done: int, total: int, more: str = "") -> None:
        """Take note that so many of all projects are done. The first number never goes down. `more`: why it waits."""
        ...
