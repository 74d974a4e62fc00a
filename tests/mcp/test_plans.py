"""Changes of many projects: previewed as a plan, agreed to once, applied call by call, and undone by another plan."""

from typing import Any

import pytest

from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID, STAGING_ID, seed
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from projects_mcp.state.memory import MemoryStore
from tests.support.fleets import TurnedClock, busiest, fleet_world, of_acme
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of
from tests.support.plans import (
    Asked,
    MortalStore,
    agree,
    applied,
    consent_to,
    differences,
    ids_of,
    previewed,
    settings_of,
    writes_by_project,
)

pytestmark = pytest.mark.anyio

PRIVATE = {"settings": {"anonymize_ips": True}}
SOME = [PRODUCTION_ID, STAGING_ID, MOBILE_ID]


async def test_500_projects_take_six_calls_and_one_consent(clock: TurnedClock) -> None:
    harness, asked = Harness(fleet_world(clock, 497)), Asked()
    before = settings_of(harness.world)
    async with harness.client(ask=asked) as client:
        where = {"timezone": ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"]}
        settings = {"week_start_day": 1, "anonymize_ips": True}
        previews = await previewed(client, clock, where=where, settings=settings)
        assert harness.recorder.writes == []
        answers = await applied(client, clock, previews[-1])
    assert len(previews) + len(answers) <= 6
    assert len(asked.questions) == 1
    assert "change 500 projects" in asked.questions[0]
    assert "false -> true" in asked.questions[0]
    final = answers[-1]
    assert (final["left"], final["applied"]) == (0, 500)
    assert final["changed"] == previews[-1]["changed"]
    changed = differences(before, settings_of(harness.world))
    assert set(changed) == ids_of(final["applied_ids"])
    assert len(of_acme(harness.world, "id")) == len(changed) + previews[-1]["unchanged"] == 501
    assert set(writes_by_project(harness.recorder).values()) == {1}
    assert busiest(harness.world, 60) <= 360


@pytest.mark.parametrize("era", ERAS)
async def test_a_preview_tells_what_a_person_has_to_know_and_writes_nothing(clock: TurnedClock, era: Era) -> None:
    world = fleet_world(clock, 12)
    world.projects[FIRST_FLEET_ID].fields["timezone"] = "Africa/Abidjan"
    harness = Harness(world)
    settings = {"anonymize_ips": False, "timezone": "UTC", "conversations_enabled": False}
    world.projects[FIRST_FLEET_ID + 1].fields["conversations_enabled"] = True
    ids = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 12))
    async with harness.client(era, PROJECTS_MCP_PROTECTED_PROJECTS=str(FIRST_FLEET_ID + 4)) as client:
        (preview,) = await previewed(client, clock, project_ids=ids, settings=settings)
        same = await previewed(client, clock, project_ids=ids[::-1], settings=settings)
    assert same[-1]["plan"] == preview["plan"]
    assert harness.recorder.writes == []
    number = preview["projects"]
    assert preview["confirm_plan"] == f"change {number} projects"
    assert (preview["requests"], preview["minutes"]) == (2 * number, 1)
    assert preview["unchanged"] == 12 - number
    lowered = preview["changed"]["anonymize_ips"]["true -> false"]
    assert preview["lowers_privacy"] == [
        f"Privacy is lowered: IP addresses of visitors are stored from now on. ({lowered} projects)"
    ]
    assert len(preview["cannot_be_undone"]) == 1
    assert any("Africa/Abidjan -> UTC: “customer-001 production” (40001)" in line for line in preview["exceptions"])
    assert preview["protected"] == ["“customer-002 staging” (40005)"]


async def test_without_a_preview_nothing_is_sent(clock: TurnedClock) -> None:
    harness = Harness(fleet_world(clock, 3))
    refused: list[tuple[dict[str, Any], str]] = [
        ({"project_ids": SOME, **PRIVATE}, "plan_needed"),
        ({"where": {"timezone": "UTC"}, **PRIVATE}, "plan_needed"),
        (PRIVATE, "invalid_argument"),
        ({"project_ids": SOME, "project_id": PRODUCTION_ID, **PRIVATE, "dry_run": True}, "invalid_argument"),
        ({"project_ids": SOME, "where": {"timezone": "UTC"}, **PRIVATE, "dry_run": True}, "invalid_argument"),
        ({"project_ids": [], **PRIVATE, "dry_run": True}, "invalid_argument"),
        ({"where": {}, **PRIVATE, "dry_run": True}, "invalid_argument"),
        ({"project_ids": SOME, "dry_run": True}, "invalid_argument"),
        ({"project_ids": SOME, **PRIVATE, "expected": {"timezone": "UTC"}, "dry_run": True}, "invalid_argument"),
        ({"plan": "0" * 64, "confirm_plan": "change 3 projects", **PRIVATE}, "invalid_argument"),
        ({"plan": "0" * 64, "confirm_plan": "change 3 projects", "project_ids": SOME}, "invalid_argument"),
        ({"confirm_plan": "change 3 projects"}, "invalid_argument"),
        ({"plan": "0" * 64, "confirm_plan": "change 3 projects"}, "no_such_plan"),
        ({"plan": "plan:*", "confirm_plan": "change 3 projects"}, "no_such_plan"),
        (
            {
                "project_ids": SOME,
                "settings": {"slack_incoming_webhook": "https://hooks.example/T0/B0/x"},
                "dry_run": True,
            },
            "invalid_argument",
        ),
        ({"project_ids": SOME, "clear": ["slack_incoming_webhook"], "dry_run": True}, "invalid_argument"),
    ]
    async with harness.client() as client:
        for arguments, kind in refused:
            text, detail = refusal_of(await client.call_tool("project_update", arguments))
            assert detail["kind"] == kind, (arguments, text)
    assert harness.sent == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_plan_and_its_revert_restore_all_but_what_others_changed(clock: TurnedClock, era: Era) -> None:
    harness = Harness(fleet_world(clock, 8))
    ids = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 8))
    settings = {"week_start_day": 1, "app_urls": ["https://new.example"]}
    before = settings_of(harness.world)
    async with harness.client(era, agree) as client:
        (preview,) = await previewed(client, clock, project_ids=ids, settings=settings)
        harness.fields(ids[2])["app_urls"] = ["https://moved.example"]
        (answer,) = await applied(client, clock, preview)
        assert answer["drifted"] == ["“customer-001 development” (40003): app_urls"]
        assert answer["applied"] == 7
        again = body_of(await client.call_tool("project_update", consent_to(preview)))
        assert again == answer, "nothing is left, so the same call tells the same"
        harness.fields(ids[4])["app_urls"] = ["https://others.example"]
        (undone,) = await applied(client, clock, answer["revert_plan"])
    assert undone["applied"] == 7
    assert undone["in_part"] == [
        "“customer-002 staging” (40005): app_urls did not change. Others have changed app_urls meanwhile, so that was "
        "left alone."
    ]
    assert differences(before, settings_of(harness.world)) == {ids[2]: {"app_urls"}, ids[4]: {"app_urls"}}


async def test_a_plan_is_of_the_one_who_made_it_and_for_half_an_hour() -> None:
    now = [1_000.0]
    harness = Harness(seed(), store=MemoryStore(clock=lambda: now[0]))
    async with harness.client(ask=agree) as client:
        preview = body_of(await client.call_tool("project_update", {"project_ids": SOME, **PRIVATE, "dry_run": True}))
        wrong = {**consent_to(preview), "confirm_plan": "change 4 projects"}
        _, detail = refusal_of(await client.call_tool("project_update", wrong))
        assert detail["kind"] == "plan_not_confirmed"
        now[0] += 1_801
        _, detail = refusal_of(await client.call_tool("project_update", consent_to(preview)))
        assert detail["kind"] == "no_such_plan"
    assert harness.recorder.writes == []


async def test_only_projects_and_the_right_to_what_cannot_be_undone_hold(clock: TurnedClock) -> None:
    harness = Harness()
    for number in SOME:
        harness.fields(number)["conversations_enabled"] = True
    protected, allowed = str(STAGING_ID), f"{PRODUCTION_ID},{STAGING_ID}"
    async with harness.client(
        ask=agree, PROJECTS_MCP_PROTECTED_PROJECTS=protected, PROJECTS_MCP_ONLY_PROJECTS=allowed
    ) as client:
        settings = {"conversations_enabled": False, "week_start_day": 1}
        (preview,) = await previewed(client, clock, project_ids=SOME, settings=settings)
        assert sorted(number for ids in preview["left_out"].values() for number in ids) == sorted(
            [STAGING_ID, MOBILE_ID]
        )
        await applied(client, clock, preview)
        (preview,) = await previewed(client, clock, where={"timezone": ["UTC", "Europe/Berlin"]}, **PRIVATE)
        assert preview["projects"] + preview["unchanged"] <= 2
    assert {request.path.rstrip("/").rpartition("/")[2] for request in harness.recorder.writes} == {str(PRODUCTION_ID)}
    assert harness.fields(MOBILE_ID)["conversations_enabled"] is True


@pytest.mark.parametrize("era", ERAS)
async def test_a_client_that_wants_to_know_is_told_how_far_the_call_is(clock: TurnedClock, era: Era) -> None:
    harness = Harness(fleet_world(clock, 30))
    ids = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 30))
    told: list[tuple[float, float | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, total))

    async with harness.client(era, agree) as client:
        (preview,) = await previewed(client, clock, project_ids=ids, settings={"week_start_day": 1})
        await client.call_tool("project_update", consent_to(preview), progress_callback=note)
    assert told[-1] == (30, 30)
    assert [done for done, _ in told] == sorted({done for done, _ in told})


async def test_with_the_store_away_nothing_is_planned_or_applied(clock: TurnedClock) -> None:
    store = MortalStore(MemoryStore())
    harness = Harness(fleet_world(clock, 3), store=store)
    async with harness.client(ask=agree) as client:
        (preview,) = await previewed(client, clock, project_ids=SOME, **PRIVATE)
        sent = len(harness.sent)
        store.dead = True
        arguments = {"project_ids": SOME, **PRIVATE, "dry_run": True}
        for call in (arguments, consent_to(preview)):
            _, detail = refusal_of(await client.call_tool("project_update", call))
            assert detail["kind"] == "state_unavailable"
    assert len(harness.sent) == sent
