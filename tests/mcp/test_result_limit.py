"""A result never has more bytes than the operator allows, whatever PostHog answers, and no way back is cut inside."""

import json
from typing import Any

import pytest

from projects_mcp.sandbox import ACME_ID, PRODUCTION_ID
from tests.support.harness import Harness, body_of, text_of

pytestmark = pytest.mark.anyio

LIMIT = 4_096
LONG = "\N{GRINNING FACE}" * 60
PROJECT: dict[str, Any] = {"id": PRODUCTION_ID, "name": "Acme web", "organization": ACME_ID}


class Answering:
    """Answers each project, list and activity with what it was given."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.before: Any = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = self.before if scope["method"] == "GET" else self.answer
        if scope["path"].startswith("/api/personal_api_keys/"):
            body = {"scopes": ["*"]}
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def size_of(answer: Any, tool: str, arguments: dict[str, Any], before: Any = None) -> dict[str, Any]:
    application = Answering(answer)
    application.before = answer if before is None else before
    async with Harness(application=application).client(PROJECTS_MCP_RESULT_LIMIT=str(LIMIT)) as client:
        result = await client.call_tool(tool, arguments)
    body = body_of(result)
    assert len(text_of(result).encode()) <= LIMIT
    return body


async def test_names_of_fields_that_are_not_in_the_list_count() -> None:
    rows = {"count": 1, "results": [{**PROJECT, "name": LONG}]}
    fields = [f"{'x' * 90}{number:02}" for number in range(100)]
    body = await size_of(rows, "project_list", {"fields": fields})
    assert len(body["projects"]) == 1
    assert 0 < len(body["not_in_list"]["fields"]) < 100


@pytest.mark.parametrize("name", ["x" * 100_000, LONG * 500, "\u200b" * 5_000])
async def test_a_name_as_long_as_a_book_counts(name: str) -> None:
    await size_of({"count": 1, "results": [{**PROJECT, "name": name}]}, "project_list", {})
    body = await size_of({**PROJECT, "name": name}, "project_get", {"project_id": PRODUCTION_ID})
    assert (body["id"], body["organization_id"]) == (PRODUCTION_ID, ACME_ID), "what it is stays"
    intent = {"project_id": PRODUCTION_ID, "product_type": "surveys"}
    body = await size_of({**PROJECT, "name": name}, "project_add_product_intent", intent)
    assert body["outcome"] == "unknown", "no answer shows it"


@pytest.mark.parametrize(
    "answer",
    [
        {**PROJECT, "organization": None, **{f"{LONG}{number}": "x" * 300 for number in range(90)}},
        {**PROJECT, "session_replay_config": {f"{LONG}{number}": {LONG: [LONG] * 40} for number in range(90)}},
        {**PROJECT, "app_urls": [[[[[LONG] * 50] * 20]]], "effective_membership_level": 10**90},
    ],
)
async def test_names_of_fields_count_too(answer: dict[str, Any]) -> None:
    for detail in ("full", "compact"):
        await size_of(answer, "project_get", {"project_id": PRODUCTION_ID, "detail": detail})


async def test_names_of_what_is_left_out_take_no_room_from_the_rest() -> None:
    many = {f"k{number}": "x" * 600 for number in range(40)}
    told = "d" * 300
    answer = {**PROJECT, "product_description": told, "session_replay_config": {"n" * 180: many, "other": 1}}
    body = await size_of(answer, "project_get", {"project_id": PRODUCTION_ID, "detail": "full"})
    assert 0 < len(body["truncated"]["fields"]) < 15
    assert body["product_description"] == told


async def test_a_way_back_is_whole_or_not_there() -> None:
    before = {**PROJECT, "extra_settings": {f"{LONG}{number}": number for number in range(6)}, "timezone": "UTC"}
    settings = {"extra_settings": {f"{LONG}x{number}": number for number in range(60)}, "timezone": "Asia/Tokyo"}
    arguments = {"project_id": PRODUCTION_ID, "settings": settings}
    body = await size_of({**before, **settings}, "project_update", arguments, before)
    assert body["outcome"] == "applied"
    reverted = body.get("revert", {}).get("settings", {})
    for name, value in reverted.items():
        assert value == before[name]
    assert "truncated" in body
