"""Plans within three quarters of what PostHog allows a key, over several processes, and over hours."""

import anyio
import pytest
from mcp import Client

from projects_mcp.gateway.project_locks import ProjectLocks
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from tests.support.fleets import TurnedClock, busiest, fleet_world, of_acme
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import ENVIRONMENT, Harness, body_of
from tests.support.plans import Asked, applied, consent_to, ids_of, previewed, writes_by_project

pytestmark = pytest.mark.anyio


async def test_two_processes_with_a_plan_each_share_the_limits_of_the_key(clock: TurnedClock) -> None:
    harness = Harness(fleet_world(clock, 240), store=SharedMemory())
    halves = [list(range(FIRST_FLEET_ID + first, FIRST_FLEET_ID + first + 120)) for first in (0, 120)]
    receipts = []

    async def work(client: Client, ids: list[int]) -> None:
        preview = (await previewed(client, clock, project_ids=ids, settings={"week_start_day": 1}))[-1]
        receipts.append((await applied(client, clock, preview))[-1])

    async with (
        harness.client(ask=Asked()) as one,
        harness.client(ask=Asked()) as other,
        anyio.create_task_group() as two,
    ):
        two.start_soon(work, one, halves[0])
        two.start_soon(work, other, halves[1])
    assert {frozenset(ids_of(receipt["applied_ids"])) for receipt in receipts} == set(map(frozenset, halves))
    assert set(writes_by_project(harness.recorder).values()) == {1}
    assert busiest(harness.world, 60) <= 360


@pytest.mark.parametrize("calls", [1, 2])
async def test_a_project_that_another_process_holds_is_tried_again_later(clock: TurnedClock, calls: int) -> None:
    store = SharedMemory()
    harness = Harness(fleet_world(clock, 3), store=store, limits={"call_s": 1.5})
    ids = [FIRST_FLEET_ID, FIRST_FLEET_ID + 1]
    async with harness.client(ask=Asked()) as client:
        (preview,) = await previewed(client, clock, project_ids=ids, settings={"week_start_day": 1})
        turn = await ProjectLocks(store, ENVIRONMENT["POSTHOG_HOST"]).turn(ids[1])
        await turn.acquire(1)
        for _ in range(calls):
            answer = body_of(await client.call_tool("project_update", consent_to(preview)))
            assert (answer["left"], answer["applied"], answer["retry_after_s"]) == (1, 1, 10)
            assert {"failed", "stopped", "unknown"}.isdisjoint(answer), "it is no failure of PostHog's"
            assert writes_by_project(harness.recorder) == {ids[0]: 1}
        await turn.release()
        clock.now_s += 10
        final = body_of(await client.call_tool("project_update", consent_to(preview)))
    assert (final["left"], final["applied"]) == (0, 2)
    assert writes_by_project(harness.recorder) == dict.fromkeys(ids, 1)


@pytest.mark.long
async def test_2000_projects_take_hours_and_no_window_is_ever_full(clock: TurnedClock) -> None:
    harness, asked = Harness(fleet_world(clock, 1_996)), Asked()
    began = clock.now_s
    async with harness.client(ask=asked) as client:
        where = {"timezone": ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"]}
        preview = (await previewed(client, clock, where=where, settings={"surveys_opt_in": True}))[-1]
        assert preview["projects"] + preview["unchanged"] == len(of_acme(harness.world, "id")) == 2_000
        assert preview["minutes"] >= 60
        final = (await applied(client, clock, preview))[-1]
    assert (final["left"], final["applied"]) == (0, preview["projects"])
    assert set(of_acme(harness.world, "surveys_opt_in").values()) == {True}
    assert len(asked.questions) == 1
    assert 3_600 < clock.now_s - began < 4 * 3_600
    assert busiest(harness.world, 60) <= 360
    assert busiest(harness.world, 3_600) <= 3_600
