"""Plans in every store: kept under their caller, for their time, within bounds, and marked by one process at a time."""

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.plan_steps import LONGEST_STEP
from projects_mcp.state.plans import BEGIN_S, LEASE_S, WORK_S, PlanRoomError, Plans
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StateStore, StoreError
from tests.support.stores import Clocks, every_kind_of_store

pytestmark = pytest.mark.anyio

ONE, TWO = "1" * 64, "2" * 64
STEPS = [f'[{number},"é\\"\\\\"]' for number in range(30)]


def plans(store: StateStore, owner: str = "one", now: Callable[[], float] = lambda: 1_000.0) -> Plans:
    return Plans(store, Plans.owner_of("https://posthog.test", owner), now)


async def ends(*_: object) -> bool:
    raise StoreError("the process has ended")


@every_kind_of_store
async def test_a_plan_is_found_by_its_caller_alone_and_marked_by_one_process_at_a_time(
    make: Callable[[], StateStore],
) -> None:
    first, second = make(), make()
    try:
        mine, other_process = plans(first), plans(second)
        kept = await mine.keep(ONE, STEPS, {"left_out": {}})
        assert await other_process.find(ONE) == kept
        assert await plans(second, "two").find(ONE) is None
        assert await mine.find(TWO) is None
        assert await other_process.steps(kept) == STEPS
        begun = await other_process.begin(kept, {"channel": "client"})
        assert begun is not None
        assert (begun.begun, begun.evidence) == (True, {"channel": "client"})
        marked: list[bool] = []

        async def mark(who: Plans, text: str) -> None:
            marked.append(await who.mark(kept, 7, None, text))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(mark, mine, "sent by one")
            tasks.start_soon(mark, other_process, "sent by two")
        assert sorted(marked) == [False, True]
        (text,) = (await mine.marks(kept)).values()
        assert await mine.mark(kept, 7, text, "applied")
        assert not await other_process.mark(kept, 7, text, "failed")
        assert await other_process.marks(kept) == {7: "applied"}
        assert await other_process.leased_s(ONE) == 0
        lease = await mine.lease(begun)
        assert lease is not None
        assert (lease.plan.run, lease.plan.calls) == (begun.run, 1)
        assert await other_process.lease(begun) is None
        assert 0 < await other_process.leased_s(ONE) <= LEASE_S
        await mine.release(ONE, lease.token)
        assert await other_process.leased_s(ONE) == 0
        assert await other_process.lease(begun) is not None
        stopped = await mine.change(kept, stopped="Three in a row.", failures=3)
        assert stopped is not None
        assert await other_process.find(ONE) == stopped
    finally:
        await first.aclose()
        await second.aclose()


@every_kind_of_store
async def test_a_plan_that_is_made_twice_before_it_is_begun_is_one(make: Callable[[], StateStore]) -> None:
    """Two processes make the same plan at one moment, and each of them then begins what it has made."""
    first, second = make(), make()
    try:
        one = await plans(first).keep(ONE, STEPS, {"left_out": {}})
        two = await plans(second, now=lambda: 1_100.0).keep(ONE, STEPS, {"left_out": {"5": "gone"}})
        assert (two.run, two.until) == (one.run, 1_100.0 + BEGIN_S)
        begun = await plans(first).begin(one, {"channel": "client"})
        assert begun is not None
        assert begun.facts == {"left_out": {"5": "gone"}}
        assert await plans(second).begin(two, None) == begun, "who was first stands"
        assert await plans(second).steps(begun) == STEPS
        assert (await plans(first).keep(ONE, STEPS, {})).run != one.run, "it was begun, and is at rest"
    finally:
        await first.aclose()
        await second.aclose()


@every_kind_of_store
async def test_a_draft_goes_on_in_another_process(make: Callable[[], StateStore]) -> None:
    first, second = make(), make()
    try:
        one, two = plans(first), plans(second)
        assert await one.draft(ONE) is None
        assert await one.add_to_draft(ONE, None, {"next_id": 5}, STEPS[:10])
        assert not await two.add_to_draft(ONE, None, {"next_id": 5}, STEPS[:10]), "another call was faster"
        draft = await two.draft(ONE)
        assert draft is not None
        assert draft[1]["next_id"] == 5
        with pytest.MonkeyPatch.context() as patch:  # a process that ends when its steps are there, and not noted
            patch.setattr(type(first), "replace", ends)
            with pytest.raises(StoreError):
                await one.add_to_draft(ONE, draft[0], {"next_id": 9}, STEPS[10:])
        assert await two.add_to_draft(ONE, draft[0], {"next_id": 9}, STEPS[10:])
        last = await one.draft(ONE)
        assert last is not None
        assert await one.draft_steps(last[1]) == STEPS
        await one.drop_draft(ONE, last[0])
        assert await two.draft(ONE) is None
    finally:
        await first.aclose()
        await second.aclose()


async def test_a_plan_that_is_not_begun_ends_after_half_an_hour_and_one_that_is_after_a_day(tmp_path: Path) -> None:
    clocks = Clocks()
    store = SqliteStore(tmp_path / "state" / "state.sqlite3", clocks=clocks)
    mine = plans(store, now=lambda: clocks.wall)
    kept, other = await mine.keep(ONE, STEPS, {}), await mine.keep(TWO, STEPS, {})
    assert await mine.begin(kept, None) is not None
    revert = await mine.keep("3" * 64, STEPS, {}, reverts=True)
    clocks.advance(BEGIN_S - 1)
    assert await mine.find(TWO) == other
    clocks.advance(2)
    assert await mine.find(TWO) is None
    assert await mine.begin(other, None) is None
    assert await mine.find(revert.id) == revert
    assert await mine.steps(kept) == STEPS
    clocks.advance(WORK_S)
    assert await mine.find(ONE) is None
    assert await mine.find(revert.id) is None
    assert await store.find("plan", 100) == []
    await store.aclose()


async def test_plans_are_bounded_in_number_and_size_and_the_oldest_that_was_not_begun_goes_first() -> None:
    store, now = MemoryStore(), [1_000.0]
    mine = plans(store, now=lambda: now[0])
    for number in range(40):
        now[0] += 1
        await mine.keep(f"{number:064}", STEPS, {})
    assert len(await store.find("plan:", 100)) == 20
    assert len(await store.find("plansteps:", 100)) == 20, "what is forgotten leaves nothing behind"
    assert await mine.find(f"{39:064}") is not None
    assert await mine.find(f"{0:064}") is None
    for number in range(20, 40):
        found = await mine.find(f"{number:064}")
        assert found is not None
        assert await mine.begin(found, None) is not None
    with pytest.raises(PlanRoomError):
        await mine.keep(ONE, STEPS, {})
    with pytest.raises(PlanRoomError):
        await plans(store, "two").keep(ONE, ["x" * LONGEST_STEP] * 41, {})
    kept = await plans(store, "three").keep(ONE, ["x" * LONGEST_STEP] * 3, {})
    assert kept.chunks == 2, "others have room of their own"


async def test_the_same_plan_is_not_made_again_while_a_call_is_at_work_on_it() -> None:
    mine = plans(MemoryStore())
    first = await mine.keep(ONE, STEPS, {})
    begun = await mine.begin(first, None)
    assert begun is not None
    lease = await mine.lease(begun)
    assert lease is not None
    assert (await mine.keep(ONE, STEPS, {})).run == first.run
    await mine.release(ONE, lease.token)
    again = await mine.keep(ONE, STEPS, {})
    assert again.run != first.run
    assert await mine.lease(begun) is None, "whoever has read the former one cannot work on it any more"
    assert await mine.lease(again) is not None, "and leaves no lease behind"


async def test_the_same_plan_made_again_knows_nothing_of_the_former_one() -> None:
    mine = plans(MemoryStore())
    former = await mine.keep(ONE, STEPS, {})
    assert await mine.begin(former, None) is not None
    assert await mine.mark(former, 7, None, "applied")
    again = await mine.keep(ONE, STEPS, {})
    assert again.run != former.run
    assert not again.begun
    assert await mine.marks(again) == {}
    assert await mine.change(former, failures=1) is None
