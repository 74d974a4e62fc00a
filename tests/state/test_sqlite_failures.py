"""The SQLite store alone, if its file is damaged, foreign, full, busy, replaced or read-only."""

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest

from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StoreError
from tests.support.stores import Clocks, fill, refusal

pytestmark = pytest.mark.anyio

posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="no POSIX permissions here")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.sqlite3"


async def test_a_damaged_file_is_told_and_left_alone(file: Path) -> None:
    await fill(file, 3)
    whole = file.read_bytes()
    for content in (b"no database at all" * 300, b"\0" * 5_000, whole[:100] + b"\xff" * (len(whole) - 100)):
        file.write_bytes(content)
        assert "damaged" in await refusal(SqliteStore(file))
        assert file.read_bytes() == content
    file.write_bytes(whole)
    store = SqliteStore(file)
    assert not await store.add("a:1", "again", 60)
    file.write_bytes(b"damaged while it was open" * 4_000)
    with suppress(StoreError):
        await store.add("b:1", "value", 60)
    with pytest.raises(StoreError, match="damaged"):
        await store.add("b:2", "value", 60)
    file.unlink()
    assert await store.add("b:2", "value", 60), "moved away, a new one is made"
    await store.aclose()


async def test_whatever_is_changed_in_a_file_nothing_but_a_store_error_comes_out(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projects_mcp.state.sqlite_file._BUSY_TIMEOUT_S", 0.05)  # damage can look like a lock
    await fill(file, 30)
    whole, chance = file.read_bytes(), random.Random(7)
    for _ in range(40):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 8, 200])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        file.write_bytes(bytes(content))
        file.with_name(file.name + "-journal").unlink(missing_ok=True)
        store = SqliteStore(file)
        for step in (store.find("a:", 50), store.add("a:3", "again", 60), store.take("r:1", 3, 60), store.probe()):
            with suppress(StoreError):
                await step
        await store.aclose()


@pytest.mark.parametrize("statement", ["CREATE TABLE other (x)", "PRAGMA user_version=9", "PRAGMA application_id=77"])
async def test_the_database_of_something_else_is_refused(file: Path, statement: str) -> None:
    file.parent.mkdir(0o700)
    with closing(sqlite3.connect(file)) as database:
        database.execute(statement)
        database.commit()
    assert "no state file of this program" in await refusal(SqliteStore(file))


async def test_a_file_of_a_newer_version_is_refused(file: Path) -> None:
    await fill(file)
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version=2")
    assert "newer version" in await refusal(SqliteStore(file))


async def test_a_full_store_keeps_what_it_has_and_takes_more_when_records_end(file: Path) -> None:
    clocks = Clocks()
    store = SqliteStore(file, most=3, clocks=clocks)
    for number, for_s in enumerate((10, 60, 60)):
        assert await store.add(f"a:{number}", "value", for_s)
    for step in (store.add("a:3", "value", 60), store.take("r:1", 1, 60), store.probe()):
        with pytest.raises(StoreError, match="full"):
            await step
    assert not await store.add("a:1", "again", 60)
    assert await store.replace("a:1", "value", "changed")
    clocks.advance(10)
    await store.probe()
    assert await store.add("a:3", "value", 60)
    assert [key for key, _ in await store.find("", 9)] == ["a:1", "a:2", "a:3"]
    await store.aclose()


async def test_a_file_that_may_not_grow_loses_nothing(file: Path) -> None:
    store = SqliteStore(file, max_bytes=100_000)
    kept: list[str] = []
    with suppress(StoreError):
        while len(kept) < 100:
            await store.add(f"a:{len(kept):02}", "x" * 3_000, 3_600)
            kept.append(f"a:{len(kept):02}")
    assert 10 < len(kept) < 100
    with pytest.raises(StoreError, match="full"):
        await store.add("b:1", "x" * 3_000, 3_600)
    assert file.stat().st_size <= 100_000
    assert [key for key, _ in await store.find("", 999)] == kept
    assert not await store.add(kept[0], "again", 60)
    await store.aclose()


async def test_expired_records_are_dropped_in_passing_and_a_bounded_number_at_once(file: Path) -> None:
    clocks = Clocks()
    store = SqliteStore(file, clocks=clocks)
    async with anyio.create_task_group() as tasks:
        for number in range(130):
            tasks.start_soon(store.add, f"a:{number}", "value", 10)
    clocks.advance(10)
    left = []
    for number in range(2):
        await store.add(f"b:{number}", "value", 10)
        with closing(sqlite3.connect(file)) as database:
            left.append(database.execute("SELECT count(*) FROM record WHERE key LIKE 'a:%'").fetchone()[0])
    assert left == [30, 0]
    await store.aclose()


async def test_a_busy_file_is_waited_for_and_then_told(file: Path) -> None:
    await fill(file)
    store = SqliteStore(file)
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store.add, "b:1", "waited for", 60)
            await anyio.sleep(0.5)
            other.execute("COMMIT")
        assert await store.get("b:1") == "waited for"
        other.execute("BEGIN IMMEDIATE")
        with anyio.fail_after(9), pytest.raises(StoreError, match="in use by other processes"):
            await store.add("b:2", "value", 60)
        assert await store.get("b:1") == "waited for", "what only reads goes on"
    assert await store.add("b:2", "value", 60)
    await store.aclose()


async def test_another_file_in_its_place_is_noticed(file: Path) -> None:
    store, other = SqliteStore(file), SqliteStore(file)
    await store.add("a:1", "old", 60)
    file.rename(file.with_suffix(".old"))
    assert await other.add("a:1", "new", 60)
    assert await store.get("a:1") == "new"
    await store.aclose()
    await other.aclose()


AS_SOMEBODY = """
import os, sys, anyio, anyio.to_thread
from pathlib import Path
import projects_mcp.state.sqlite_file
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StoreError

async def main():
    await anyio.to_thread.run_sync(os.getuid)  # loads what this other user may not read
    if os.getuid() == 0:
        os.setuid(65_534)
    store = SqliteStore(Path(sys.argv[1]))
    print(await store.get("a:0") is not None)
    try:
        await store.add("b:1", "value", 60)
    except StoreError as error:
        print(error)
    await store.aclose()

anyio.run(main)
"""


@posix
def test_a_file_that_cannot_be_written_is_told_and_still_read() -> None:
    """As another user than root, whom no permission stops."""
    with TemporaryDirectory() as name:
        file = Path(name) / "state" / "state.sqlite3"
        anyio.run(fill, file)
        Path(name).chmod(0o711)
        file.chmod(0o400)
        if os.getuid() == 0:
            for path in (file.parent, *file.parent.iterdir()):
                os.chown(path, 65_534, 65_534)
        command = [sys.executable, "-c", AS_SOMEBODY, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["True", "the state file cannot be written"], done.stderr
