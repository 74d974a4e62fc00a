"""Turns at a project, so that those who write its settings do so one after the other, each on what it has read.

Calls of one process take turns by a lock of that process. If other processes share the state store, a lease in it keeps
them apart too: it ends by itself if its process does. PostHog knows no conditional request, so writers that know
nothing of the store can still come between.
"""

from __future__ import annotations

import hashlib
import random
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Final
from weakref import WeakValueDictionary

import anyio

from projects_mcp.api.types import ProjectRef
from projects_mcp.errors.refusals import StateUnavailable
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["ProjectLocks", "ProjectTurn"]

_LEASE_ON_TOP_S: Final = 60.0
"""Seconds that a lease outlasts the time of a call: what becomes of a write is read back on top of it."""
_FREE: Final = "free:"
"""What a lease is once it has been given back. Behind it stands what tells that time from others."""
_REMEMBERED_S: Final = 600.0
"""Seconds for which it can be seen that somebody has written."""
_SHORTEST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 0.25
_RELEASE_S: Final = 5.0


class _Lock:
    """The lock of one project in this process. `writes` counts how often it was given back."""

    __slots__ = ("__weakref__", "lock", "writes")

    def __init__(self) -> None:
        self.lock = anyio.Lock()
        self.writes = 0


@dataclass(slots=True)
class ProjectTurn:
    """The turn of one call at one project. Made before the project is read.

    Attributes:
        others_wrote: whether another call has written since this turn was made: what was read may be old. Known once
            the turn is there.
    """

    others_wrote: bool = field(default=False, init=False)
    _lock: _Lock
    _store: StateStore | None
    _key: str
    _lease_s: float
    _seen_writes: int = field(init=False)
    _seen: str | None = field(default=None, init=False)
    _mine: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._seen_writes = self._lock.writes

    async def remember_writer(self) -> None:
        """Remember who wrote last, before the project is read.

        Raises:
            StateUnavailable: the state store cannot be used.
        """
        if self._store is not None:
            try:
                self._seen = await self._store.get(self._key)
            except StoreError as error:
                raise StateUnavailable(reason=str(error)) from None

    async def acquire(self, within_s: float) -> None:
        """Wait for the turn.

        Raises:
            TimeoutError: another call holds it for longer than `within_s` seconds.
            StateUnavailable: the state store cannot be used.
        """
        with anyio.fail_after(max(within_s, 0)):
            await self._lock.lock.acquire()
            self.others_wrote = self._lock.writes != self._seen_writes
            if self._store is None:
                return
            try:
                await self._lease(self._store)
            except StoreError as error:
                self._lock.lock.release()
                raise StateUnavailable(reason=str(error)) from None
            except BaseException:
                self._lock.lock.release()
                raise

    async def _lease(self, store: StateStore) -> None:
        """Wait until no other process has the lease, and take it."""
        mine, now = token_hex(8), self._seen  # if it is still that, nobody has been there since
        while True:
            if now is None:
                taken = await store.add(self._key, mine, self._lease_s)
            else:
                taken = now.startswith(_FREE) and await store.replace(self._key, now, mine, self._lease_s)
            if taken:
                self._mine = mine
                self.others_wrote = self.others_wrote or now != self._seen
                return
            former, now = now, await store.get(self._key)
            if now == former:
                await anyio.sleep(random.uniform(_SHORTEST_WAIT_S, _LONGEST_WAIT_S))  # noqa: S311 - only keeps apart

    async def release(self) -> None:
        """Let the next one write. A lease that cannot be given back ends by itself."""
        self._lock.writes += 1
        try:
            if self._mine and self._store is not None:
                with anyio.move_on_after(_RELEASE_S, shield=True), suppress(StoreError):
                    await self._store.replace(self._key, self._mine, f"{_FREE}{token_hex(8)}", _REMEMBERED_S)
        finally:
            self._lock.lock.release()


class ProjectLocks:
    """The turns at the projects that somebody is writing to.

    Args:
        store: keeps the leases; None, or one that nobody shares, if there are no other processes to keep apart.
        origin: where PostHog is: projects of two of them are not the same.
        call_s: seconds that a call may take.
    """

    def __init__(self, store: StateStore | None = None, origin: str = "", call_s: float = 300.0) -> None:
        self._locks: WeakValueDictionary[ProjectRef, _Lock] = WeakValueDictionary()
        self._store = store
        self._origin = origin
        self._lease_s = call_s + _LEASE_ON_TOP_S

    async def turn(self, project: ProjectRef) -> ProjectTurn:
        """Return a turn at a project, to be acquired after the project has been read.

        Raises:
            StateUnavailable: the state store cannot be used.
        """
        lock = self._locks.setdefault(project, _Lock())
        if self._store is None or not self._store.shared:
            return ProjectTurn(lock, None, "", 0.0)
        digest = hashlib.sha256(f"{self._origin}\x00{project}".encode()).hexdigest()
        turn = ProjectTurn(lock, self._store, f"lease:{digest}", self._lease_s)
        await turn.remember_writer()
        return turn
