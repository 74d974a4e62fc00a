"""Both lanes in a real process: the import of the SDK in a thread, signals and the end of input meanwhile."""

import json
import signal
import sys
from typing import Any

import pytest

from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.process import TIMEOUT_S, Piped, modern_call, modern_request, running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its pipes cannot be waited for")

GET = {"project_id": PRODUCTION_ID, "fields": ["id"]}
DELETE = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}
ODD = modern_request(5, "prompts/get", {"name": "review_project_settings", "arguments": {"project_id": "3"}})


def opened(server: Piped) -> None:
    """Open it in the era without a handshake, for good."""
    server.write(modern_request(0, "resources/list", {}) + b"\n")
    assert server.read_message()["id"] == 0


def answers(lines: bytes) -> list[dict[str, Any]]:
    """Every line, which must be whole."""
    return [json.loads(line) for line in lines.splitlines()]


def test_both_lanes_go_on_side_by_side_and_no_line_is_torn() -> None:
    with running("--sandbox", PROJECTS_MCP_RESULT_LIMIT="1000000") as server:
        opened(server)
        whole = {"project_id": PRODUCTION_ID, "detail": "full"}
        lines = [ODD, *(modern_call(number, "project_get", whole) for number in range(10, 60))]
        called_off = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 6}}
        lines += [modern_call(6, "project_delete", DELETE), json.dumps(called_off).encode()]
        lines += [modern_request(number, "prompts/get", {"name": "nope"}) for number in range(60, 70)]
        lines += [modern_call(number, "project_get", whole) for number in range(70, 100)]
        server.write(b"".join(line + b"\n" for line in lines))
        calls = sum(b"project_get" in line for line in lines)
        records = [json.loads(server.stderr.readline()) for _ in range(calls)]  # many answers wait by then
        out, _ = server.end()
    found = answers(out)
    assert len(out) > 65_536, "more than a pipe holds"
    assert sorted(answer["id"] for answer in found) == [5, *range(10, 100)], "each is answered once"
    assert found[0]["id"] != 5, "plain messages do not wait for the import"
    assert all(("error" in answer) is (60 <= answer["id"] < 70) for answer in found)
    assert not any(record["event"] == "intent" for record in records)
    assert server.process.returncode == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_while_the_sdk_is_imported_ends_it(number: signal.Signals, code: int) -> None:
    with running("--sandbox") as server:
        opened(server)
        server.write(ODD + b"\n" + modern_call(1, "project_get", GET) + b"\n")
        while server.read_message()["id"] != 1:
            pass
        server.process.send_signal(number)
        assert server.process.wait(timeout=TIMEOUT_S) == code
        assert b"Traceback" not in server.stderr.read()


def test_the_handshake_reaches_the_sdk_as_the_client_made_it() -> None:
    with running("--sandbox") as server:
        client = {"name": "test", "version": "1"}
        offer = {"protocolVersion": "2025-06-18", "capabilities": {"elicitation": {}}, "clientInfo": client}
        server.request("initialize", offer)
        server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert server.call("project_get", GET)["isError"] is False
        params = {"name": "project_delete", "arguments": DELETE}
        server.send({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})
        question = server.read_message()
        assert question["method"] == "elicitation/create"
        assert server.call("project_get", GET)["isError"] is False, "while a person is asked"
        yes = {"action": "accept", "content": {"confirm": True}}
        server.send({"jsonrpc": "2.0", "id": question["id"], "result": yes})
        answer = server.read_message()
        assert (answer["id"], answer["result"]["structuredContent"]["outcome"]) == (7, "applied")
        assert server.end()[0] == b""


@pytest.mark.parametrize(("setting", "before"), [("off", ""), ("on", "import opentelemetry.sdk.trace\n")])
def test_the_sdk_alone_answers_where_the_operator_wants_that_or_every_message_is_traced(
    setting: str, before: str
) -> None:
    program = before + "import sys\nfrom projects_mcp.protocol import stdio_lanes\nstdio_lanes.Lanes.serve = None\n"
    program += "from projects_mcp.cli.main import main\nsys.exit(main(['--sandbox']))"
    with running(program=program, PROJECTS_MCP_FAST_START=setting) as server:
        opened(server)
        server.write(modern_call(1, "project_get", GET) + b"\n")
        assert server.read_message()["result"]["isError"] is False
        assert server.end()[0] == b""
