"""What needs the SDK, and what happens while it is being imported."""

from functools import partial
from typing import Any

import anyio
import pytest

from projects_mcp.sandbox import PRODUCTION_ID, READ_ONLY_KEY
from tests.support.lanes import (
    BOTH,
    CAPABILITIES,
    DELETE,
    GET,
    INITIALIZED,
    LEGACY,
    MODERN,
    Make,
    Step,
    cancelled,
    enveloped,
    initialize,
    request,
    same,
    through_both_lanes,
    through_the_sdk,
    written,
)


@BOTH
@pytest.mark.anyio
async def test_a_usual_session_needs_no_sdk(opening: list[dict[str, Any]], make: Make) -> None:
    methods = ["tools/list", "resources/list", "resources/templates/list", "prompts/list"]
    create = {"name": "project_create", "arguments": {"name": "Another"}}
    update = {"name": "project_update", "arguments": {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}}}
    calls = [make(10 + at, "tools/call", params) for at, params in enumerate((GET, create, update))]
    session = await same(written(*opening, *(make(at, name) for at, name in enumerate(methods, 1)), *calls))
    assert session.imported == 0
    assert len(session.lines) == len(methods) + len(calls) + sum("id" in message for message in opening)
    assert [answer["result"]["isError"] for answer in session.answers().values() if "content" in answer["result"]] == [
        False
    ] * 3


@BOTH
@pytest.mark.parametrize(
    "environment",
    [{"PROJECTS_MCP_ACCESS": "read"}, {"POSTHOG_PERSONAL_API_KEY": READ_ONLY_KEY}, {"POSTHOG_PERSONAL_API_KEY": ""}],
)
@pytest.mark.anyio
async def test_a_list_has_the_tools_that_may_be_used(
    environment: dict[str, Any], opening: list[dict[str, Any]], make: Make
) -> None:
    create = {"name": "project_create", "arguments": {"name": "Another"}}
    lines = written(*opening, make(1, "tools/list"), make(2, "tools/call", create), make(3, "tools/call", GET))
    both, alone = await through_both_lanes(lines, **environment), await through_the_sdk(lines, **environment)
    assert both.outcome == alone.outcome
    assert both.imported == 0


@pytest.mark.parametrize(
    "garbage",
    [
        *("no json", "[]", "", '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","id":5,"method":'),
        '{"jsonrpc":"2.0","id":5,"method":"tools/list","method":"ping"}',
        '{"jsonrpc":"2.0","id":5,"method":"x/y","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":1}}}',
    ],
)
@pytest.mark.parametrize("opening", [MODERN[0], LEGACY[0]], ids=["modern", "legacy"])
@pytest.mark.anyio
async def test_garbage_before_the_opening_leaves_everything_to_the_sdk(
    garbage: str, opening: list[dict[str, Any]]
) -> None:
    rest = written(enveloped(2, "tools/call", GET), request(3, "tools/call", GET), initialize(4), request(5, "ping"))
    session = await same([garbage, *written(*opening), *rest])
    assert session.imported == 1


@pytest.mark.anyio
async def test_a_request_before_the_opening_decides_the_era_for_both_lanes() -> None:
    for first in (request(7, "tools/list"), request(7, "x/y"), request(7, "ping")):
        await same(written(first, enveloped(1, "tools/list"), initialize(2), request(3, "tools/list")))


@pytest.mark.anyio
async def test_the_handshake_may_follow_the_question_for_the_revisions() -> None:
    discover = enveloped(0, "server/discover")
    session = await same(written(discover, discover, initialize(1), INITIALIZED, request(2, "tools/call", GET)))
    assert session.imported == 0
    for between in (enveloped(5, "tools/list"), enveloped(5, "tools/call", GET), enveloped(5, "x/y"), cancelled(0)):
        tail = [initialize(6), request(7, "prompts/get", {"name": "nope"}), enveloped(8, "tools/list")]
        await same(written(discover, between, *tail))


@pytest.mark.anyio
async def test_batches_know_the_revision_of_a_handshake_that_the_sdk_has_not_seen() -> None:
    for revision in ("2025-03-26", "2025-06-18"):
        batch = "[" + ",".join(written(request(2, "ping"), request(3, "tools/list"))) + "]"
        session = await same([*written(initialize(0, revision), INITIALIZED), batch])
        assert session.imported == 1


@BOTH
@pytest.mark.anyio
async def test_a_client_is_told_how_far_a_call_is_as_the_sdk_tells_it(
    opening: list[dict[str, Any]], make: Make
) -> None:
    params = {"name": "project_list", "arguments": {"where": {"timezone": "UTC"}}}
    wanting = make(1, "tools/call", params)
    wanting["params"] = {**wanting["params"], "_meta": {**wanting["params"].get("_meta", {}), "progressToken": 7}}
    assert (await same(written(*opening, wanting))).imported == 1
    assert (await same(written(*opening, make(1, "tools/call", params)))).imported == 0


@pytest.mark.anyio
async def test_a_person_is_asked_as_the_handshake_allows() -> None:
    yes = {"jsonrpc": "2.0", "id": 1, "result": {"action": "accept", "content": {"confirm": True}}}
    opening = [initialize(0, elicitation={}), INITIALIZED, request(1, "tools/call", GET)]
    session = await same(written(*opening, request(2, "tools/call", DELETE), yes, request(3, "ping")))
    assert session.answers()[2]["result"]["structuredContent"]["outcome"] == "applied"
    assert sum('"method":"elicitation/create"' in line for line in session.lines) == 1
    asked = await same(written(enveloped(2, "tools/call", DELETE, **{CAPABILITIES: {"elicitation": {}}})))
    assert asked.answers()[2]["result"]["resultType"] == "input_required"


# While the SDK is being imported --------------------------------------------------------------------------------------


@BOTH
@pytest.mark.anyio
async def test_plain_messages_are_answered_meanwhile(opening: list[dict[str, Any]], make: Make) -> None:
    release = anyio.Event()
    seen: list[int] = []

    async def imports() -> None:
        await release.wait()
        seen.append(1)

    async def released() -> None:
        seen.append(0)
        release.set()

    odd = make(1, "prompts/get", {"name": "review_project_settings", "arguments": {"project_id": "3"}})
    script: list[Step] = [*written(*opening, odd, make(2, "tools/call", GET), make(3, "tools/list")), released]
    session = await through_both_lanes(script, imports=imports)
    assert [number for number in session.answers() if number in {1, 2, 3}] == [2, 3, 1]
    assert session.imported == 1
    assert seen == [0, 1]
    alone = await through_the_sdk(written(*opening, odd, make(2, "tools/call", GET), make(3, "tools/list")))
    assert session.outcome == alone.outcome


@BOTH
@pytest.mark.anyio
async def test_what_is_called_off_meanwhile_is_not_done(opening: list[dict[str, Any]], make: Make) -> None:
    release = anyio.Event()

    async def released() -> None:
        release.set()

    lines = written(*opening, make(1, "tools/call", DELETE), cancelled(1), make(2, "tools/call", GET))
    session = await through_both_lanes([*lines, released], imports=release.wait)
    assert 1 not in session.answers()
    assert 2 in session.answers()
    assert not any(line.startswith("DELETE") for line in session.sent)


@BOTH
@pytest.mark.anyio
async def test_input_that_ends_meanwhile_loses_no_answer(opening: list[dict[str, Any]], make: Make) -> None:
    lines = written(*opening, make(1, "tools/call", DELETE), make(2, "tools/call", GET))
    session = await through_both_lanes(lines, waits=False, imports=partial(anyio.sleep, 0.2))
    assert session.answers()[1]["result"]["structuredContent"]["outcome"] == "applied"
    assert 2 in session.answers()
    assert sum(line.startswith("DELETE") for line in session.sent) == 1


@BOTH
@pytest.mark.anyio
async def test_what_was_done_before_is_not_done_again(opening: list[dict[str, Any]], make: Make) -> None:
    create = {"name": "project_create", "arguments": {"name": "Another"}}
    session = await same(
        written(*opening, make(1, "tools/call", create), make(2, "tools/call", DELETE), make(3, "tools/call", GET))
    )
    assert session.imported == 1
    assert [line.partition(" ")[0] for line in session.sent if not line.startswith("GET")] == ["POST", "DELETE"]
