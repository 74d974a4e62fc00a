"""One lock for each project, so that the writers of one project take turns between their read and their write.

PostHog knows no conditional request, so writers in other processes can still come between.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

import anyio

from projects_mcp.api.types import ProjectRef

__all__ = ["ProjectLocks"]


class ProjectLocks:
    """The locks of the projects that somebody is writing to, each kept while anybody holds or awaits it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[ProjectRef, anyio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, project: ProjectRef) -> AsyncIterator[None]:
        """Hold the lock of a project while the block runs."""
        lock = self._locks.setdefault(project, anyio.Lock())
        async with lock:
            yield
