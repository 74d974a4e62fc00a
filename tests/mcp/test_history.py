"""What this server did: shown to whoever may see it, and undone as long as nothing came after."""

import json
from typing import Any

import pytest

from projects_mcp.gateway.history import Done, History
from projects_mcp.policy.authorization import CallerGrant, Policy
from projects_mcp.sandbox import ACME_ID, PRODUCTION_ID, STAGING_ID
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.memory import MemoryStore
from tests.contract.operations import NAMED, WEB
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of
from tests.support.plans import consent_to, differences, settings_of

pytestmark = pytest.mark.anyio

SECRET = "phs_SecretOfTestsWhichNobodySees01"


async def calls_of(client: Any) -> list[dict[str, Any]]:
    (content,) = (await client.read_resource("projects://history")).contents
    calls: list[dict[str, Any]] = json.loads(content.text)["calls"]
    return calls


@pytest.mark.parametrize("era", ERAS)
async def test_each_change_is_there_with_its_undo_newest_first(harness: Harness, era: Era) -> None:
    before = dict(harness.fields())
    async with harness.client(era) as client:
        update = {**WEB, "settings": {"timezone": "UTC", "surveys_opt_in": False}, "clear": ["week_start_day"]}
        body_of(await client.call_tool("project_update", {**update, "dry_run": True}))
        body_of(await client.call_tool("project_update", update))
        body_of(await client.call_tool("project_get", WEB))
        refusal_of(await client.call_tool("project_delete", {**NAMED, "confirm_project_name": "Another"}))
        body_of(await client.call_tool("project_delete", NAMED))
        deleted, refused, changed = await calls_of(client)
        assert [call["tool"] for call in (deleted, refused, changed)] == [*["project_delete"] * 2, "project_update"]
        assert (deleted["undo"]["tool"], refused["outcome"], "undo" in refused) == (
            "project_cancel_deletion",
            "refused",
            False,
        )
        for undone in (deleted, changed):
            body_of(await client.call_tool(undone["undo"]["tool"], undone["undo"]["arguments"]))
        after = harness.fields()
        assert {name for name in before if after[name] != before[name]} == {"updated_at"}
        _, detail = refusal_of(await client.call_tool(changed["undo"]["tool"], changed["undo"]["arguments"]))
        assert detail["kind"] == "expected_otherwise", "what came after is not overwritten"


async def test_a_plan_is_undone_by_the_plan_that_its_last_call_names(harness: Harness) -> None:
    before = settings_of(harness.world)
    async with harness.client(PROJECTS_MCP_CONFIRMATION="argument") as client:
        wanted = {"project_ids": [PRODUCTION_ID, STAGING_ID], "settings": {"surveys_opt_in": False}}
        preview = body_of(await client.call_tool("project_update", {**wanted, "dry_run": True}))
        body_of(await client.call_tool("project_update", consent_to(preview)))
        assert set(differences(before, settings_of(harness.world))) == {PRODUCTION_ID, STAGING_ID}
        (call,) = await calls_of(client)
        body_of(await client.call_tool(call["undo"]["tool"], call["undo"]["arguments"]))
    assert differences(before, settings_of(harness.world)) == {}


async def test_each_call_has_an_undo_or_says_why_there_is_none(harness: Harness) -> None:
    async with harness.client() as client:
        await client.call_tool("project_create", {"name": "New"})
        await client.call_tool("project_reset_token", NAMED)
        await client.call_tool("project_update", {**WEB, "settings": {"timezone": harness.fields()["timezone"]}})
        await client.call_tool("project_update", {"project_id": 99, "settings": {"timezone": "UTC"}})
        calls = (await calls_of(client))[::-1]
    reasons = ("is decided on by itself", "does not come back", "it changed nothing", "it changed nothing")
    for call, why in zip(calls, reasons, strict=True):
        assert ("undo" in call, why in call["no_undo"]) == (False, True), call


async def test_an_undo_keeps_no_secret(harness: Harness) -> None:
    harness.fields()["extra_settings"] = {"flag": 1, "api_key": SECRET}
    harness.store = MemoryStore()
    async with harness.client() as client:
        body_of(await client.call_tool("project_update", {**WEB, "settings": {"extra_settings": {"flag": 2}}}))
        (call,) = await calls_of(client)
        kept = str(await harness.store.find("", 100))
    assert "undo" not in call
    assert SECRET not in kept
    assert "history:" in kept


async def test_a_caller_sees_its_own_calls_in_projects_that_it_may_read() -> None:
    store, redactor = MemoryStore(), Redactor()
    scopes = frozenset({"project:write"})
    anna, ben = CallerGrant("anna", scopes), CallerGrant("ben", scopes)
    for number, (caller, project) in enumerate(
        ((anna, PRODUCTION_ID), (ben, STAGING_ID), (anna, STAGING_ID), (None, 7))
    ):
        history = History(store, "https://posthog.test", redactor, caller)
        body = {"project": {"id": project, "organization_id": ACME_ID}, "outcome": "applied"}
        history.pending.append(Done(1e9 + number, str(number), "project_update", project, "applied", body, {}))
        await history.flush()

    async def shown_to(caller: CallerGrant | None, policy: Policy = Policy()) -> list[int]:  # noqa: B008 - it is immutable
        rows = (await History(store, "https://posthog.test", redactor, caller, policy).entries()).calls
        return [row["project"]["id"] for row in rows]

    assert await shown_to(anna) == [STAGING_ID, PRODUCTION_ID]
    assert await shown_to(ben) == [STAGING_ID]
    assert await shown_to(None) == [7, STAGING_ID, STAGING_ID, PRODUCTION_ID]
    assert await shown_to(anna, Policy(only=frozenset({PRODUCTION_ID}))) == [PRODUCTION_ID]
    assert await shown_to(anna._replace(organizations=frozenset())) == []
    assert (await History(store, "https://other.test", redactor).entries()).calls == []


async def test_the_record_is_bounded() -> None:
    store = MemoryStore()
    history = History(store, "https://posthog.test", Redactor())
    for number in range(1_100):
        history.pending.append(Done(1e9 + number, str(number), "project_create", None, "applied", None, {}))
        await history.flush()
    assert len(await store.find("history:", 2_000)) <= 1_050
    assert len((await history.entries()).calls) == 1_000
    for number in range(200):
        history.pending.append(Done(2e9 + number, str(number), "project_create", None, "applied", None, {}))
    assert len(history.pending) == 100
