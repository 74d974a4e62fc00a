"""A key that is restricted to certain projects lists them, one reading for each; a new project has a concrete place."""

from dataclasses import replace
from typing import Any

import pytest

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.policy.authorization import Authorization, CallerGrant, KeyGrant, Policy
from projects_mcp.policy.denials import RememberedDenials
from projects_mcp.sandbox import (
    ACME_ID,
    ADMIN_ID,
    MOBILE_ID,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    READ_WRITE_KEY,
)
from tests.contract.operations import ACME, CURRENT
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

GONE = 99_999


@pytest.fixture
def restricted(harness: Harness) -> Harness:
    projects = (MOBILE_ID, PRODUCTION_ID, NORTHWIND_PROJECT_ID, GONE)
    harness.world.api_keys[ONE_PROJECT_KEY].scoped_teams = projects
    return harness


async def _list(harness: Harness, era: Era = "auto", **arguments: Any) -> dict[str, Any]:
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=ONE_PROJECT_KEY) as client:
        return body_of(await client.call_tool("project_list", arguments))


@pytest.mark.parametrize("era", ERAS)
async def test_each_allowed_project_is_read_and_what_cannot_be_is_told_apart(restricted: Harness, era: Era) -> None:
    body = await _list(restricted, era)
    assert body["projects"] == [
        {"id": PRODUCTION_ID, "name": "Acme web", "timezone": "Europe/Berlin"},
        {"id": MOBILE_ID, "name": "Acme mobile", "timezone": "America/New_York"},
    ]
    assert (body["total"], body["organization_id"]) == (2, ACME_ID)
    assert body["unreadable"]["projects"] == [NORTHWIND_PROJECT_ID, GONE]
    assert "organization_id" in body["unreadable"]["why"]
    assert "restricted" in body["note"]
    assert restricted.sent == [
        f"GET {CURRENT}{number}/" for number in (PRODUCTION_ID, MOBILE_ID, NORTHWIND_PROJECT_ID, GONE)
    ]


async def test_the_organization_that_is_told_has_the_others(restricted: Harness) -> None:
    body = await _list(restricted, organization_id=NORTHWIND_ID)
    assert [row["id"] for row in body["projects"]] == [NORTHWIND_PROJECT_ID]


async def test_it_searches_pages_and_shows_fields_as_any_list(restricted: Harness) -> None:
    assert [row["id"] for row in (await _list(restricted, search="MOB"))["projects"]] == [MOBILE_ID]
    first = await _list(restricted, limit=1, fields=["surveys_opt_in", "secret_api_token", "live_events_token"])
    assert first["next_offset"] == MOBILE_ID, "settings are read by id"
    second = await _list(restricted, limit=1, fields=["surveys_opt_in"], offset=first["next_offset"])
    assert [row["id"] for row in second["projects"]] == [MOBILE_ID]
    assert first["projects"][0]["surveys_opt_in"] is not None
    assert restricted.fields()["secret_api_token"] not in str(first)
    assert first["projects"][0]["live_events_token"] == "absent", "withheld, also where one is read"
    assert [row["id"] for row in (await _list(restricted, limit=1, offset=1))["projects"]] == [MOBILE_ID]


async def test_what_the_operator_does_not_allow_is_not_read(restricted: Harness) -> None:
    environment = {"POSTHOG_PERSONAL_API_KEY": ONE_PROJECT_KEY, "PROJECTS_MCP_ONLY_PROJECTS": f"{MOBILE_ID},7"}
    async with restricted.client("auto", None, **environment) as client:
        body = body_of(await client.call_tool("project_list", {}))
    assert [row["id"] for row in body["projects"]] == [MOBILE_ID]
    assert restricted.sent == [f"GET {CURRENT}{MOBILE_ID}/"]


async def test_no_more_than_a_hundred_are_read(harness: Harness) -> None:
    harness.world.api_keys[ONE_PROJECT_KEY].scoped_teams = (PRODUCTION_ID, *range(30_000, 30_150))
    body = await _list(harness)
    assert len(harness.sent) == 100
    assert "first 100" in body["incomplete"]
    assert [row["id"] for row in body["projects"]] == [PRODUCTION_ID]


def test_a_caller_of_one_organization_is_not_told_of_projects_in_others() -> None:
    key = KeyGrant(projects=frozenset({1, 2}))
    caller = CallerGrant("a", frozenset({"project:read"}), organizations=frozenset())
    operation = OPERATIONS["project_get"]
    assert Authorization(operation, Policy(), key, RememberedDenials(), caller).key_projects == []
    assert Authorization(operation, Policy(), key, RememberedDenials()).key_projects == [1, 2]


# Where a project is created -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("era", ERAS)
async def test_a_project_is_created_in_the_organization_that_was_current(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_create", {"name": "New"}))
    assert harness.sent == [f"GET {CURRENT}", f"POST {ACME}"], "one list tells where it is, and who has the name"
    assert body["project"]["organization_id"] == ACME_ID


@pytest.mark.parametrize(("projects", "lists"), [(100, 1), (101, 2)])
async def test_one_list_is_enough_where_a_page_holds_all_projects(harness: Harness, projects: int, lists: int) -> None:
    harness.world.behaviour = replace(harness.world.behaviour, unique_names=False)
    model = harness.world.projects[PRODUCTION_ID]
    here = sum(one.organization_id == ACME_ID for one in harness.world.projects.values())
    for number in range(70_000, 70_000 + projects - here):
        harness.world.projects[number] = replace(model, fields={**model.fields, "id": number, "name": f"No. {number}"})
    harness.world.projects[number].fields["name"] = "NEW "
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_create", {"name": "New"}))
    assert harness.sent == [f"GET {CURRENT}", *[f"GET {ACME}"] * (lists - 1), f"POST {ACME}"]
    assert body["project"]["organization_id"] == ACME_ID


async def test_the_one_organization_of_the_key_is_the_place_whatever_is_open(harness: Harness) -> None:
    harness.world.users[ADMIN_ID].current_organization_id = NORTHWIND_ID
    async with harness.client(POSTHOG_PERSONAL_API_KEY=ONE_ORGANIZATION_KEY) as client:
        body = body_of(await client.call_tool("project_create", {"name": "New"}))
    assert [sent.line for sent in harness.recorder.writes] == [f"POST {ACME}"]
    assert body["project"]["organization_id"] == ACME_ID


async def test_the_first_project_of_an_organization_is_created_where_posthog_says(harness: Harness) -> None:
    for number in [number for number, one in harness.world.projects.items() if one.organization_id == ACME_ID]:
        del harness.world.projects[number]
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_create", {"name": "First"}))
    assert body["project"]["organization_id"] == ACME_ID


async def test_a_configured_organization_is_not_asked_for(harness: Harness) -> None:
    harness.world.api_keys[READ_WRITE_KEY].scoped_organizations = (ACME_ID, NORTHWIND_ID)
    async with harness.client() as client:
        _, detail = refusal_of(await client.call_tool("project_create", {"name": "New"}))
        assert (detail["kind"], harness.sent) == ("organization_needed", [])
    async with harness.client(POSTHOG_ORGANIZATION_ID=NORTHWIND_ID) as client:
        body = body_of(await client.call_tool("project_create", {"name": "New"}))
    assert body["project"]["organization_id"] == NORTHWIND_ID


@pytest.mark.parametrize("era", ERAS)
async def test_what_a_preview_suggests_works_whatever_is_current_later(harness: Harness, era: Era) -> None:
    arguments = {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}, "dry_run": True}
    async with harness.client(era) as client:
        (step,) = body_of(await client.call_tool("project_update", arguments))["next"]
        assert step["arguments"]["organization_id"] == ACME_ID
        harness.world.users[ADMIN_ID].current_organization_id = NORTHWIND_ID
        assert body_of(await client.call_tool(step["tool"], step["arguments"]))["outcome"] == "applied"


# What did not take, and fields that are not there ---------------------------------------------------------------------


@pytest.mark.parametrize("era", ERAS)
async def test_where_all_was_ignored_the_receipt_says_why_that_can_be(harness: Harness, era: Era) -> None:
    arguments = {"project_id": PRODUCTION_ID, "settings": {"slack_incoming_webhook": "https://hooks.example/x"}}
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_update", arguments))
    assert (body["outcome"], body["ignored"]) == ("not_applied", ["slack_incoming_webhook"])
    assert "None of it" in body["note"]


@pytest.mark.parametrize("era", ERAS)
async def test_a_misspelt_field_gets_the_nearest_name(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        listed = body_of(await client.call_tool("project_list", {"fields": ["time_zone"]}))
        got = body_of(await client.call_tool("project_get", {"project_id": PRODUCTION_ID, "fields": ["surveys_optin"]}))
        assert listed["not_in_list"]["did_you_mean"] == {"time_zone": "timezone"}
        assert got["did_you_mean"] == {"surveys_optin": "surveys_opt_in"}
        again = {"project_id": PRODUCTION_ID, "fields": list(got["did_you_mean"].values())}
        assert set(body_of(await client.call_tool("project_get", again))) == {"surveys_opt_in"}
