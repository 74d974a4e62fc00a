"""A project is the one of the call, beyond doubt, or nothing is claimed of it and nothing is written to it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from projects_mcp.sandbox import ACME_ID, NORTHWIND_ID, PRODUCTION_ID, seed
from projects_mcp.sandbox.app import create_app
from tests.contract.operations import OPERATIONS
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of
from tests.support.lost_writes import found_of, unknown_of

pytestmark = pytest.mark.anyio

Bend = Callable[[str, str, dict[str, Any]], dict[str, Any]]
"""Takes the method, the path and the answer, and returns another answer."""


def bent(bend: Bend) -> Harness:
    """The sandbox, with another answer in place of each one that holds an object."""
    world = seed()
    application = create_app(world)

    async def bending(scope: Any, receive: Any, send: Any) -> None:
        async def changed(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [pair for pair in message["headers"] if pair[0] != b"content-length"]
            elif message.get("body", b"").startswith(b"{") and "/projects/" in scope["path"]:
                value = bend(scope["method"], scope["path"], json.loads(message["body"]))
                message["body"] = json.dumps(value).encode()
            await send(message)

        await application(scope, receive, changed)

    return Harness(world, bending)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("place", [NORTHWIND_ID, "Acme", "", 7, [], {}])
async def test_nothing_is_written_to_another_organization_than_the_call_names(era: Era, place: object) -> None:
    def bend(method: str, path: str, answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "organization": place} if method == "GET" else answer

    for row in OPERATIONS:
        if row.on_project and row.effect != "read":
            harness = bent(bend)
            async with harness.client(era) as client:
                result = await client.call_tool(row.tool, {**row.arguments, "organization_id": ACME_ID})
            text, detail = refusal_of(result)
            assert detail["kind"] in {"other_organization", "not_identified"}, row.tool
            assert "Nothing was changed." in text
            assert harness.recorder.writes == []


@pytest.mark.parametrize("place", ["Acme", "", 7, None, []])
async def test_what_is_in_no_organization_was_not_created(place: object) -> None:
    harness = bent(lambda method, _path, answer: {**answer, "organization": place} if method == "POST" else answer)
    async with harness.client() as client:
        text = unknown_of(await client.call_tool("project_create", {"name": "New"}))
    assert found_of(text) == [max(harness.world.projects)], "it was read back"


@pytest.mark.parametrize("number", [0, -1])
async def test_what_has_no_id_of_a_project_was_not_created(number: int) -> None:
    harness = bent(lambda method, _path, answer: {**answer, "id": number} if method == "POST" else answer)
    async with harness.client() as client:
        text = unknown_of(await client.call_tool("project_create", {"name": "New"}))
    assert found_of(text) == [max(harness.world.projects)], "it was read back"


@pytest.mark.parametrize("number", [0, -1, PRODUCTION_ID, "777", None, True])
async def test_a_creation_is_not_read_back_from_another_project(number: object) -> None:
    def bend(method: str, path: str, answer: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("/projects/"):
            return {**answer, "id": None} if method == "POST" else answer
        return {**answer, "id": number}

    harness = bent(bend)
    async with harness.client() as client:
        text, detail = refusal_of(await client.call_tool("project_create", {"name": "New"}))
    assert detail["outcome"] == "unknown"
    assert "It is not known whether the change was made." in text
    assert len(harness.recorder.writes) == 1


async def test_nothing_is_created_if_the_list_holds_what_is_no_project() -> None:
    def bend(method: str, path: str, answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "results": [{"id": 0, "name": "New"}]} if "results" in answer else {**answer, "id": None}

    harness = bent(bend)
    async with harness.client() as client:
        _, detail = refusal_of(await client.call_tool("project_create", {"name": "New"}))
    assert (detail["kind"], detail["outcome"]) == ("bad_answer", "not_applied")
    assert harness.recorder.writes == []


@pytest.mark.parametrize("tool", ["project_add_product_intent", "project_complete_product_onboarding"])
@pytest.mark.parametrize("intents", [[], None, "string", [{"product_type": "web_analytics"}]])
async def test_an_interest_that_no_answer_shows_is_not_called_recorded(tool: str, intents: object) -> None:
    harness = bent(lambda _method, _path, answer: {**answer, "product_intents": intents})
    async with harness.client() as client:
        body = body_of(await client.call_tool(tool, {"project_id": PRODUCTION_ID, "product_type": "surveys"}))
    assert (body["outcome"], body["changed"]) == ("unknown", {})
    assert "project_get" in body["note"]


@pytest.mark.parametrize(
    ("tool", "answered", "outcome"),
    [
        ("project_reset_token", {"api_token": None}, "unknown"),
        ("project_reset_token", {"api_token": ""}, "unknown"),
        ("project_reset_token", {"api_token": 7}, "unknown"),
        ("project_rotate_secret_token", {"secret_api_token": None}, "unknown"),
        ("project_delete_secret_token_backup", {"secret_api_token_backup": "phs_AnotherBackupOfSomebody01"}, "unknown"),
        ("project_delete_secret_token_backup", {"secret_api_token_backup": None}, "applied"),
    ],
)
async def test_a_token_that_no_answer_shows_is_not_called_replaced(
    tool: str, answered: dict[str, Any], outcome: str
) -> None:
    harness = bent(lambda method, _path, answer: {**answer, **answered} if method == "PATCH" else answer)
    async with harness.client() as client:
        body = body_of(await client.call_tool(tool, {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}))
    assert body["outcome"] == outcome
    assert ("does not show the result" in body["note"]) is (outcome == "unknown")
    assert len(harness.recorder.writes) == 1


@pytest.mark.parametrize("place", [[], {}, 7, True, "Acme"])
async def test_a_place_that_is_no_organization_is_another_one(place: object) -> None:
    harness = bent(lambda _method, _path, answer: {**answer, "organization": place})
    async with harness.client() as client:
        arguments = {"project_id": PRODUCTION_ID, "organization_id": ACME_ID}
        _, detail = refusal_of(await client.call_tool("project_get", arguments))
    assert detail["kind"] == "other_organization"
