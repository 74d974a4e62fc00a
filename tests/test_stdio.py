"""The real process: what it prints, how it starts, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from projects_mcp.sandbox import PRODUCTION_ID
from workbench import ERAS, Era, body_of, refusal_of

COMMAND = [sys.executable, "-m", "projects_mcp"]
CLEAN = {
    name: value for name, value in os.environ.items() if not name.startswith(("POSTHOG_", "PROJECTS_MCP_", "OTEL_"))
}
PATIENCE_S = 30


class Process:
    """A server process, spoken to line by line."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.number = 0

    def write(self, message: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def request(self, method: str, params: dict[str, Any]) -> Any:
        self.number += 1
        self.write({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        assert self.process.stdout is not None
        message = json.loads(self.process.stdout.readline())
        assert (message["jsonrpc"], message["id"]) == ("2.0", self.number)
        return message

    def handshake(self) -> None:
        client = {"name": "test", "version": "1"}
        self.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client})
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        return self.request("tools/call", {"name": name, "arguments": arguments})["result"]


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[Process]:
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**CLEAN, **environment},
    )
    try:
        yield Process(process)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_real_client_over_stdio(era: Era) -> None:
    server = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "--sandbox"], env=CLEAN)
    async with Client(server, mode=era) as client:
        assert len((await client.list_tools()).tools) == 13
        name = "Ünïcødé 项目 🚀"
        created = body_of(await client.call_tool("project_create", {"name": name}))
        project = body_of(await client.call_tool("project_get", {"project_id": created["project"]["id"]}))
        assert created["project"]["name"] == project["name"] == name
        deleted = await client.call_tool("project_delete", {"project_id": project["id"], "confirm_project_name": name})
        assert body_of(deleted)["outcome"] == "applied"


def test_stdout_carries_nothing_but_protocol() -> None:
    with running("--sandbox") as server:
        server.handshake()
        assert len(server.request("tools/list", {})["result"]["tools"]) == 13
        server.call("project_list", {})
        server.call("project_get", {"project_id": PRODUCTION_ID})
        server.call("project_get", {"project_id": "nonsense"})
        out, _ = server.process.communicate(timeout=PATIENCE_S)
    assert out == b""
    assert server.process.returncode == 0, "it ends when stdin ends"


def test_end_of_input_before_anything_ends_it_cleanly() -> None:
    ended = subprocess.run(
        [*COMMAND, "--sandbox"], input=b"", capture_output=True, timeout=PATIENCE_S, env=CLEAN, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_although_stdin_is_open(number: signal.Signals, code: int) -> None:
    with running("--sandbox") as server:
        server.handshake()
        server.process.send_signal(number)
        assert server.process.wait(timeout=PATIENCE_S) == code
        assert server.process.stderr is not None
        assert server.process.stderr.read() == b""


def test_without_a_key_it_starts_lists_and_says_what_to_set() -> None:
    with running(POSTHOG_PERSONAL_API_KEY="${user_config.api_key}", POSTHOG_HOST="") as server:
        server.handshake()
        assert len(server.request("tools/list", {})["result"]["tools"]) == 13
        result = server.call("project_list", {})
    assert result["isError"] is True
    assert "POSTHOG_PERSONAL_API_KEY" in result["content"][0]["text"]
    assert result["_meta"]["projects-mcp/error"]["kind"] == "not_configured"


def test_a_wrong_setting_stops_the_start_with_one_line() -> None:
    ended = subprocess.run(
        COMMAND,
        input=b"",
        capture_output=True,
        timeout=PATIENCE_S,
        env={**CLEAN, "PROJECTS_MCP_ACCESS": "admin"},
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stdout == b""
    assert ended.stderr.decode().splitlines() == ["projects-mcp: PROJECTS_MCP_ACCESS must be one of read, write, full."]


@pytest.mark.anyio
async def test_access_levels_over_stdio() -> None:
    server = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "--sandbox", "--access", "read"], env=CLEAN)
    async with Client(server) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == [
            "project_list",
            "project_get",
            "project_activity",
            "project_is_generating_demo_data",
        ]
        text, detail = refusal_of(await client.call_tool("project_create", {"name": "x"}))
    assert detail["kind"] == "access_level"
    assert "read-only" in text


def test_it_goes_on_although_nobody_reads_stderr() -> None:
    with running("--sandbox") as server:
        server.handshake()
        for _ in range(450):  # more lines than a pipe holds, and fewer calls than the sandbox allows in a minute
            assert server.call("project_get", {"project_id": PRODUCTION_ID, "fields": ["id"]})["isError"] is False
