"""How a server over stdio ends: what is under way may finish, and nobody has to read what it writes."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dev.processes import start
from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.fault_server import PROJECT, project
from tests.support.process import CLEAN, COMMAND, TIMEOUT_S, Piped, modern_call, running

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and descriptors of Unix")

BOTH = pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])


@contextmanager
def upstream(delay_s: float) -> Iterator[tuple[dict[str, str], threading.Event]]:
    """A PostHog whose writes take a while; give the settings for it, and what is set when a write has arrived."""
    arrived = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_PATCH(self) -> None:
            arrived.set()
            time.sleep(delay_s)
            self.answer()

        def answer(self) -> None:
            body = json.dumps({**project(), "timezone": "Asia/Tokyo"} if arrived.is_set() else project()).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_port}"
    try:
        yield {"POSTHOG_HOST": host, "POSTHOG_PERSONAL_API_KEY": "phx_slow_write"}, arrived
    finally:
        server.shutdown()
        server.server_close()


def begin_write(server: Piped, *, modern: bool) -> None:
    arguments = {"project_id": PROJECT, "settings": {"timezone": "Asia/Tokyo"}}
    if modern:
        server.write(modern_call(77, "project_update", arguments) + b"\n")
    else:
        server.handshake()
        params = {"name": "project_update", "arguments": arguments}
        server.send({"jsonrpc": "2.0", "id": 77, "method": "tools/call", "params": params})


def events(audit: Path) -> list[tuple[str, str | None]]:
    lines = map(json.loads, audit.read_text(encoding="utf-8").splitlines())
    return [(line["event"], line.get("outcome")) for line in lines]


@BOTH
def test_a_call_under_way_finishes_after_the_end_of_input(tmp_path: Path, *, modern: bool) -> None:
    audit = tmp_path / "audit"
    with upstream(0.8) as (settings, arrived), running(**settings, PROJECTS_MCP_AUDIT_LOG=str(audit)) as server:
        begin_write(server, modern=modern)
        assert arrived.wait(TIMEOUT_S)
        out, err = server.end()
    answer = json.loads(out)
    assert (answer["id"], answer["result"]["structuredContent"]["outcome"]) == (77, "applied")
    assert server.process.returncode == 0
    assert b"Traceback" not in err
    assert events(audit) == [("intent", None), ("outcome", "applied")]


def test_a_call_that_takes_longer_is_ended_after_two_seconds(tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    with upstream(20) as (settings, arrived), running(**settings, PROJECTS_MCP_AUDIT_LOG=str(audit)) as server:
        begin_write(server, modern=True)
        assert arrived.wait(TIMEOUT_S)
        began = time.monotonic()
        out, _ = server.end()
        took = time.monotonic() - began
    answer = json.loads(out)
    assert (answer["id"], "error" in answer) == (77, True)
    assert 1.5 < took < 8
    assert server.process.returncode == 0
    assert events(audit) == [("intent", None), ("outcome", "unknown")]


@BOTH
def test_a_reader_that_goes_away_breaks_no_call(tmp_path: Path, *, modern: bool) -> None:
    audit = tmp_path / "audit"
    with upstream(0.8) as (settings, arrived), running(**settings, PROJECTS_MCP_AUDIT_LOG=str(audit)) as server:
        begin_write(server, modern=modern)
        assert arrived.wait(TIMEOUT_S)
        server.stdout.close()
        server.write(modern_call(78, "project_get", {"project_id": PROJECT}) + b"\n")
        assert server.process.wait(TIMEOUT_S) == 0, "it ends, although its input stays open"
        assert b"Traceback" not in server.stderr.read()
        server.process.stdout = None
    assert ("outcome", "applied") in events(audit)


@BOTH
def test_a_stderr_that_closes_breaks_no_call(*, modern: bool) -> None:
    with running("--sandbox") as server:
        if not modern:
            server.handshake()
        server.stderr.close()
        for number in range(100, 103):
            if modern:
                server.write(modern_call(number, "project_get", {"project_id": PRODUCTION_ID}) + b"\n")
                result = server.read_message()["result"]
            else:
                result = server.call("project_get", {"project_id": PRODUCTION_ID})
            assert result["isError"] is False
        server.write(b"no message\n")
        server.stdin.close()
        assert server.process.wait(TIMEOUT_S) == 0
        server.process.stdin = server.process.stderr = None


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "0<&- 1>&- 2>&-"])
def test_descriptors_that_are_closed_from_the_start(closed: str) -> None:
    command = ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, "--sandbox"]
    asked, answering = os.pipe()
    os.write(answering, modern_call(1, "project_list", {}) + b"\n")
    os.close(answering)
    with (Path("/dev/null")).open("wb") as nothing, os.fdopen(asked, "rb") as stdin:
        process = start(command, environment=CLEAN, stdin=stdin, stdout=nothing)
        assert process.wait(TIMEOUT_S) == 0


@pytest.mark.parametrize("started", [True, False])
def test_a_hangup_ends_it_as_a_termination_does(*, started: bool) -> None:
    with running("--sandbox") as server:
        server.write(modern_call(1, "project_list", {}) + b"\n")
        server.read_message()
        server.process.send_signal(signal.SIGHUP if started else signal.SIGTERM)
        assert server.process.wait(TIMEOUT_S) == 0
        assert b"Traceback" not in server.stderr.read()


def test_a_hangup_during_a_write_leaves_its_outcome_in_the_audit_log(tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    with upstream(20) as (settings, arrived), running(**settings, PROJECTS_MCP_AUDIT_LOG=str(audit)) as server:
        begin_write(server, modern=True)
        assert arrived.wait(TIMEOUT_S)
        server.process.send_signal(signal.SIGHUP)
        assert server.process.wait(TIMEOUT_S) == 0
    assert events(audit) == [("intent", None), ("outcome", "unknown")]


def test_it_outlives_a_hangup_where_it_was_told_to() -> None:
    ignoring = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.executable, "
    program = ignoring + "[sys.executable, '-m', 'projects_mcp', '--sandbox'])"
    with running(program=program) as server:
        for number in (1, 2):
            server.write(modern_call(number, "project_list", {}) + b"\n")
            assert server.read_message()["id"] == number
            server.process.send_signal(signal.SIGHUP)
        server.write(modern_call(3, "project_list", {}) + b"\n")
        assert server.read_message()["id"] == 3


FAILING = """
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.cli.main import main
def failing(*arguments):
    raise RuntimeError("phx_planted0123456789planted")
AuditLog.record = failing
main([])
"""


@BOTH
def test_a_record_that_fails_takes_no_result_away_and_shows_no_secret(*, modern: bool) -> None:
    with running(program=FAILING, PROJECTS_MCP_SANDBOX="1") as server:
        if modern:
            server.write(modern_call(1, "project_list", {}) + b"\n")
            result = server.read_message()["result"]
        else:
            server.handshake()
            result = server.call("project_list", {})
        out, err = server.end()
    assert result["isError"] is False
    assert b"planted" not in out + err
    assert b"the record of project_list failed" in err
