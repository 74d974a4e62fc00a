"""Settings whose change cannot be undone: they need what a destructive tool needs, and claim no way back."""

from typing import Any

import pytest
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

OFF = {"project_id": PRODUCTION_ID, "settings": {"conversations_enabled": False}}
SHORTER = {"project_id": PRODUCTION_ID, "settings": {"logs_settings": {"retention_days": 14}}}
NAME = "Acme web"


@pytest.fixture
def on(harness: Harness) -> Harness:
    harness.fields()["conversations_enabled"] = True
    harness.fields()["logs_settings"] = {"retention_days": 30}
    return harness


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("arguments", [OFF, SHORTER, {"project_id": PRODUCTION_ID, "clear": ["conversations_enabled"]}])
async def test_without_the_name_nothing_is_sent_and_the_loss_is_told(
    on: Harness, era: Era, arguments: dict[str, Any]
) -> None:
    async with on.client(era) as client:
        text, detail = refusal_of(await client.call_tool("project_update", arguments))
        assert detail["kind"] == "confirmation_needed"
        assert "cannot be undone" in text
        assert "invalidates" in text or "are deleted" in text
        wrong = {**arguments, "confirm_project_name": "acme web"}
        _, detail = refusal_of(await client.call_tool("project_update", wrong))
        assert detail["kind"] == "name_mismatch"
    assert on.recorder.writes == []


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("arguments", [OFF, SHORTER])
async def test_with_the_name_it_is_written_and_claims_no_way_back(
    on: Harness, era: Era, arguments: dict[str, Any]
) -> None:
    async with on.client(era) as client:
        preview = body_of(await client.call_tool("project_update", {**arguments, "dry_run": True}))
        assert set(preview["needs_confirmation"]) == set(arguments["settings"])
        assert "next" not in preview
        body = body_of(await client.call_tool("project_update", {**arguments, "confirm_project_name": NAME}))
    assert body["outcome"] == "applied"
    assert "revert" not in body
    assert set(body["not_revertible"]) >= set(arguments["settings"])
    assert len(on.recorder.writes) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(("action", "writes"), [("accept", 1), ("decline", 0), ("cancel", 0)])
async def test_a_person_is_asked_what_is_lost(on: Harness, era: Era, action: Any, writes: int) -> None:
    asked: list[str] = []

    async def answer(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action=action, content={"confirm": True} if action == "accept" else None)

    async with on.client(era, answer) as client:
        await client.call_tool("project_update", {**OFF, "confirm_project_name": NAME})
    assert len(asked) == 1
    assert "conversations_enabled" in asked[0]
    assert "invalidates the public token" in asked[0]
    assert len(on.recorder.writes) == writes


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"PROJECTS_MCP_PROTECTED_PROJECTS": str(PRODUCTION_ID)}, "protected_project"),
        ({"PROJECTS_MCP_ACCESS": "write"}, "access_level"),
        ({"PROJECTS_MCP_CONFIRMATION": "human"}, "cannot_ask"),
    ],
)
async def test_what_bounds_a_destructive_tool_bounds_it_too(
    on: Harness, era: Era, environment: dict[str, str], kind: str
) -> None:
    async with on.client(era, None, **environment) as client:
        _, detail = refusal_of(await client.call_tool("project_update", {**OFF, "confirm_project_name": NAME}))
        assert detail["kind"] == kind
        assert on.recorder.writes == []
        other = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Europe/Madrid"}}
        assert body_of(await client.call_tool("project_update", other))["outcome"] == "applied"


@pytest.mark.anyio
async def test_the_other_direction_needs_no_name_and_offers_no_way_back_that_would(on: Harness) -> None:
    on.fields()["conversations_enabled"] = False
    arguments = {"project_id": PRODUCTION_ID, "settings": {"conversations_enabled": True}}
    async with on.client() as client:
        body = body_of(await client.call_tool("project_update", arguments))
    assert body["outcome"] == "applied"
    assert "revert" not in body
    assert "conversations_enabled" in body["not_revertible"]
