"""The SQLite file behind the store: each method is one transaction, on the disk when it returns.

Times are seconds of a clock of the file's own. It goes on as the clocks of the machine do, from the last reading that
is kept beside the records, so that nobody changes how long a record lives by setting the machine's clock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import uniform
from time import monotonic, sleep
from typing import Final

from projects_mcp.state.leaky_bucket import LeakyBucket
from projects_mcp.state.machine_clock import Reading
from projects_mcp.state.private_file import OWNER_ONLY, NotPrivate, check_private, prepare_folder
from projects_mcp.state.store import StoreError

__all__ = ["SqliteFile"]

_BUSY_TIMEOUT_S: Final = 5.0
"""How long a step waits for those of other processes, each of which takes some milliseconds."""
_POLLS_S: Final = (0.001, 0.004)
"""Between two attempts. SQLite's own waiting gets longer and longer, so that a busy process never lets others in."""
_DROPPED_AT_ONCE: Final = 100
"""Expired records that one step drops. It adds one at the most, so they never pile up."""
_PAGE_BYTES: Final = 4_096
_APPLICATION_ID: Final = 0x504D4350
"""What marks a SQLite file as one of these: PMCP."""
_FORMAT: Final = 1
_PROBE: Final = ("probe:", "-" * 1_000)
_PRAGMAS: Final = (
    # A rollback journal that is emptied, not a write-ahead log: one kind of file beside it, homes on a network work,
    # and there are few steps. FULL syncs the journal's end too, so that a power cut takes back nothing committed.
    "journal_mode=TRUNCATE",
    "synchronous=FULL",
    "fullfsync=ON",  # macOS: to the disk itself
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "temp_store=MEMORY",
)
_SCHEMA: Final = (
    "CREATE TABLE record (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires REAL NOT NULL)",
    "CREATE INDEX record_expires ON record (expires)",
    "CREATE TABLE clock (one INTEGER PRIMARY KEY CHECK (one = 1), now REAL NOT NULL,"
    " boot TEXT NOT NULL, ticks REAL NOT NULL, wall REAL NOT NULL)",
    f"PRAGMA application_id={_APPLICATION_ID}",
    f"PRAGMA user_version={_FORMAT}",
)
_WORDS: Final = {
    "SQLITE_BUSY": "the state file was in use by other processes for too long",
    "SQLITE_FULL": "the state file or its disk is full",
    "SQLITE_READONLY": "the state file cannot be written",
    "SQLITE_CANTOPEN": "the state file cannot be opened",
    "SQLITE_PERM": "the state file cannot be opened",
    "SQLITE_IOERR": "the state file cannot be read or written",
    "SQLITE_CORRUPT": "the state file is damaged; move it away, and a new one is made",
    "SQLITE_NOTADB": "the state file is no state file of this program, or is damaged; move it away, and one is made",
}


class SqliteFile:
    """Keeps records in one file. Used by one thread at a time.

    Each method raises `StoreError` if the file cannot be used. It is then opened anew at the next step.

    Args:
        path: of the file, absolute.
        most: records at the most.
        max_bytes: size of the file at the most.
        clocks: reads the clocks of the machine.
    """

    def __init__(self, path: Path, most: int, max_bytes: int, clocks: Callable[[], Reading]) -> None:
        self._path, self._most, self._max_pages, self._clocks = path, most, max_bytes // _PAGE_BYTES, clocks
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def get(self, key: str) -> str | None:
        """See `StateStore.get`."""
        with self._transaction(writes=False) as (database, now):
            return _value(database, key, now)

    def add(self, key: str, value: str, for_s: float) -> bool:
        """See `StateStore.add`."""
        with self._transaction() as (database, now):
            if _value(database, key, now) is not None:
                return False
            self._put(database, key, value, now, now + for_s)
            return True

    def replace(self, key: str, old: str, new: str | None, for_s: float | None) -> bool:
        """See `StateStore.replace`."""
        with self._transaction() as (database, now):
            if _value(database, key, now) != old:
                return False
            if new is None:
                database.execute("DELETE FROM record WHERE key = ?", (key,))
            elif for_s is None:
                database.execute("UPDATE record SET value = ? WHERE key = ?", (new, key))
            else:
                database.execute("UPDATE record SET value = ?, expires = ? WHERE key = ?", (new, now + for_s, key))
            return True

    def find(self, prefix: str, most: int) -> list[tuple[str, str]]:
        """See `StateStore.find`."""
        with self._transaction(writes=False) as (database, now):
            found = database.execute(
                "SELECT key, value FROM record WHERE key >= ? AND key < ? AND expires > ? ORDER BY key LIMIT ?",
                (prefix, f"{prefix}\x7f", now, most),
            )
            return [(key, value) for key, value in found]

    def take(self, key: str, count: int, window_s: float, amount: int) -> float:
        """See `StateStore.take`."""
        with self._transaction() as (database, now):
            kept = _value(database, key, now)
            bucket = LeakyBucket(0.0, now) if kept is None else LeakyBucket.of(kept)
            wait_s, after = bucket.take(now, count, window_s, amount)
            if not wait_s:
                self._put(database, key, str(after), now, now + after.owed_s)
            return wait_s

    def probe(self) -> None:
        """Write a record, and take it back before it is synced: a change asks for this first, so it should be quick."""
        with self._transaction(keeps=False) as (database, now):
            self._put(database, *_PROBE, now, now)

    def close(self) -> None:
        """Close the file, if it is open."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _put(self, database: sqlite3.Connection, key: str, value: str, now: float, expires: float) -> None:
        if _value(database, key, now) is None:
            (live,) = database.execute("SELECT count(*) FROM record WHERE expires > ?", (now,)).fetchone()
            if live >= self._most:
                raise StoreError("the store is full")
        database.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", (key, value, expires))

    @contextmanager
    def _transaction(self, *, writes: bool = True, keeps: bool = True) -> Iterator[tuple[sqlite3.Connection, float]]:
        """Open a transaction and give its time. At the end it is committed if it keeps what it has changed."""
        try:
            database = self._open()
            _patiently(lambda: _begin(database, writes=writes))
            try:
                now, is_new_boot = self._tell_time(database, writes=writes)
                if writes:
                    _drop_expired(database, now)
                before = -1 if is_new_boot and writes else database.total_changes
                yield database, now
                # A step that found nothing to change leaves nothing to be synced.
                changed = before < 0 or (keeps and database.total_changes != before)
                _patiently(lambda: database.execute("COMMIT" if changed else "ROLLBACK"))
            except BaseException:
                with suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise
        except (sqlite3.Error, sqlite3.Warning) as error:
            self.close()  # whatever it was, the next step begins with what is on the disk
            raise StoreError(_explain(error)) from None
        except UnicodeDecodeError:
            self.close()
            raise StoreError(_WORDS["SQLITE_CORRUPT"]) from None
        except NotPrivate as error:
            raise StoreError(f"the state file cannot be used: {error}") from None
        except OSError as error:
            self.close()
            raise StoreError("the state file cannot be used") from error

    def _tell_time(self, database: sqlite3.Connection, *, writes: bool) -> tuple[float, bool]:
        """Return the time of the file's own clock, and whether it was last told in another run of the machine.

        It is read after the file is locked, so that no later step is earlier.
        """
        reading = self._clocks()
        kept = database.execute("SELECT now, boot, ticks, wall FROM clock").fetchone()
        try:
            now: float = 0.0 if kept is None else kept[0] + reading.since(Reading(*kept[1:]))
        except TypeError:
            raise StoreError(_WORDS["SQLITE_CORRUPT"]) from None
        if writes:
            database.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?, ?)", (now, *reading))
        return now, kept is None or kept[1] != reading.boot

    def _open(self) -> sqlite3.Connection:
        """Return the connection. It is made anew if the file is no longer the one that it was opened on."""
        if self._connection is not None:
            if self._identity == _identity(self._path):
                return self._connection
            self.close()
        prepare_folder(self._path.parent)
        existed = check_private(self._path)
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            if not existed:
                self._path.chmod(OWNER_ONLY)  # empty so far, in a private folder; its journal gets the same mode
            _patiently(lambda: self._set_up(connection))
        except BaseException:
            connection.close()
            raise
        self._connection, self._identity = connection, _identity(self._path)
        return connection

    def _set_up(self, database: sqlite3.Connection) -> None:
        for pragma in (*_PRAGMAS, f"max_page_count={self._max_pages}"):
            database.execute(f"PRAGMA {pragma}").fetchall()
        if _format_of(database) == (_APPLICATION_ID, _FORMAT):
            return
        database.execute("BEGIN IMMEDIATE")
        try:
            _create_tables(database)
            database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise


def _patiently(attempt: Callable[[], object]) -> None:
    """Attempt something again while another process has the file locked, within a bound."""
    ends = monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            attempt()
        except sqlite3.OperationalError as error:
            if not getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY") or monotonic() >= ends:
                raise
            sleep(uniform(*_POLLS_S))  # noqa: S311 - no secret depends on it
        else:
            return


def _begin(database: sqlite3.Connection, *, writes: bool) -> None:
    """Begin a transaction, and lock the file for it at once."""
    database.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
    try:
        database.execute("SELECT 1 FROM clock").fetchone()
    except sqlite3.Error:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


def _create_tables(database: sqlite3.Connection) -> None:
    """Fill an empty file, and refuse one that somebody else has filled."""
    found = _format_of(database)
    if found == (_APPLICATION_ID, _FORMAT):  # another process was quicker
        return
    if found[0] == _APPLICATION_ID:
        raise StoreError("the state file is of a newer version of this program")
    if found != (0, 0) or database.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise StoreError(_WORDS["SQLITE_NOTADB"])
    for statement in _SCHEMA:
        database.execute(statement)


def _value(database: sqlite3.Connection, key: str, now: float) -> str | None:
    found = database.execute("SELECT value FROM record WHERE key = ? AND expires > ?", (key, now)).fetchone()
    return None if found is None else found[0]


def _drop_expired(database: sqlite3.Connection, now: float) -> None:
    database.execute(
        "DELETE FROM record WHERE rowid IN (SELECT rowid FROM record WHERE expires <= ? LIMIT ?)",
        (now, _DROPPED_AT_ONCE),
    )


def _format_of(database: sqlite3.Connection) -> tuple[int, int]:
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return application, version


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _explain(error: Exception) -> str:
    """Say what is wrong in words of ours: an error of SQLite may quote what was kept."""
    name: str = getattr(error, "sqlite_errorname", "") or ""
    for kind, words in _WORDS.items():
        if name.startswith(kind):
            return words
    return "the state file cannot be used" + (f" ({name})" if name else "")
