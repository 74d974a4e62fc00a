"""The HTTP server as a process: how it starts, how it answers on its health, and how it ends."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from projects_mcp.sandbox import PRODUCTION_ID, READ_WRITE_KEY
from tests.contract.operations import TOOLS
from tests.support.open_server import NEW_KEY, UPDATE
from tests.support.posthog import Upstream, writing
from tests.support.served import HARMLESS, Served, refused_start, served, start, stop
from tests.support.waiting import PATIENCE_S, audit_records_of, eventually, in_background


@pytest.fixture(scope="module")
def server(open_server: Served) -> Served:
    return open_server


# Health -------------------------------------------------------------------------------------------------------------


def test_readiness_is_posthogs_answer_and_kept_for_a_moment(upstream: Upstream) -> None:
    def inquiries() -> int:
        return len(upstream.recorder.inquiries)

    with served(POSTHOG_HOST=upstream.origin, **HARMLESS) as server:
        assert server.get("/healthz").json == {"status": "alive"}
        assert eventually(lambda: inquiries() == 1), "the start has asked what the key may do"
        assert [server.get("/readyz").status for _ in range(20)] == [200] * 20
        assert inquiries() == 2
        assert "authorization" not in upstream.recorder.inquiries[-1].headers, "readiness is asked as nobody"
        assert server.get("/readyz", "HEAD").body == b""


@pytest.mark.parametrize("broken", ["nobody listens", "it fails"])
def test_it_is_not_ready_while_posthog_is_down(upstream: Upstream, broken: str) -> None:
    upstream.refuse = lambda _scope: 503
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        origin = nobody if broken == "nobody listens" else upstream.origin
        with served(POSTHOG_HOST=origin, **HARMLESS) as server:
            answers = [server.get("/readyz") for _ in range(5)]
            assert [answer.status for answer in answers] == [503] * 5
            assert answers[0].json == {"status": "PostHog does not answer"}
            assert server.get("/healthz").status == 200
            assert len(server.tools()) == len(TOOLS)


def test_many_slow_calls_do_not_make_it_unready(upstream: Upstream) -> None:
    upstream.delay = lambda scope: 7.0 if "/projects/" in scope["path"] else 0.0
    with served(POSTHOG_HOST=upstream.origin, **HARMLESS) as server:
        slow = [server.begin("project_get", {"project_id": PRODUCTION_ID}) for _ in range(40)]
        try:
            assert upstream.arrived.wait(PATIENCE_S)
            time.sleep(0.2)
            began = time.monotonic()
            assert server.get("/readyz").status == 200, "PostHog answers, if slowly"
            assert time.monotonic() - began < 2
        finally:
            for call in slow:
                call.close()


# The end ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_comes_at_once_is_heard(upstream: Upstream, number: signal.Signals) -> None:
    server = start(POSTHOG_HOST=upstream.origin, **HARMLESS)
    try:
        server.wait_for("serving on")
        server.send_signal(number)
        if number == signal.SIGHUP:
            server.ready()
            number = signal.SIGTERM
            server.send_signal(number)
        assert server.process.wait(PATIENCE_S) == 0
    finally:
        stop(server)


def test_it_finishes_what_runs_and_accepts_nothing_more(upstream: Upstream, tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    upstream.delay = lambda scope: 1.0 if writing(scope) else 0.0
    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_AUDIT_LOG=str(audit), **HARMLESS) as server:
        idle, half = server.socket(), server.socket()
        half.sendall(b"POST /mcp HTTP/1.1\r\nHost:")
        writing_now = in_background(lambda: server.call("project_update", UPDATE))
        assert upstream.arrived.wait(PATIENCE_S)
        server.send_signal(signal.SIGTERM)
        assert eventually(lambda: _refuses(server), 0.9), "nobody new is let in while the write goes on"
        assert not writing_now.done()
        assert writing_now.result(PATIENCE_S).result["outcome"] in {"applied", "unchanged"}
        assert server.process.wait(PATIENCE_S) == 0
        idle.close()
        half.close()
    lines = audit_records_of(audit)
    assert [line["event"] for line in lines] == ["intent", "outcome"]
    assert lines[1]["outcome"] in {"applied", "unchanged"}
    assert lines[0]["request_id"] == lines[1]["request_id"]
    assert "Traceback" not in server.stderr


def _refuses(server: Served) -> bool:
    try:
        server.socket().close()
    except ConnectionRefusedError:
        return True
    return False


def test_it_does_not_wait_for_ever(upstream: Upstream, tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    upstream.delay = lambda scope: 60.0 if writing(scope) else 0.0
    limits = {"PROJECTS_MCP_CALL_TIMEOUT": "2"}
    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_AUDIT_LOG=str(audit), **HARMLESS, **limits) as server:
        answer = in_background(lambda: server.call("project_update", UPDATE))
        listening = server.socket()
        listening.sendall(b"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
        assert upstream.arrived.wait(PATIENCE_S)
        began = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - began < 6, "a listener is not a call, and the call has timed out"
        assert answer.result(PATIENCE_S).status == 200
        listening.close()
    assert [line["event"] for line in audit_records_of(audit)] == ["intent", "outcome"]
    assert "Traceback" not in server.stderr


def test_a_kill_leaves_an_intent_without_an_outcome(upstream: Upstream, tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    upstream.delay = lambda scope: 20.0 if writing(scope) else 0.0
    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_AUDIT_LOG=str(audit), **HARMLESS) as server:
        in_background(lambda: server.call("project_update", UPDATE))
        assert upstream.arrived.wait(PATIENCE_S)
        server.process.kill()
        server.process.wait(PATIENCE_S)
    (line,) = audit_records_of(audit)
    assert (line["event"], line["tool"], line["project"]) == ("intent", "project_update", PRODUCTION_ID)


@pytest.mark.parametrize("write", [False, True])
def test_whoever_hangs_up_has_cancelled(server: Served, upstream: Upstream, write: bool) -> None:
    upstream.delay = lambda scope: 5.0 if writing(scope) == write else 0.0
    tool, arguments = ("project_update", UPDATE) if write else ("project_get", {"project_id": PRODUCTION_ID})
    heard = server.stderr.count('"outcome":"unknown"' if write else '"outcome":"cancelled"')
    server.begin(tool, arguments, until=upstream.arrived).close()
    hung_up = time.monotonic()
    server.wait_for('"outcome":"unknown"' if write else '"outcome":"cancelled"', heard + 1)
    assert time.monotonic() - hung_up < 3


# The start ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "", "127.0.0.1.evil.example", "0"])  # noqa: S104
def test_it_does_not_serve_others_without_knowing_them(host: str) -> None:
    line = refused_start("--host", host, **HARMLESS)
    assert "PROJECTS_MCP_CALLERS" in line
    assert READ_WRITE_KEY not in line


def test_an_address_that_cannot_be_listened_on_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert str(port) in refused_start("--port", str(port), **HARMLESS)
    path = tmp_path / "callers"
    path.write_text(f'[callers.a]\ntoken_sha256 = "{"0" * 64}"\nscopes = []\n', encoding="utf-8")
    path.chmod(0o600)
    for host in ("192.0.2.1", "no.such.host.invalid", "x" * 70 + ".example"):
        assert "listened on" in refused_start("--host", host, PROJECTS_MCP_CALLERS=str(path), **HARMLESS)
    for host in ("", " "):  # would be every address of the machine
        assert "is blank" in refused_start("--host", host, PROJECTS_MCP_CALLERS=str(path), **HARMLESS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROJECTS_MCP_SIGNING_KEY", "short"),
        ("PROJECTS_MCP_SIGNING_KEY", f"{NEW_KEY},short"),
        ("PROJECTS_MCP_SIGNING_KEY", f"{NEW_KEY},{NEW_KEY}"),
        ("PROJECTS_MCP_OAUTH_ISSUER", "http://issuer.example.com"),
        ("PROJECTS_MCP_OAUTH_ISSUER", "issuer.example.com"),
        ("PROJECTS_MCP_OAUTH_JWKS", "http://127.0.0.1.evil.example/keys"),
        ("PROJECTS_MCP_PUBLIC_URL", "https://somebody:secret@mcp.example.com/mcp"),
    ],
)
def test_a_wrong_setting_is_said_in_one_line_without_its_value(name: str, value: str) -> None:
    line = refused_start(**HARMLESS, **{name: value})
    assert name in line
    assert value not in line


def test_a_file_that_nobody_may_write_refuses_changes_only(upstream: Upstream, tmp_path: Path) -> None:
    folder = tmp_path / "missing"
    audit = {"PROJECTS_MCP_AUDIT_LOG": str(folder / "audit")}
    with served(POSTHOG_HOST=upstream.origin, **HARMLESS, **audit) as server:
        assert server.call("project_update", UPDATE).refusal["kind"] == "audit_unavailable"
        assert server.call("project_list").result["projects"]
        os.mkdir(folder)  # noqa: PTH102 - as an operator would
        assert server.call("project_update", UPDATE).result["outcome"] in {"applied", "unchanged"}
