"""Asking a person, over every transport that the SDK serves, in both eras: yes, no, and a yes that is sent twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from mcp import Client, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, InputRequiredResult

from projects_mcp.sandbox import MOBILE_ID
from tests.support.harness import ENVIRONMENT, ERAS, Era, Harness, body_of, refusal_of
from tests.support.process import CLEAN, COMMAND
from tests.support.upstream import serving

pytestmark = pytest.mark.anyio

ARGUMENTS = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
YES = ElicitResult(action="accept", content={"confirm": True})
TRANSPORTS = ("memory", "stdio", "http")


@asynccontextmanager
async def client_over(transport: str, era: Era, harness: Harness, answer: ElicitResult) -> AsyncIterator[Client]:
    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert "Acme mobile" in params.message
        return answer

    if transport == "memory":
        async with harness.client(era, ask) as client:
            yield client
    elif transport == "http":
        with serving(harness.server().streamable_http_app(), lifespan="on") as served:
            async with Client(f"{served.origin}/mcp", mode=era, elicitation_callback=ask, cache=None) as client:
                yield client
    else:
        with serving(harness.recorder) as upstream:
            environment = {**CLEAN, **ENVIRONMENT, "POSTHOG_HOST": upstream.origin}
            server = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:], env=environment)
            async with Client(server, mode=era, elicitation_callback=ask, cache=None) as client:
                yield client


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_person_says_yes_or_no(harness: Harness, era: Era, transport: str) -> None:
    async with client_over(transport, era, harness, ElicitResult(action="decline")) as client:
        _, detail = refusal_of(await client.call_tool("project_reset_token", ARGUMENTS))
        assert detail["kind"] == "client_refused"  # no person answers so fast
    assert harness.recorder.writes == []
    async with client_over(transport, era, harness, YES) as client:
        assert body_of(await client.call_tool("project_reset_token", ARGUMENTS))["outcome"] == "applied"
    assert len(harness.recorder.writes) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("tool", ["project_reset_token", "project_rotate_secret_token", "project_delete"])
async def test_a_yes_that_is_sent_twice_asks_again(harness: Harness, transport: str, tool: str) -> None:
    async with client_over(transport, "auto", harness, YES) as client:
        question = await client.session.call_tool(tool, ARGUMENTS, allow_input_required=True)
        assert isinstance(question, InputRequiredResult)
        answers = [
            await client.session.call_tool(
                tool,
                ARGUMENTS,
                input_responses={"confirm": YES},
                request_state=question.request_state,
                allow_input_required=True,
            )
            for _ in range(3)
        ]
    assert isinstance(answers[0], CallToolResult)
    assert body_of(answers[0])["outcome"] == "applied"
    for again in answers[1:]:
        if tool == "project_delete":
            assert isinstance(again, CallToolResult)
            assert refusal_of(again)[1]["kind"] == "already_being_deleted"
        else:
            assert isinstance(again, InputRequiredResult)
    assert len(harness.recorder.writes) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_several_clients_share_one_server(harness: Harness, era: Era) -> None:
    server = harness.server()
    async with Client(server, mode=era, cache=None) as first:
        async with Client(server, mode=era, cache=None) as second:
            body_of(await second.call_tool("project_list", {}))
        body_of(await first.call_tool("project_list", {}))
    async with Client(server, mode=era, cache=None) as third:
        body_of(await third.call_tool("project_list", {}))
