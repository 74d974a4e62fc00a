"""One lock for each project, so that the writers of one project take turns between their read and their write.

PostHog knows no conditional request, so writers in other processes can still come between.
"""

from __future__ import annotations

from weakref import WeakValueDictionary

import anyio

from projects_mcp.api.types import ProjectRef

__all__ = ["ProjectLock", "ProjectLocks"]


class ProjectLock:
    """The lock of one project.

    Attributes:
        writes: how often it has been released: what was read before it was acquired may be old if this has changed.
    """

    def __init__(self) -> None:
        self.writes = 0
        self._lock = anyio.Lock()

    async def acquire(self, within_s: float) -> None:
        """Wait for the lock.

        Raises:
            TimeoutError: another call holds it for longer than `within_s` seconds.
        """
        with anyio.fail_after(max(within_s, 0)):
            await self._lock.acquire()

    def release(self) -> None:
        """Let the next one write."""
        self.writes += 1
        self._lock.release()


class ProjectLocks:
    """The locks of the projects that somebody is writing to, each kept while anybody refers to it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[ProjectRef, ProjectLock] = WeakValueDictionary()

    def of(self, project: ProjectRef) -> ProjectLock:
        """Return the lock of a project."""
        return self._locks.setdefault(project, ProjectLock())
