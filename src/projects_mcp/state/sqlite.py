"""The store in a SQLite file, shared by the processes of one user on one machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
import anyio.to_thread

from projects_mcp.state.checks import check_key, check_prefix, check_time, check_value
from projects_mcp.state.machine_clock import Reading, read_clocks
from projects_mcp.state.store import MAX_RECORDS, StateStore

if TYPE_CHECKING:
    from projects_mcp.state.sqlite_file import SqliteFile

__all__ = ["MAX_BYTES", "SqliteStore"]

MAX_BYTES: Final = 1 << 30
"""Size of the file at the most."""

T = TypeVar("T")


@dataclass(eq=False)
class SqliteStore(StateStore):
    """Keeps records in a file. Each step is one transaction, in a worker thread, and on the disk when it returns.

    Nothing is opened, and SQLite not loaded, before the first step. A step that has begun ends, also if its caller is
    cancelled. The file and its folder are private: the folder is made with mode 0700, and one that belongs to somebody
    else, is a symbolic link or is open to others is refused.

    Args:
        path: of the file, absolute.
        most: records at the most.
        max_bytes: size of the file at the most.
        clocks: reads the clocks of the machine, for tests.
    """

    path: Path
    most: int = MAX_RECORDS
    max_bytes: int = MAX_BYTES
    clocks: Callable[[], Reading] = field(default=read_clocks, repr=False)
    _file: SqliteFile | None = field(default=None, init=False, repr=False)
    _one: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(1), init=False, repr=False)
    """One thread at a time: the others of the pool are not held up by a busy file."""

    shared = True

    async def get(self, key: str) -> str | None:
        """Return a record; None if there is none."""
        check_key(key)
        return await self._run(lambda file: file.get(key))

    async def add(self, key: str, value: str, for_s: float) -> bool:
        """Keep a record if there is none under its key. Return whether it was kept."""
        check_key(key)
        check_value(value)
        check_time(for_s)
        return await self._run(lambda file: file.add(key, value, for_s))

    async def replace(self, key: str, old: str, new: str | None, for_s: float | None = None) -> bool:
        """Put a new record in the place of exactly the old one, or remove that one."""
        check_key(key)
        if new is not None:
            check_value(new)
        if for_s is not None:
            check_time(for_s)
        return await self._run(lambda file: file.replace(key, old, new, for_s))

    async def find(self, prefix: str, most: int) -> list[tuple[str, str]]:
        """Return at most so many records whose keys begin so, in the order of the keys."""
        check_prefix(prefix)
        return await self._run(lambda file: file.find(prefix, most))

    async def take(self, key: str, count: int, window_s: float, amount: int = 1) -> float:
        """Take from an allowance that comes back evenly, or learn how long to wait."""
        check_key(key)
        return await self._run(lambda file: file.take(key, count, window_s, amount))

    async def probe(self) -> None:
        """Make sure that a record could be kept now: a small one is written, and taken back before it is synced."""
        await self._run(lambda file: file.probe())

    async def aclose(self) -> None:
        """Close the file, also for whoever is cancelled. The store can be used again afterwards."""
        if self._file is not None:
            with anyio.CancelScope(shield=True):
                await self._run(lambda file: file.close())

    async def _run(self, step: Callable[[SqliteFile], T]) -> T:
        """Do one step in a worker thread. It is never abandoned, so that no transaction is left open."""
        return await anyio.to_thread.run_sync(self._do, step, limiter=self._one)

    def _do(self, step: Callable[[SqliteFile], T]) -> T:
        if self._file is None:
            from projects_mcp.state.sqlite_file import SqliteFile  # noqa: PLC0415 - loads SQLite, which few runs need

            self._file = SqliteFile(self.path, self.most, self.max_bytes, self.clocks)
        return step(self._file)
