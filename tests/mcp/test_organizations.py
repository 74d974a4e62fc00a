"""Organizations by name and slug, what they allow assistants, and a deletion that is cancelled."""

from dataclasses import replace
from typing import Any

import pytest
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp.sandbox import (
    ACME_ID,
    MEMBER_KEY,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    ONE_ORGANIZATION_KEY,
    PRODUCTION_ID,
    STAGING_ID,
    VERSIONS,
)
from tests.contract.operations import ACME, ARGUMENTS, NAMED, OPERATIONS, WEB, prepare
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ERAS)]

NO_SESSION = {"POSTHOG_SESSION_ID": "", "POSTHOG_CSRF_TOKEN": ""}


async def test_they_are_listed_with_slug_and_role(harness: Harness, era: Era) -> None:
    harness.world.organizations[NORTHWIND_ID].mcp_read_only = True
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("organization_list", {}))
    acme = {"id": ACME_ID, "name": "Acme Analytics", "slug": "acme-analytics", "your_role": "admin"}
    assert body["organizations"][0] == acme
    assert body["organizations"][1]["assistants"] == "read only"
    assert "organizations" in str(harness.sent)


async def test_a_slug_stands_for_its_organization_where_the_key_may_read_it(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_list", {"organization_id": "northwind"}))
        assert body["organization_id"] == NORTHWIND_ID
        text, detail = refusal_of(await client.call_tool("project_list", {"organization_id": "acme"}))
        assert (detail["kind"], "organization_list" in text) == ("invalid_argument", True)
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=MEMBER_KEY) as client:
        refusal_of(await client.call_tool("project_list", {"organization_id": "acme-analytics"}))


async def test_the_question_of_a_move_names_both_organizations(harness: Harness, era: Era) -> None:
    asked: list[str] = []

    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True})

    async with harness.client(era, ask) as client:
        moved = {**NAMED, "target_organization_id": "northwind"}
        assert body_of(await client.call_tool("project_change_organization", moved))["outcome"] == "applied"
    (question,) = asked
    assert f"“Acme Analytics” ({ACME_ID})" in question
    assert f"“Northwind” ({NORTHWIND_ID})" in question


async def test_a_deletion_that_is_scheduled_says_how_to_cancel_it(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        deleted = body_of(await client.call_tool("project_delete", NAMED))
        assert deleted["project"]["is_pending_deletion"] is True
        (cancel,) = deleted["next"]
        assert cancel["why"] == f"Cancel the deletion, until {deleted['project']['deletion_scheduled_at']}."
        update = {**WEB, "settings": {"timezone": "UTC"}}
        assert body_of(await client.call_tool("project_update", update))["project"]["is_pending_deletion"] is True
        kept = body_of(await client.call_tool(cancel["tool"], cancel["arguments"]))
        assert (kept["outcome"], kept["changed"]["is_pending_deletion"]) == (
            "applied",
            {"before": True, "after": False},
        )
        assert "is_pending_deletion" not in kept["project"]
        text, detail = refusal_of(await client.call_tool("project_cancel_deletion", cancel["arguments"]))
        assert (detail["kind"], "Nothing was changed." in text) == ("not_being_deleted", True)
    assert harness.fields()["is_pending_deletion"] is False
    assert [line for line in harness.sent if "cancel" in line] == [f"POST {ACME}{PRODUCTION_ID}/cancel-deletion/"]


@pytest.mark.parametrize("tool", [row.tool for row in OPERATIONS if row.effect != "read" and row.on_project])
async def test_each_receipt_names_a_project_that_is_pending_deletion(harness: Harness, era: Era, tool: str) -> None:
    prepare(harness.world, "project_cancel_deletion")
    async with harness.client(era) as client:
        result = await client.call_tool(tool, ARGUMENTS[tool])
    if tool == "project_delete":
        assert refusal_of(result)[1]["kind"] == "already_being_deleted"
    elif tool == "project_cancel_deletion":
        assert "is_pending_deletion" not in body_of(result)["project"]
    else:
        project = body_of(result)["project"]
        assert project["is_pending_deletion"] is True
        assert project["deletion_scheduled_at"].startswith("2126-10-07")


async def test_without_a_session_a_person_cancels_it(harness: Harness, era: Era) -> None:
    async with harness.client(era, None, **NO_SESSION) as client:
        assert "project_cancel_deletion" not in {tool.name for tool in (await client.list_tools()).tools}
        deleted = body_of(await client.call_tool("project_delete", NAMED))
        assert "next" not in deleted
        assert "a person can cancel it at https://posthog.test/project" in deleted["note"]
        before = len(harness.sent)
        text, detail = refusal_of(await client.call_tool("project_cancel_deletion", WEB))
        assert (detail["kind"], "POSTHOG_SESSION_ID" in text) == ("session_only", True)
    assert len(harness.sent) == before


@pytest.mark.parametrize(
    ("version", "project", "says"),
    [
        ("current", PRODUCTION_ID, "waits for 48 hours"),
        ("current", STAGING_ID, "within an hour or at once"),
        ("2025-08", PRODUCTION_ID, "deletes at once, and nothing can cancel that"),
    ],
)
async def test_the_question_says_when_it_is_deleted(
    harness: Harness, era: Era, version: str, project: int, says: str
) -> None:
    asked: list[str] = []

    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="decline")

    harness.world.behaviour = VERSIONS[version]
    name = harness.fields(project)["name"]
    async with harness.client(era, ask) as client:
        refusal_of(await client.call_tool("project_delete", {"project_id": project, "confirm_project_name": name}))
    assert says in asked[0]


async def test_an_organization_that_lets_assistants_only_read_is_obeyed(harness: Harness, era: Era) -> None:
    harness.world.organizations[NORTHWIND_ID].mcp_read_only = True
    there = {"project_id": NORTHWIND_PROJECT_ID, "organization_id": NORTHWIND_ID, "settings": {"timezone": "UTC"}}
    async with harness.client(era) as client:
        text, detail = refusal_of(await client.call_tool("project_update", there))
        assert (detail["kind"], detail["request_sent"]) == ("read_only_organization", False)
        assert "https://posthog.test/settings/organization" in text
        harness.world.users[1].current_organization_id = NORTHWIND_ID
        named = {"project_id": NORTHWIND_PROJECT_ID, "confirm_project_name": "Northwind shop"}
        calls: dict[str, dict[str, Any]] = {"project_delete": named, "project_create": {"name": "X"}}
        for tool, arguments in calls.items():
            _, detail = refusal_of(await client.call_tool(tool, arguments))
            assert detail["kind"] == "read_only_organization"
        body_of(await client.call_tool("project_get", {"project_id": NORTHWIND_PROJECT_ID}))
    assert harness.recorder.writes == []


async def test_where_all_of_them_do_nothing_else_is_offered(harness: Harness, era: Era) -> None:
    key = harness.world.api_keys[ONE_ORGANIZATION_KEY]
    key.scopes = ("*",)
    harness.world.organizations[ACME_ID].mcp_read_only = True
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=key.value) as client:
        tools = (await client.list_tools()).tools
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        _, detail = refusal_of(await client.call_tool("project_update", {**WEB, "settings": {"timezone": "UTC"}}))
    assert (detail["kind"], harness.sent) == ("read_only_organization", [])


async def test_a_posthog_without_organizations_for_keys_leaves_them_unknown(harness: Harness, era: Era) -> None:
    harness.world.behaviour = replace(harness.world.behaviour, key_introspection=False)
    async with harness.client(era) as client:
        assert "organization_list" in {tool.name for tool in (await client.list_tools()).tools}
        refusal_of(await client.call_tool("project_list", {"organization_id": "northwind"}))
    assert harness.recorder.about_organizations == []


@pytest.mark.parametrize(
    ("host", "ingestion"),
    [
        ("us", "https://us.i.posthog.com"),
        ("eu", "https://eu.i.posthog.com"),
        ("https://posthog.test", "https://posthog.test"),
    ],
)
async def test_the_host_of_an_sdk_is_beside_its_token(harness: Harness, era: Era, host: str, ingestion: str) -> None:
    async with harness.client(era, POSTHOG_HOST=host) as client:
        for detail in ("compact", "full"):
            shown = body_of(await client.call_tool("project_get", {**WEB, "detail": detail}))
            assert (shown["ingestion_host"], shown["api_token"]) == (ingestion, harness.fields()["api_token"])
        created = body_of(await client.call_tool("project_create", {"name": "New"}))
    assert created["ingestion_host"] == ingestion
