"""No window of any beginning holds more requests than are allowed, whoever counts them."""

from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.sliding_windows import SlidingWindows, Window
from projects_mcp.state.sqlite import SqliteStore
from tests.support.fleets import TurnedClock

SMALL = (Window(6, 60, 5), Window(20, 600, 50))


def most_within(times: list[float], length_s: float) -> int:
    return max((sum(first <= other < first + length_s for other in times) for first in times), default=0)


@given(pauses=st.lists(st.floats(0, 40), max_size=60), processes=st.integers(1, 3))
def test_no_window_ever_holds_more_than_is_allowed(pauses: list[float], processes: int) -> None:
    clock, store = TurnedClock(), MemoryStore()

    async def count() -> list[float]:
        all_of_them = [SlidingWindows(store, SMALL, "requests:a") for _ in range(processes)]
        counted: list[float] = []
        for at, pause in enumerate(pauses):
            clock.now_s += pause
            windows = all_of_them[at % processes]
            wait_s = await windows.take()
            assert wait_s >= 0
            if not wait_s:
                counted.append(clock.now_s)
                continue
            clock.now_s += wait_s
            assert await windows.take() == 0.0, "what it says to wait is enough"
            counted.append(clock.now_s)
        return counted

    with pytest.MonkeyPatch.context() as patch:
        clock.use(patch)
        store.clock = clock.seconds
        times = anyio.run(count)
    assert len(times) == len(pauses)
    for window in SMALL:
        assert most_within(times, window.length_s) <= window.most


@pytest.mark.anyio
async def test_the_whole_of_a_window_can_be_used_at_once_and_is_back_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = TurnedClock()
    clock.use(monkeypatch)
    store = MemoryStore(clock.seconds)
    windows = SlidingWindows(store, SMALL[:1])
    assert [await windows.take() for _ in range(6)] == [0.0] * 6
    assert await windows.take() == await windows.wait_s(6) == await windows.wait_s(99) == 65.0
    clock.now_s += 65
    assert await windows.wait_s(6) == 0.0
    assert await windows.take() == 0.0


@pytest.mark.anyio
async def test_many_at_once_are_each_counted_once() -> None:
    store = MemoryStore()
    processes = [SlidingWindows(store, (Window(40, 60, 5),)) for _ in range(4)]
    results: list[float] = []

    async def use(windows: SlidingWindows) -> None:
        results.extend([await windows.take() for _ in range(15)])

    async with anyio.create_task_group() as tasks:
        for windows in processes:
            tasks.start_soon(use, windows)
    assert 40 - 4 * 4 <= results.count(0.0) <= 40, "each counts five at once, and may have four left"
    assert len(results) == 60


@pytest.mark.anyio
async def test_processes_that_share_a_file_share_the_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    TurnedClock().use(monkeypatch)
    tmp_path.chmod(0o700)
    stores = [SqliteStore(tmp_path / "state.sqlite3") for _ in range(2)]
    first, second = (SlidingWindows(store, (Window(50, 60, 5),), "requests:a") for store in stores)
    taken = [await windows.take() for _ in range(25) for windows in (first, second)]
    assert taken == [0.0] * 50
    assert (await first.take(), await second.take()) == (65.0, 65.0)
    for store in stores:
        await store.aclose()


@pytest.mark.anyio
async def test_what_was_counted_ahead_does_not_outlive_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = TurnedClock()
    clock.use(monkeypatch)
    windows = SlidingWindows(MemoryStore(clock.seconds), (Window(5, 60, 5),))
    assert await windows.take() == 0.0
    clock.now_s += 5
    assert await windows.take() == 60.0, "four are lost, else a window could hold nine"


@pytest.mark.anyio
@pytest.mark.parametrize("text", ["", "[]", "[[]]", '[{"a":1}]', "[{},{},{}]", "null"])
async def test_without_a_usable_store_the_process_counts_for_itself(text: str) -> None:
    store = MemoryStore()
    await store.add("requests:a", text, 60)
    windows = SlidingWindows(store, SMALL, "requests:a")
    assert [await windows.take() for _ in range(6)] == [0.0] * 6
    assert await windows.take() > 0
    assert await windows.wait_s(1) > 0
