"""Each operation is what its row says, through a real client and in both eras of the protocol."""

import pytest

from projects_mcp import __version__
from projects_mcp.api import operations
from projects_mcp.sandbox import READ_ONLY_KEY
from projects_mcp.tools.catalog import CATALOG
from tests.contract.operations import OPERATIONS, TOOLS, Operation, prepare
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

each_operation = pytest.mark.parametrize("row", OPERATIONS, ids=TOOLS)
each_era = pytest.mark.parametrize("era", ERAS)


def test_there_are_so_many_and_no_other() -> None:
    assert len(OPERATIONS) == 15
    assert [tool.name for tool in CATALOG] == TOOLS
    assert len(operations.OPERATIONS) == len({row.line for row in OPERATIONS}) == len(OPERATIONS)


@each_era
async def test_all_are_on_one_page_with_the_hints_of_their_effect(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        page = await client.list_tools()
        assert client.server_info is not None
        assert (client.server_info.name, client.server_info.version) == ("projects-mcp", __version__)
        assert client.instructions
        assert len(client.instructions) < 600
    assert page.next_cursor is None
    hints = []
    for tool in page.tools:
        assert tool.annotations is not None
        assert tool.annotations.open_world_hint is True
        given = tool.annotations
        hints.append((tool.name, (given.read_only_hint, given.destructive_hint, given.idempotent_hint)))
    assert hints == [(row.tool, row.hints) for row in OPERATIONS]
    assert harness.sent == [], "listing the tools needs nothing of PostHog"


@each_operation
@each_era
async def test_it_succeeds_and_sends_its_request_with_its_credential(
    harness: Harness, era: Era, row: Operation
) -> None:
    prepare(harness.world, row.tool)
    async with harness.client(era) as client:
        body_of(await client.call_tool(row.tool, row.arguments))
    if row.effect == "read":
        assert harness.sent == [row.line]
    else:
        assert [sent.line for sent in harness.recorder.writes] == [row.line]
    for sent in harness.recorder.requests:
        by_session = row.session_only and sent.line == row.line
        assert ("cookie" in sent.headers) is by_session, sent.line
        assert ("authorization" in sent.headers) is not by_session, sent.line
        assert ("x-csrftoken" in sent.headers) is (by_session and sent.method != "GET"), sent.line


@each_operation
@each_era
async def test_a_key_without_its_scope_is_refused_before_anything_leaves(
    harness: Harness, era: Era, row: Operation
) -> None:
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=READ_ONLY_KEY) as client:
        result = await client.call_tool(row.tool, row.arguments)
        if row.scope == "project:read":
            body_of(result)
        else:
            text, detail = refusal_of(result)
            assert detail["kind"] == "missing_scope"
            assert row.scope in text
            assert harness.sent == []
