"""Every store does the same: one property against a dictionary, and one example for each promise."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.redis import RedisStore
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import MAX_VALUE_CHARACTERS, StateStore, StoreError
from tests.support.redis_server import redis_server
from tests.support.stores import Clocks, Model, every_kind_of_store

pytestmark = pytest.mark.anyio

Maker = Callable[[], StateStore]
"""Makes one more store over the same records."""


@asynccontextmanager
async def opened(make: Maker) -> AsyncIterator[tuple[StateStore, StateStore]]:
    """Two stores over the same records."""
    first, second = make(), make()
    try:
        yield first, second
    finally:
        await first.aclose()
        await second.aclose()


# One property ---------------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(["a:1", "a:2", "a:*", "b:1", "a:[x]?\\"])
VALUES = st.sampled_from(["", "one", "two", "é\0 two\n", "{}", "1"])
SECONDS = st.integers(1, 20)
ALLOWANCES = [("r:1", 3, 9), ("r:2", 7, 10), ("r:3", 1, 5)]
LIMITS = st.sampled_from(ALLOWANCES)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("get"), KEYS),
        st.tuples(st.just("add"), KEYS, VALUES, SECONDS),
        st.tuples(st.just("replace"), KEYS, VALUES, st.none() | VALUES, st.none() | SECONDS),
        st.tuples(st.just("find"), st.sampled_from(["", "a:", "a:1", "a:*", "b", "c:"]), st.integers(0, 4)),
        st.tuples(st.just("take"), LIMITS, st.integers(1, 3)),
        st.tuples(st.just("advance"), st.integers(0, 12)),
    ),
    min_size=4,
    max_size=20,
)


async def compare(
    stores: tuple[StateStore, StateStore], model: Model, advance: Callable[[int], Any], steps: Any
) -> None:
    """Do every step with the model and with one store or the other, over the same records."""
    for number, (name, *arguments) in enumerate(steps):
        store = stores[number % 2]
        if name == "advance":
            advance(*arguments)
        elif name == "take":
            (key, count, window_s), amount = arguments
            amount = min(amount, count)
            expected = model.take(key, count, window_s, amount)
            assert await store.take(key, count, window_s, amount) == pytest.approx(float(expected), rel=1e-3, abs=1e-5)
        elif name == "find":
            found = [pair for pair in await store.find(arguments[0], 100) if not pair[0].startswith("r:")]
            assert found == model.find(arguments[0], 100)
            assert len(await store.find(*arguments)) <= arguments[1]
        else:
            assert await getattr(store, name)(*arguments) == getattr(model, name)(*arguments), (name, arguments)


@given(steps=STEPS)
def test_memory_does_what_a_dictionary_does(steps: Any) -> None:
    clocks = Clocks()
    store = MemoryStore(clock=lambda: clocks.ticks)
    anyio.run(compare, (store, store), Model(lambda: int(clocks.ticks)), clocks.advance, steps)


@given(steps=STEPS)
@settings(max_examples=40)
def test_two_connections_to_a_file_do_what_a_dictionary_does(steps: Any) -> None:
    clocks = Clocks()
    with TemporaryDirectory() as folder:

        async def run() -> None:
            async with opened(lambda: SqliteStore(Path(folder) / "s" / "state", clocks=clocks)) as stores:
                await compare(stores, Model(lambda: int(clocks.ticks)), clocks.advance, steps)

        anyio.run(run)


def test_two_clients_of_redis_do_what_a_dictionary_does(tmp_path: Path) -> None:
    """With longer times, because a server's clock cannot be turned: 1,000 seconds for each."""

    @given(steps=STEPS.map(lambda steps: [step for step in steps if step[0] != "advance"]))
    def holds(steps: Any) -> None:
        longer = [_in_longer_times(step) for step in steps]

        async def run() -> None:
            async with opened(lambda: RedisStore(server.address)) as stores:
                await compare(stores, Model(lambda: 0), lambda _seconds: None, longer)
                for key, _ in await stores[0].find("", 100):
                    await stores[0].replace(key, await stores[0].get(key) or "", None)

        anyio.run(run)

    with redis_server(tmp_path) as server:
        holds()


def _in_longer_times(step: Any) -> Any:
    name, *arguments = step
    if name == "take":
        (key, count, window_s), amount = arguments
        return name, (key, count, window_s * 1_000_000), amount
    if name in {"add", "replace"} and arguments[-1] is not None:
        arguments[-1] *= 1_000
    return name, *arguments


# Every promise --------------------------------------------------------------------------------------------------------


@every_kind_of_store
async def test_a_record_is_seen_by_all_and_ends_with_its_time(make: Maker) -> None:
    async with opened(make) as (one, other):
        assert await one.get("a:1") is None
        assert await one.add("a:1", "first", 2)
        assert not await other.add("a:1", "second", 60)
        assert await other.get("a:1") == "first"
        assert await other.find("a:", 5) == [("a:1", "first")]
        await anyio.sleep(2.1)
        assert await one.get("a:1") is None
        assert await one.find("a:", 5) == []
        assert not await one.replace("a:1", "first", "third")
        assert await other.add("a:1", "second", 60)


@every_kind_of_store
async def test_a_replacement_keeps_the_time_or_gets_its_own(make: Maker) -> None:
    async with opened(make) as (one, other):
        await one.add("a:1", "old", 2)
        await one.add("a:2", "old", 2)
        assert await one.replace("a:1", "old", "new")
        assert await other.replace("a:2", "old", "new", 60)
        assert not await other.replace("a:1", "old", "newer")
        assert await other.find("a:", 5) == [("a:1", "new"), ("a:2", "new")]
        await anyio.sleep(2.1)
        assert await other.find("a:", 5) == [("a:2", "new")]
        assert await one.replace("a:2", "new", None)
        assert await other.get("a:2") is None


@every_kind_of_store
async def test_one_of_many_wins(make: Maker) -> None:
    async with opened(make) as stores:
        won: list[bool] = []

        async def attempt(step: Callable[[], Awaitable[bool]]) -> None:
            won.append(await step())

        async with anyio.create_task_group() as tasks:
            for number in range(16):
                tasks.start_soon(attempt, partial(stores[number % 2].add, "a:1", str(number), 60.0))
        assert sum(won) == 1

        kept = await stores[0].get("a:1")
        assert kept is not None
        won.clear()
        async with anyio.create_task_group() as tasks:
            for number in range(16):
                tasks.start_soon(attempt, partial(stores[number % 2].replace, "a:1", kept, f"next {number}"))
        assert sum(won) == 1


@every_kind_of_store
@pytest.mark.parametrize(("count", "window_s"), [(1, 3_600.0), (480, 6e4), (4_800, 1e6), (7, 0.7e6)])
async def test_all_of_an_allowance_can_be_taken_and_no_more(make: Maker, count: int, window_s: float) -> None:
    async with opened(make) as (one, other):
        whole = count // 4
        for store in (one, other, one, other):
            assert not whole or await store.take("r:1", count, window_s, whole) == 0
        for _ in range(count - 4 * whole):
            assert await one.take("r:1", count, window_s) == 0
        assert await other.take("r:1", count, window_s) == pytest.approx(window_s / count, rel=0.1)
        assert 0 < await other.take("r:1", count, window_s, count) <= window_s


@every_kind_of_store
async def test_an_allowance_comes_back(make: Maker) -> None:
    async with opened(make) as (one, other):
        assert await one.take("r:1", 2, 4, 2) == 0
        wait_s = await other.take("r:1", 2, 4)
        assert 0 < wait_s <= 2
        await anyio.sleep(wait_s)
        assert await other.take("r:1", 2, 4) == 0
        assert await one.take("r:1", 2, 4) > 0


@every_kind_of_store
async def test_what_cannot_be_kept_is_refused_before_anything_is_kept(make: Maker) -> None:
    async with opened(make) as (one, other):
        for value in ("x" * (MAX_VALUE_CHARACTERS + 1), "half a character: \ud800"):
            with pytest.raises(StoreError):
                await one.add("a:1", value, 60)
        for key, for_s in (
            ("", 1.0),
            ("a:é", 1.0),
            ("a:\n", 1.0),
            ("a" * 201, 1.0),
            ("a:1", 0.0),
            ("a:1", float("nan")),
        ):
            with pytest.raises(AssertionError):
                await one.add(key, "value", for_s)
        assert await other.find("", 5) == []
        assert await one.add("a:1", "é" * MAX_VALUE_CHARACTERS, 60)
        assert await other.get("a:1") == "é" * MAX_VALUE_CHARACTERS


@every_kind_of_store
async def test_a_store_can_be_probed_and_used_again_after_it_was_closed(make: Maker) -> None:
    async with opened(make) as (one, other):
        await one.probe()
        await one.add("a:1", "kept", 60)
        await one.aclose()
        await one.aclose()
        assert await one.get("a:1") == "kept"
        await other.probe()
        assert await other.find("", 5) == [("a:1", "kept")], "a probe leaves nothing to be found"


@every_kind_of_store
async def test_a_cancelled_caller_holds_nobody_up(make: Maker) -> None:
    async with opened(make) as (one, other):
        for number in range(40):
            with anyio.move_on_after(number % 8 * 0.001):
                await one.add(f"a:{number}", "value", 60)
            with anyio.fail_after(1):
                assert await other.add(f"b:{number}", "value", 60)
