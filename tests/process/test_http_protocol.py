"""MCP over HTTP: both eras, questions in rounds, and rounds that end at another process."""

from typing import Any

import anyio
import pytest
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp.sandbox import PRODUCTION_ID, READ_WRITE_KEY
from tests.contract.operations import TOOLS
from tests.support.harness import ERAS, Era, body_of, refusal_of
from tests.support.messages import ACCEPT
from tests.support.open_server import NEW_KEY
from tests.support.posthog import Upstream
from tests.support.sandbox import RESET
from tests.support.served import HARMLESS, Served, served, start, stop
from tests.support.waiting import status_of

YES = ElicitResult(action="accept", content={"confirm": True})
NO = ElicitResult(action="decline")
OLD_KEY = "an-older-signing-key-of-more-than-32-bytes-000"
OTHER = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}


@pytest.fixture(scope="module")
def server(open_server: Served) -> Served:
    return open_server


def answering(answer: ElicitResult) -> Any:
    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert "Acme mobile" in params.message
        return answer

    return ask


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_the_sdks_own_client_lists_and_calls(server: Served, upstream: Upstream, era: Era) -> None:
    async with server.client(era=era) as client:
        assert len((await client.list_tools()).tools) == len(TOOLS)
        name = f"Ünïcødé 项目 {era}"
        created = body_of(await client.call_tool("project_create", {"name": name}))
        project = body_of(await client.call_tool("project_get", {"project_id": created["project"]["id"]}))
        assert project["name"] == name
        _, detail = refusal_of(await client.call_tool("project_get", {"project_id": 0}))
        assert detail["kind"] == "invalid_argument"
    assert upstream.keys == {READ_WRITE_KEY}


@pytest.mark.anyio
async def test_a_person_is_asked_in_rounds(server: Served, upstream: Upstream) -> None:
    async with server.client(ask=answering(NO)) as client:
        _, detail = refusal_of(await client.call_tool("project_reset_token", RESET))
        assert detail["kind"] == "client_refused"  # no person answers so fast
    assert upstream.recorder.writes == []
    async with server.client(ask=answering(YES)) as client:
        assert body_of(await client.call_tool("project_reset_token", RESET))["outcome"] == "applied"
    assert len(upstream.recorder.writes) == 1


@pytest.mark.anyio
async def test_without_a_line_back_nobody_is_asked(server: Served, upstream: Upstream) -> None:
    """A client of an older revision has no way to answer a stateless server: the exact name is what is left."""
    async with server.client(era="legacy", ask=answering(NO)) as client:
        _, detail = refusal_of(
            await client.call_tool("project_reset_token", {**RESET, "confirm_project_name": "acme mobile"})
        )
        assert detail["kind"] == "name_mismatch"
        assert upstream.recorder.writes == []
        assert body_of(await client.call_tool("project_reset_token", RESET))["outcome"] == "applied"


def test_where_a_person_must_be_asked_older_clients_are_refused(upstream: Upstream) -> None:
    async def attempts(server: Served) -> None:
        async with server.client(era="legacy", ask=answering(YES)) as client:
            _, detail = refusal_of(await client.call_tool("project_reset_token", RESET))
            assert detail["kind"] == "cannot_ask"
        assert upstream.recorder.writes == []
        async with server.client(ask=answering(YES)) as client:
            assert body_of(await client.call_tool("project_reset_token", RESET))["outcome"] == "applied"

    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_CONFIRMATION="human", **HARMLESS) as server:
        anyio.run(attempts, server)


def test_it_is_stateless(server: Served) -> None:
    answer = server.post(
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        },
        MCP_Protocol_Version="",
    )
    assert answer.status == 200
    assert "mcp-session-id" not in answer.headers
    assert b"2025-11-25" in answer.body


@pytest.mark.parametrize("accept", ["*/*", "text/event-stream", ACCEPT])
def test_there_is_no_stream_to_listen_to(server: Served, accept: str) -> None:
    with server.socket() as connection:
        connection.sendall(f"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\n\r\n".encode())
        assert status_of(connection.recv(65_536)) in {405, 406}, "a stateless server has nothing to say by itself"


def test_an_answer_counts_once(server: Served, upstream: Upstream) -> None:
    state = server.call("project_reset_token", RESET, asks=True).question
    assert server.call("project_reset_token", RESET, asks=True, state=state).result["outcome"] == "applied"
    assert server.call("project_reset_token", RESET, asks=True, state=state).question
    assert len(upstream.recorder.writes) == 1


def test_an_unknown_tool_is_an_error_of_the_protocol(server: Served) -> None:
    answer = server.call("project_explode")
    assert answer.json["error"]["code"] == -32602


@pytest.mark.anyio
async def test_the_sdks_client_cancels_a_call(server: Served, upstream: Upstream) -> None:
    upstream.delay = lambda _scope: 5.0
    heard = server.stderr.count('"outcome":"cancelled"')
    async with server.client() as client:
        with anyio.move_on_after(0.5) as cut:
            await client.call_tool("project_get", {"project_id": PRODUCTION_ID})
        assert cut.cancelled_caught
        await anyio.to_thread.run_sync(server.wait_for, '"outcome":"cancelled"', heard + 1)


# Several processes --------------------------------------------------------------------------------------------------


def test_processes_with_a_common_key_take_each_others_rounds(upstream: Upstream) -> None:
    rings = {"old": OLD_KEY, "both": f"{OLD_KEY},{NEW_KEY}", "turned": f"{NEW_KEY}, {OLD_KEY}", "new": NEW_KEY}
    every: dict[str, Served] = {
        name: start(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_SIGNING_KEY=ring, **HARMLESS)
        for name, ring in rings.items()
    }
    every["own"] = start(POSTHOG_HOST=upstream.origin, **HARMLESS)
    try:
        for server in every.values():
            server.ready()
        opens = {"old": "old both turned", "turned": "both turned new", "own": "own"}
        for asked, takers in opens.items():
            for answered, server in every.items():
                before = len(upstream.recorder.writes)
                state = every[asked].call("project_reset_token", RESET, asks=True).question
                answer = server.call("project_reset_token", RESET, asks=True, state=state)
                if answered in takers.split():
                    assert answer.result["outcome"] == "applied", (asked, answered)
                else:
                    assert answer.json["error"]["code"] == -32602, (asked, answered)
                    assert len(upstream.recorder.writes) == before
        for server in every.values():
            assert OLD_KEY not in server.stderr
            assert NEW_KEY not in server.stderr
    finally:
        stop(*every.values())


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("project_delete", RESET),
        ("project_rotate_secret_token", RESET),
        ("project_reset_token", OTHER),
        ("project_reset_token", {**RESET, "organization_id": "@current"}),
        ("project_reset_token", {**RESET, "confirm_project_name": "Acme web"}),
    ],
)
def test_a_yes_is_for_one_tool_and_its_arguments(
    server: Served, upstream: Upstream, tool: str, arguments: dict[str, Any]
) -> None:
    state = server.call("project_reset_token", RESET, asks=True).question
    answer = server.call(tool, arguments, asks=True, state=state)
    assert answer.json["error"]["code"] == -32602
    forged = state[:-6] + ("AAAAAA" if not state.endswith("AAAAAA") else "BBBBBB")
    assert server.call("project_reset_token", RESET, asks=True, state=forged).json["error"]["code"] == -32602
    assert upstream.recorder.writes == []
