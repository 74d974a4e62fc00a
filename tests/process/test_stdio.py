"""The real process: what it prints, how it starts, and how it ends."""

import json
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from dev.processes import start
from projects_mcp.sandbox import PRODUCTION_ID
from tests.contract.operations import READS, TOOLS
from tests.support.fault_server import PROJECT, project
from tests.support.harness import ERAS, Era, body_of, refusal_of
from tests.support.process import CLEAN, COMMAND, TIMEOUT_S, modern_call, run, running


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_real_client_over_stdio(era: Era) -> None:
    server = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "--sandbox"], env=CLEAN)
    async with Client(server, mode=era) as client:
        assert len((await client.list_tools()).tools) == len(TOOLS)
        name = "Ünïcødé 项目 🚀"
        created = body_of(await client.call_tool("project_create", {"name": name}))
        project = body_of(await client.call_tool("project_get", {"project_id": created["project"]["id"]}))
        assert created["project"]["name"] == project["name"] == name
        deleted = await client.call_tool("project_delete", {"project_id": project["id"], "confirm_project_name": name})
        assert body_of(deleted)["outcome"] == "applied"


def test_stdout_carries_nothing_but_protocol() -> None:
    with running("--sandbox") as server:
        server.handshake()
        assert len(server.request("tools/list", {})["result"]["tools"]) == len(TOOLS)
        server.call("project_list", {})
        server.call("project_get", {"project_id": PRODUCTION_ID})
        server.call("project_get", {"project_id": "nonsense"})
        out, _ = server.end()
    assert out == b""
    assert server.process.returncode == 0, "it ends when stdin ends"


def test_end_of_input_before_anything_ends_it_cleanly() -> None:
    ended = run("--sandbox")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_although_stdin_is_open(number: signal.Signals, code: int) -> None:
    with running("--sandbox") as server:
        server.handshake()
        server.process.send_signal(number)
        assert server.process.wait(timeout=TIMEOUT_S) == code
        assert server.stderr.read() == b""


def test_without_a_key_it_starts_lists_and_says_what_to_set() -> None:
    with running(POSTHOG_PERSONAL_API_KEY="${user_config.api_key}", POSTHOG_HOST="") as server:
        server.handshake()
        assert (
            len(server.request("tools/list", {})["result"]["tools"]) == len(TOOLS) - 1
        )  # one is listed with a session only
        result = server.call("project_list", {})
    assert result["isError"] is True
    assert "POSTHOG_PERSONAL_API_KEY" in result["content"][0]["text"]
    assert result["_meta"]["projects-mcp/error"]["kind"] == "not_configured"


def test_a_wrong_setting_stops_the_start_with_one_line() -> None:
    ended = run(PROJECTS_MCP_ACCESS="admin")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.splitlines() == ["projects-mcp: PROJECTS_MCP_ACCESS must be one of read, write, full."]


@pytest.mark.anyio
async def test_access_levels_over_stdio() -> None:
    server = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "--sandbox", "--access", "read"], env=CLEAN)
    async with Client(server) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == READS
        text, detail = refusal_of(await client.call_tool("project_create", {"name": "x"}))
    assert detail["kind"] == "access_level"
    assert "read-only" in text


def test_it_goes_on_although_nobody_reads_stderr() -> None:
    with running("--sandbox") as server:
        server.handshake()
        for _ in range(450):  # more lines than a pipe holds, and fewer calls than the sandbox allows in a minute
            assert server.call("project_get", {"project_id": PRODUCTION_ID, "fields": ["id"]})["isError"] is False


def test_lines_arrive_in_any_pieces() -> None:
    with running("--sandbox") as server:
        stdin, stdout = server.stdin, server.stdout
        text = "ü" * 900
        first = modern_call(
            1, "project_update", {"project_id": PRODUCTION_ID, "settings": {"product_description": text}}
        )
        second = modern_call(2, "project_get", {"project_id": PRODUCTION_ID, "fields": ["product_description"]})
        for piece in (first[:700], first[700:] + b"\r\n" + second[:5], second[5:-1], second[-1:] + b"\n"):
            stdin.write(piece)
            stdin.flush()
            time.sleep(0.05)
        answers = {message["id"]: message["result"] for message in map(json.loads, (stdout.readline() for _ in "12"))}
    assert answers[1]["structuredContent"]["outcome"] == "applied"
    assert set(answers) == {1, 2}


def test_a_client_that_reads_late_gets_every_answer_whole() -> None:
    with running("--sandbox", PROJECTS_MCP_RESULT_LIMIT="1000000") as server:
        stdin, stdout = server.stdin, server.stdout
        line = modern_call(1, "project_get", {"project_id": PRODUCTION_ID, "detail": "full"})
        stdin.write(b"".join(line.replace(b'"id": 1', b'"id": %d' % number) + b"\n" for number in range(100)))
        stdin.flush()
        time.sleep(1)  # far more than a pipe holds waits by now
        answers = [json.loads(stdout.readline()) for _ in range(100)]
    assert sorted(answer["id"] for answer in answers) == list(range(100))
    assert {answer["result"]["structuredContent"]["id"] for answer in answers} == {PRODUCTION_ID}


PRINTING = """
import os, sys
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.cli.main import main
record = AuditLog.record
def printing(*arguments):
    print("stray")
    os.write(1, b"stray\\n")
    assert sys.stdin.read() == ""
    record(*arguments)
AuditLog.record = printing
main([])
"""


def test_what_is_printed_by_mistake_misses_the_protocol() -> None:
    with running(program=PRINTING, PROJECTS_MCP_SANDBOX="1") as server:
        server.write(modern_call(1, "project_list", {}) + b"\n")
        answer = server.read_message()
        out, err = server.end()
    assert answer["result"]["isError"] is False
    assert out == b""
    assert err.count(b"stray") == 2


def test_files_instead_of_pipes_work_too(tmp_path: Path) -> None:
    asked, answered = tmp_path / "in", tmp_path / "out"
    asked.write_bytes(modern_call(1, "project_list", {}) + b"\n")
    with asked.open("rb") as stdin, answered.open("wb") as stdout:
        process = start([*COMMAND, "--sandbox"], environment=CLEAN, stdin=stdin, stdout=stdout)
    assert process.wait(TIMEOUT_S) == 0
    for line in answered.read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["id"] == 1


class Slow(BaseHTTPRequestHandler):
    """Answers every GET with one project, and lets every write wait."""

    arrived, released = threading.Event(), threading.Event()

    def do_GET(self) -> None:
        body = json.dumps(project()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PATCH(self) -> None:
        self.arrived.set()
        self.released.wait(TIMEOUT_S)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def test_a_signal_during_a_write_leaves_its_outcome_in_the_audit_log(tmp_path: Path) -> None:
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    upstream.daemon_threads = True
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    audit = tmp_path / "audit.jsonl"
    settings = {
        "POSTHOG_HOST": f"http://127.0.0.1:{upstream.server_port}",
        "POSTHOG_PERSONAL_API_KEY": "phx_slow_write",
    }
    try:
        with running(**settings, PROJECTS_MCP_AUDIT_LOG=str(audit)) as server:
            arguments = {"project_id": PROJECT, "settings": {"timezone": "Asia/Tokyo"}}
            server.write(modern_call(1, "project_update", arguments) + b"\n")
            assert Slow.arrived.wait(TIMEOUT_S)
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(timeout=TIMEOUT_S) == 0
    finally:
        Slow.released.set()
        upstream.shutdown()
        upstream.server_close()
    events = [json.loads(line) for line in audit.read_text(encoding="utf-8").splitlines()]
    assert [event["event"] for event in events] == ["intent", "outcome"]
    assert events[1]["outcome"] == "unknown"
