"""The SQLite store alone: its clock, its file, and what it says if the file cannot be used."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import sleep
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.state.machine_clock import Reading, read_clocks
from projects_mcp.state.sqlite import SqliteStore
from tests.support.stores import Clocks, fill, refusal

pytestmark = pytest.mark.anyio

posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="no POSIX permissions here")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.sqlite3"


# The clock ------------------------------------------------------------------------------------------------------------


@given(jumps=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=3), earlier=st.integers(1, 59))
@settings(max_examples=15)
def test_setting_the_clock_neither_ends_a_record_nor_keeps_it(
    tmp_path_factory: pytest.TempPathFactory, jumps: list[int], earlier: int
) -> None:
    clocks = Clocks()

    async def run() -> None:
        store = SqliteStore(tmp_path_factory.mktemp("clock") / "s" / "state", clocks=clocks)
        assert await store.add("a:1", "value", 60)
        for jump in jumps:
            clocks.wall += jump
            assert await store.add("a:1", "again", 60) is False
        clocks.advance(earlier)
        assert await store.get("a:1") == "value"
        clocks.advance(60 - earlier)
        assert await store.get("a:1") is None
        await store.aclose()

    anyio.run(run)


async def test_the_time_goes_on_while_the_machine_is_off(file: Path) -> None:
    clocks = Clocks()
    store = SqliteStore(file, clocks=clocks)
    await store.add("a:1", "value", 60)
    clocks.restart(off_s=50)
    assert await store.get("a:1") == "value"
    clocks.restart(off_s=10)
    assert await store.get("a:1") is None
    await store.aclose()


async def test_a_machine_that_comes_back_in_the_past_forgets_nothing_and_adds_no_time(file: Path) -> None:
    clocks = Clocks()
    store = SqliteStore(file, clocks=clocks)
    await store.add("a:1", "value", 60)
    clocks.advance(40)
    await store.add("b:1", "a step that writes tells the file its time", 60)
    clocks.restart(off_s=5, wall_error_s=-1e8)
    assert not await store.add("a:1", "again", 60)
    clocks.advance(19)
    assert not await store.add("a:1", "again", 60)
    clocks.wall += 1e8  # the network has told the time
    assert await store.get("a:1") == "value"
    clocks.advance(1)
    assert await store.get("a:1") is None
    await store.aclose()


def test_the_clocks_of_this_machine_go_on() -> None:
    first, second = read_clocks(), read_clocks()
    assert 0 <= second.since(first) < 5
    assert sys.platform != "linux" or first.boot
    unknown = Reading("", 10.0, 1_000.0)
    assert Reading("", 12.0, 1_001.0).since(unknown) == 2
    assert Reading("", 3.0, 1_001.0).since(unknown) == 1
    assert Reading("", 3.0, 900.0).since(unknown) == 0


# The file -------------------------------------------------------------------------------------------------------------


@posix
async def test_the_file_and_all_beside_it_are_private(file: Path) -> None:
    before = os.umask(0)
    try:
        store = SqliteStore(file)
        await store.add("a:1", "value", 60)
        modes = {path.name: path.stat().st_mode & 0o777 for path in (file.parent, *file.parent.iterdir())}
        await store.aclose()
    finally:
        os.umask(before)
    assert modes.pop("state") == 0o700
    assert set(modes) >= {file.name}
    assert set(modes.values()) == {0o600}


@posix
async def test_permissions_for_others_are_taken_back(file: Path) -> None:
    await fill(file)
    file.chmod(0o666)
    await fill(file)
    assert file.stat().st_mode & 0o777 == 0o600


@posix
@pytest.mark.parametrize("kind", ["open folder", "linked folder", "linked file", "folder", "pipe", "folder is a file"])
async def test_what_is_not_private_is_refused(file: Path, kind: str) -> None:
    elsewhere = file.parent.parent / "elsewhere"
    if kind == "folder is a file":
        file.parent.write_text("")
    elif kind == "linked folder":
        elsewhere.mkdir(0o700)
        file.parent.symlink_to(elsewhere)
    else:
        file.parent.mkdir(0o700)
        if kind == "open folder":
            file.parent.chmod(0o750)
        elif kind == "linked file":
            file.symlink_to(elsewhere)
        elif kind == "folder":
            file.mkdir()
        else:
            os.mkfifo(file)
    text = await refusal(SqliteStore(file))
    assert text.startswith("the state file cannot be used: it")
    assert not elsewhere.exists() or list(elsewhere.iterdir()) == []


@posix
@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("whose", ["folder", "file"])
async def test_what_belongs_to_somebody_else_is_refused(file: Path, whose: str) -> None:
    await fill(file)
    os.chown(file.parent if whose == "folder" else file, 65_534, 65_534)
    assert (await refusal(SqliteStore(file))).endswith("belongs to another user")


async def test_nothing_is_loaded_or_made_before_the_first_step(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from projects_mcp.state.open import open_store\n"
        "store = open_store(Path(sys.argv[1]), private=False)\n"
        "open_store(None, private=True); open_store('memory', private=False)\n"
        "print(*sorted({'sqlite3', 'redis', 'platformdirs'} & set(sys.modules)))"
    )
    unmeasured = {
        name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")
    }  # it loads some
    command = [sys.executable, "-c", code, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=unmeasured)
    assert done.stdout.strip() == ""
    assert not file.exists()


async def take_all(store: SqliteStore) -> bool:
    return await store.take("r:1", 1, 3_600) == 0


STEPS: dict[str, Callable[[SqliteStore], Awaitable[bool]]] = {
    "add": lambda store: store.add("a:1", "value", 60),
    "replace": lambda store: store.replace("a:2", "old", "new"),
    "take": take_all,
}


@pytest.mark.parametrize("step", STEPS)
async def test_nothing_comes_between_a_look_and_what_follows_from_it(file: Path, step: str) -> None:
    """Each step takes its time after it has begun, and yet one of two wins."""

    def slow() -> Reading:
        sleep(0.1)
        return read_clocks()

    stores = SqliteStore(file, clocks=slow), SqliteStore(file, clocks=slow)
    await stores[0].add("a:2", "old", 60)
    assert await stores[1].get("a:2") == "old"
    won: list[bool] = []

    async def attempt(store: SqliteStore) -> None:
        won.append(await STEPS[step](store))

    async with anyio.create_task_group() as tasks:
        for store in stores:
            tasks.start_soon(attempt, store)
    assert sorted(won) == [False, True]
    for store in stores:
        await store.aclose()


async def test_whoever_is_cancelled_closes_the_file_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, opened = sqlite3.connect, list[sqlite3.Connection]()

    def kept(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", kept)
    store = SqliteStore(tmp_path / "state" / "file")
    assert await store.add("key:a", "x", 60)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.aclose()
    (connection,) = opened
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
