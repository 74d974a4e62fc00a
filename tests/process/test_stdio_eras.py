"""The two eras of the protocol over one stdio connection: asking for the revisions first decides nothing."""

import json
from typing import Any

import pytest

from projects_mcp.sandbox import PRODUCTION_ID
from tests.contract.operations import TOOLS
from tests.support.process import Piped, modern_call, modern_request, running

UNSUPPORTED, INVALID_REQUEST = -32022, -32600
DISCOVER = modern_request(0, "server/discover", {})
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
CANCELLED = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 0}}


def answers(server: Piped, count: int) -> dict[Any, Any]:
    """Read some answers, whatever their order."""
    messages = [server.read_message() for _ in range(count)]
    return {message["id"]: message for message in messages}


def assert_served_by_handshake(server: Piped) -> None:
    """The connection does what one that began with a handshake does, and ends as one."""
    server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    server.number = 10
    assert len(server.request("tools/list", {})["result"]["tools"]) == len(TOOLS)
    read = server.call("project_get", {"project_id": PRODUCTION_ID})
    assert read["structuredContent"]["id"] == PRODUCTION_ID
    server.write(modern_call(30, "project_list", {}) + b"\n")
    assert server.read_message()["error"]["code"] == INVALID_REQUEST
    out, err = server.end()
    assert (server.process.returncode, out) == (0, b"")
    assert b"Traceback" not in err


@pytest.mark.parametrize("asked", [1, 3])
def test_a_handshake_may_follow_an_answered_question_for_the_revisions(asked: int) -> None:
    with running("--sandbox") as server:
        for _ in range(asked):
            server.write(DISCOVER + b"\n")
            assert "2025-11-25" in server.read_message()["result"]["supportedVersions"]
        server.send(INITIALIZE)
        assert server.read_message()["result"]["protocolVersion"] == "2025-11-25"
        assert_served_by_handshake(server)


def test_a_handshake_may_follow_before_the_answer() -> None:
    with running("--sandbox") as server:
        server.write(DISCOVER + b"\n" + json.dumps(INITIALIZE).encode() + b"\n")
        both = answers(server, 2)
        assert "supportedVersions" in both[0]["result"]
        assert both[1]["result"]["protocolVersion"] == "2025-11-25"
        assert_served_by_handshake(server)


def test_a_handshake_may_follow_a_question_that_was_given_up() -> None:
    with running("--sandbox") as server:
        server.write(DISCOVER + b"\n")
        server.read_message()
        server.send(CANCELLED)
        server.send(INITIALIZE)
        assert server.read_message()["result"]["protocolVersion"] == "2025-11-25"
        assert_served_by_handshake(server)


def test_calls_without_a_handshake_may_follow_the_question() -> None:
    with running("--sandbox") as server:
        server.write(DISCOVER + b"\n")
        server.read_message()
        server.write(modern_call(2, "project_get", {"project_id": PRODUCTION_ID}) + b"\n")
        assert server.read_message()["result"]["structuredContent"]["id"] == PRODUCTION_ID


@pytest.mark.parametrize("between", [b"tools/list", b"nothing/known"])
def test_any_other_request_decides_the_era(between: bytes) -> None:
    with running("--sandbox") as server:
        server.write(DISCOVER + b"\n" + modern_request(5, between.decode(), {}) + b"\n")
        answers(server, 2)
        server.send(INITIALIZE)
        refused = server.read_message()["error"]
        assert refused["code"] == UNSUPPORTED
        assert refused["data"]["supported"] == ["2026-07-28"]


def test_a_second_handshake_begins_nothing_new() -> None:
    with running("--sandbox") as server:
        server.write(DISCOVER + b"\n")
        server.read_message()
        server.send(INITIALIZE)
        server.read_message()
        server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        server.send({**INITIALIZE, "id": 2})
        server.read_message()
        assert_served_by_handshake(server)
