"""Whoever decides about a project hears if it is the last one, and if another one has the name that it gets."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult
from starlette.responses import JSONResponse

from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.sandbox import (
    MOBILE_ID,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    STAGING_ID,
    Behaviour,
    seed,
)
from projects_mcp.sandbox.app import create_app
from projects_mcp.state.approvals import Approvals
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.tools import neighbours
from tests.contract.operations import NAMED, WEB
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

ONLY = f"It is the only project that this key can see in “Northwind” ({NORTHWIND_ID})."
SHOP = {"project_id": NORTHWIND_PROJECT_ID, "organization_id": NORTHWIND_ID, "confirm_project_name": "Northwind shop"}


class Agreeing:
    """Agrees to everything, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.asked.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True})


@pytest.fixture
def agreeing() -> Agreeing:
    return Agreeing()


@pytest.fixture
def of_twins() -> Harness:
    """PostHog as it was when names were not unique."""
    return Harness(seed(behaviour=Behaviour(unique_names=False)))


def lists_of(harness: Harness) -> list[str]:
    return [line for line in harness.sent if line.endswith("/projects/")]


@pytest.mark.parametrize("era", ERAS)
async def test_the_last_project_is_said_in_the_question_and_the_receipt(
    harness: Harness, agreeing: Agreeing, era: Era
) -> None:
    async with harness.client(era, agreeing) as client:
        receipt = body_of(await client.call_tool("project_delete", SHOP))
        other = body_of(await client.call_tool("project_delete", NAMED))
    last, one_of_many = agreeing.asked
    assert ONLY in last
    assert receipt["warnings"] == [ONLY]
    assert "only project" not in one_of_many
    assert "warnings" not in other
    rounds = 2 if era == "auto" else 1
    assert len(lists_of(harness)) == 2 * rounds, "one page for each time that the question is made"
    assert {request.query["limit"] for request in harness.recorder.requests if request.query} == {"2"}


async def test_the_last_project_is_said_to_whoever_approves(harness: Harness, tmp_path: Path) -> None:
    harness.store = SqliteStore(tmp_path / "state" / "state.sqlite")
    async with harness.client(PROJECTS_MCP_CONFIRMATION="human") as client:
        _, detail = refusal_of(await client.call_tool("project_delete", SHOP))
        approval = await Approvals(harness.store).find(detail["approval"]["code"])
        assert approval is not None
        assert dict(approval.lines)["What is lost"].endswith(ONLY)
    assert harness.recorder.writes == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_project_that_is_the_last_one_meanwhile_is_asked_about_again(harness: Harness, era: Era) -> None:
    asked: list[str] = []

    async def delete_the_others(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        for number in set(harness.world.projects) - {PRODUCTION_ID, NORTHWIND_PROJECT_ID}:
            del harness.world.projects[number]
        return ElicitResult(action="accept", content={"confirm": True})

    async with harness.client(era, delete_the_others) as client:
        await client.call_tool("project_delete", NAMED)
    if era == "auto":
        assert ["only project" in question for question in asked] == [False, True]


@pytest.mark.parametrize(
    "environment", [{"PROJECTS_MCP_ONLY_PROJECTS": str(PRODUCTION_ID)}, {"POSTHOG_PERSONAL_API_KEY": ONE_PROJECT_KEY}]
)
async def test_who_may_not_know_of_other_projects_asks_for_none(
    of_twins: Harness, agreeing: Agreeing, environment: dict[str, str]
) -> None:
    harness = of_twins
    for number in set(harness.world.projects) - {PRODUCTION_ID, STAGING_ID}:
        del harness.world.projects[number]
    async with harness.client("auto", agreeing, **environment) as client:
        taken = {**WEB, "settings": {"name": "Acme web staging"}}
        renamed = body_of(await client.call_tool("project_update", taken))
        body_of(await client.call_tool("project_delete", {**WEB, "confirm_project_name": "Acme web staging"}))
    assert "warnings" not in renamed
    assert lists_of(harness) == []


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    detail = {"type": "authentication_error", "code": "permission_denied", "detail": "Not for you.", "attr": None}
    await JSONResponse(detail, 403)(scope, receive, send)


async def fail(scope: Any, receive: Any, send: Any) -> None:
    await JSONResponse({}, 500)(scope, receive, send)


async def talk_nonsense(scope: Any, receive: Any, send: Any) -> None:
    rows = ["x", None, {"id": True}, {"id": PRODUCTION_ID, "organization": "elsewhere", "name": "Acme web"}]
    await JSONResponse({"count": "1", "results": rows})(scope, receive, send)


async def hang(scope: Any, receive: Any, send: Any) -> None:
    await anyio.sleep_forever()


@pytest.mark.parametrize("respond", [refuse, fail, talk_nonsense, hang])
async def test_a_list_that_fails_stops_no_question(
    monkeypatch: pytest.MonkeyPatch, agreeing: Agreeing, respond: Callable[[Any, Any, Any], Awaitable[None]]
) -> None:
    if respond is hang:
        monkeypatch.setattr(neighbours, "_WITHIN_S", 0.01)
    world = seed()
    application: ASGIApplication = create_app(world)

    async def without_lists(scope: Any, receive: Any, send: Any) -> None:
        listing = scope["method"] == "GET" and scope["path"].endswith("/projects/")
        await (respond if listing else application)(scope, receive, send)

    harness = Harness(world, without_lists)
    async with harness.client("legacy", agreeing) as client:
        renamed = body_of(await client.call_tool("project_update", {**WEB, "settings": {"name": "Acme shop"}}))
        deleted = body_of(await client.call_tool("project_delete", SHOP))
        move = {**WEB, "confirm_project_name": "Acme shop", "target_organization_id": NORTHWIND_ID}
        moved = body_of(await client.call_tool("project_change_organization", move))
    assert {body["outcome"] for body in (renamed, deleted, moved)} == {"applied"}
    assert [("only project" in text, "already" in text) for text in agreeing.asked] == [(False, False)] * 2


async def test_a_name_that_exists_already_is_said_of_a_creation_without_a_further_request(of_twins: Harness) -> None:
    async with of_twins.client() as client:
        new = body_of(await client.call_tool("project_create", {"name": "Acme Web"}))
        (sentence,) = new["warnings"]
        assert sentence.endswith(f"a project has that name already: {PRODUCTION_ID}.")
        third = body_of(await client.call_tool("project_create", {"name": "Acme web"}))
        assert third["warnings"][0].endswith(
            f"2 projects have that name already: {PRODUCTION_ID}, {new['project']['id']}."
        )
        other = body_of(await client.call_tool("project_create", {"name": "Acme desktop"}))
    assert "warnings" not in other
    assert len(lists_of(of_twins)) == 6, "a list and a creation each"


async def test_a_name_that_exists_already_is_said_of_a_rename(of_twins: Harness) -> None:
    of_twins.fields(MOBILE_ID)["name"] = " ACME WEB"
    taken = {"project_id": STAGING_ID, "settings": {"name": "Acme web"}}
    async with of_twins.client() as client:
        preview = body_of(await client.call_tool("project_update", {**taken, "dry_run": True}))
        done = body_of(await client.call_tool("project_update", taken))
        assert preview["warnings"] == done["warnings"]
        assert done["warnings"][0].endswith(f"2 projects have that name already: {PRODUCTION_ID}, {MOBILE_ID}.")
        assert len(lists_of(of_twins)) == 2
        del of_twins.recorder.requests[:]
        again = body_of(await client.call_tool("project_update", taken))
        other = {"project_id": STAGING_ID, "settings": {"timezone": "UTC"}}
        body_of(await client.call_tool("project_update", {**other, "dry_run": True}))
        body_of(await client.call_tool("project_update", other))
    assert (again["outcome"], "warnings" in again) == ("unchanged", False)
    assert [request.method for request in of_twins.recorder.requests] == ["GET", "PATCH", "GET", "GET", "PATCH"]


async def test_a_name_that_exists_already_is_said_in_the_question_of_what_cannot_be_undone(
    of_twins: Harness, agreeing: Agreeing
) -> None:
    of_twins.fields()["conversations_enabled"] = True
    change = {**NAMED, "settings": {"conversations_enabled": False, "name": "Acme mobile"}}
    async with of_twins.client(ask=agreeing) as client:
        body_of(await client.call_tool("project_update", change))
    (question,) = agreeing.asked
    assert f"a project has that name already: {MOBILE_ID}." in question


@pytest.mark.parametrize("era", ERAS)
async def test_a_name_that_the_other_organization_has_already_is_said_of_a_move(
    of_twins: Harness, agreeing: Agreeing, era: Era
) -> None:
    of_twins.fields(NORTHWIND_PROJECT_ID)["name"] = "ACME WEB"
    sentence = f"In “Northwind” ({NORTHWIND_ID}) a project has that name already: {NORTHWIND_PROJECT_ID}."
    async with of_twins.client(era, agreeing) as client:
        moved = body_of(
            await client.call_tool("project_change_organization", {**NAMED, "target_organization_id": NORTHWIND_ID})
        )
    (question,) = agreeing.asked
    assert sentence in question
    assert moved["warnings"] == [sentence]
