"""A plan that brings new names tells which of them several projects will have: before it is agreed to, and after it."""

from typing import Any

import pytest
from starlette.responses import JSONResponse

from projects_mcp.sandbox import ACME_ID, MOBILE_ID, PRODUCTION_ID, STAGING_ID, Behaviour, seed
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID, add_fleet
from tests.support.fleets import TurnedClock
from tests.support.harness import Harness, body_of
from tests.support.plans import Asked, applied, consent_to, previewed

pytestmark = pytest.mark.anyio

IDS = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 6))
RENAME: dict[str, Any] = {"project_ids": IDS, "settings": {"name": " acme WEB "}}
LISTED = f"{', '.join(map(str, IDS[:5]))} and 1 more"
SHARED = f"6 projects of this plan get one name, “acme WEB”: {LISTED}."
TAKEN = f"In this organization a project has the name “acme WEB” already: {PRODUCTION_ID}."


@pytest.fixture
def of_twins(clock: TurnedClock) -> Harness:
    """PostHog as it was when names were not unique."""
    world = seed(clock=clock.time, behaviour=Behaviour(unique_names=False))
    add_fleet(world, len(IDS))
    return Harness(world)


def lists_of(harness: Harness) -> list[str]:
    return [line for line in harness.sent if line.endswith("/projects/")]


async def test_twins_are_said_in_preview_question_and_receipt(of_twins: Harness, clock: TurnedClock) -> None:
    asked = Asked()
    async with of_twins.client(ask=asked) as client:
        (preview,) = await previewed(client, clock, **RENAME)
        assert preview["warnings"] == [SHARED, TAKEN]
        assert len(lists_of(of_twins)) == 1, "one search for one name"
        (receipt,) = await applied(client, clock, preview)
    (question,) = asked.questions
    assert SHARED in question
    assert TAKEN in question
    assert (receipt["applied"], receipt["warnings"]) == (len(IDS), [SHARED, TAKEN])
    assert len(lists_of(of_twins)) == 1


async def test_the_organization_is_named_where_the_call_names_it(of_twins: Harness, clock: TurnedClock) -> None:
    async with of_twins.client() as client:
        (preview,) = await previewed(client, clock, organization_id=ACME_ID, **RENAME)
    assert preview["warnings"][1].startswith(f"In “Acme Analytics” ({ACME_ID}) a project has the name")


async def test_projects_that_are_found_by_conditions_are_listed_once(of_twins: Harness, clock: TurnedClock) -> None:
    for number in IDS:
        of_twins.fields(number)["week_start_day"] = 1
    of_twins.fields(PRODUCTION_ID)["week_start_day"] = 0
    where = {"week_start_day": 1}
    async with of_twins.client() as client:
        (preview,) = await previewed(client, clock, where=where, settings={"name": "acme WEB"})
    assert preview["warnings"][0] == SHARED
    assert preview["warnings"][1].endswith(f"has the name “acme WEB” already: {PRODUCTION_ID}.")
    assert len(lists_of(of_twins)) == 1


async def test_a_project_that_the_plan_renames_too_is_no_twin(of_twins: Harness, clock: TurnedClock) -> None:
    async with of_twins.client() as client:
        wanted = {"project_ids": [PRODUCTION_ID, IDS[0]], "settings": {"name": "ACME web"}}
        (preview,) = await previewed(client, clock, **wanted)
        assert preview["warnings"] == [f"2 projects of this plan get one name, “ACME web”: {PRODUCTION_ID}, {IDS[0]}."]
        (alone,) = await previewed(client, clock, project_ids=[IDS[0]], settings={"name": "Nobody else's"})
        assert "warnings" not in alone
        del of_twins.recorder.requests[:]
        await previewed(client, clock, project_ids=[IDS[0]], settings={"week_start_day": 1})
    assert lists_of(of_twins) == [], "nothing is looked for where no name changes"


async def test_who_may_not_know_of_other_projects_hears_of_the_plan_alone(
    of_twins: Harness, clock: TurnedClock
) -> None:
    async with of_twins.client(PROJECTS_MCP_ONLY_PROJECTS=",".join(map(str, IDS))) as client:
        (preview,) = await previewed(client, clock, **RENAME)
    assert preview["warnings"] == [SHARED]
    assert lists_of(of_twins) == []


async def test_a_list_that_fails_keeps_no_plan_from_being_made(clock: TurnedClock) -> None:
    world = seed(clock=clock.time, behaviour=Behaviour(unique_names=False))
    add_fleet(world, len(IDS))
    posthog = create_app(world)

    async def without_lists(scope: Any, receive: Any, send: Any) -> None:
        failing = scope["path"].endswith("/projects/")
        await (JSONResponse({}, 500) if failing else posthog)(scope, receive, send)

    async with Harness(world, without_lists).client() as client:
        (preview,) = await previewed(client, clock, **RENAME)
    assert (preview["projects"], preview["warnings"]) == (len(IDS), [SHARED])


async def test_the_receipt_speaks_of_what_was_done(clock: TurnedClock) -> None:
    """A newer PostHog refuses a name that another project has."""
    world = seed(clock=clock.time)
    add_fleet(world, len(IDS))
    harness = Harness(world)
    async with harness.client(ask=Asked()) as client:
        (preview,) = await previewed(client, clock, project_ids=[STAGING_ID, MOBILE_ID], settings={"name": "Acme one"})
        assert preview["warnings"] == [f"2 projects of this plan get one name, “Acme one”: {STAGING_ID}, {MOBILE_ID}."]
        receipt = body_of(await client.call_tool("project_update", consent_to(preview)))
    assert (receipt["applied"], len(receipt["failed"]), "warnings" in receipt) == (1, 1, False)
