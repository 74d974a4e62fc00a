"""Plans within three quarters of what PostHog allows a key, over several processes, and over hours."""

import anyio
import pytest
from mcp import Client

from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from tests.support.fleets import TurnedClock, busiest, fleet_world, of_acme
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import Harness
from tests.support.plans import Asked, applied, ids_of, previewed, writes_by_project

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
