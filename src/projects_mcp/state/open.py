"""From the operator's setting to a store."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from projects_mcp.state.lazy import LazyStore
from projects_mcp.state.location import MEMORY, RedisAddress, StateLocation
from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["default_file", "open_store", "why_unusable"]

logger: Final = logging.getLogger(__name__)

_FILE: Final = "state.sqlite3"


def open_store(location: StateLocation | None, *, private: bool) -> StateStore:
    """Return the store for a setting. Connects to nothing, and loads neither SQLite nor the library of Redis.

    Args:
        location: the setting; None if it is unset.
        private: whether an unset one means the memory of this process: for `serve`, whose replicas are on several
            machines. For others it is a file in the user's state folder, or memory if that folder cannot be used, and
            the log says so.

    Raises:
        StoreError: a location that the operator set cannot be used. It is never replaced by another one.
    """
    if location is None:
        return MemoryStore() if private else LazyStore(_open_default)
    if location == MEMORY:
        return MemoryStore()
    if isinstance(location, RedisAddress):
        if find_spec("redis") is None:
            raise StoreError("the library redis is not installed; install projects-mcp[redis]")
        from projects_mcp.state.redis import RedisStore  # noqa: PLC0415 - what few need is loaded by them

        return RedisStore(location)
    if reason := why_unusable(location):
        raise StoreError(f"the state file cannot be used: {reason}")
    return _open_file(location)


def default_file() -> Path | None:
    """Return the file in the user's state folder; None if this user has none."""
    import platformdirs  # noqa: PLC0415 - only where the setting is unset

    folder = Path(platformdirs.user_state_dir("projects-mcp", appauthor=False))
    return folder / _FILE if folder.is_absolute() else None


def why_unusable(file: Path) -> str:
    """Make the folder of a state file if there is none, and return why it cannot be used; empty if it can."""
    from projects_mcp.state.private_file import NotPrivate, prepare_folder  # noqa: PLC0415 - as above

    try:
        prepare_folder(file.parent)
    except NotPrivate as error:
        return str(error)
    return "" if os.access(file.parent, os.W_OK | os.X_OK) else "its folder cannot be written"


def _open_default() -> StateStore:
    file = default_file()
    reason = "this user has no home folder" if file is None else why_unusable(file)
    if file is None or reason:
        logger.warning(
            "projects-mcp: state is kept in memory, because the state folder of this user cannot be used (%s). "
            "Other processes do not see it, and it ends with this one.",
            reason,
        )
        return MemoryStore()
    return _open_file(file)


def _open_file(file: Path) -> StateStore:
    from projects_mcp.state.sqlite import SqliteStore  # noqa: PLC0415 - a start that needs no state does not load it

    return SqliteStore(file)
