"""The served server as a process: both eras, what it turns away at the door, how it waits, and how it ends."""

import concurrent.futures
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID, READ_WRITE_KEY
from tests.support.harness import ERAS, Era, body_of, refusal_of
from tests.support.served import (
    ACCEPT,
    HARMLESS,
    PATIENCE_S,
    Served,
    Upstream,
    calling,
    eventually,
    in_background,
    journal_of,
    memory_kb,
    message_of,
    posthog,
    read_to_end,
    refused_start,
    served,
    start,
    status_of,
    stop,
    writing,
)

RESET = "project_reset_token"
ARGUMENTS = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
UPDATE = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Asia/Tokyo"}}
YES = ElicitResult(action="accept", content={"confirm": True})
NO = ElicitResult(action="decline")
OLD_KEY = "an-older-signing-key-of-more-than-32-bytes-000"
NEW_KEY = "a-newer-signing-key-of-more-than-32-bytes-0000"
SHORT_TIMES = """
import sys
from projects_mcp.http import limits
limits.HEADERS_TIMEOUT_S = limits.BODY_TIMEOUT_S = 1.0
from projects_mcp.cli.main import main
sys.exit(main())
"""
HEAD = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def behind() -> Iterator[Upstream]:
    with posthog() as upstream:
        yield upstream


@pytest.fixture
def upstream(behind: Upstream) -> Upstream:
    behind.forget()
    return behind


@pytest.fixture(scope="module")
def server(behind: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that everybody on this machine may call."""
    names = {
        "PROJECTS_MCP_ALLOWED_HOSTS": "mcp.example.com,other.example.com:8443",
        "PROJECTS_MCP_ALLOWED_ORIGINS": "https://app.example.com",
    }
    audit = tmp_path_factory.mktemp("open") / "audit"
    with served(POSTHOG_HOST=behind.origin, PROJECTS_MCP_AUDIT_LOG=str(audit), **HARMLESS, **names) as process:
        process.wait_for("no token is needed")
        yield process


@pytest.fixture(scope="module")
def impatient(behind: Upstream) -> Iterator[Served]:
    """A server that waits only a second for the head and for the body of a request."""
    with served(program=SHORT_TIMES, POSTHOG_HOST=behind.origin, **HARMLESS) as process:
        yield process


def answering(answer: ElicitResult) -> Any:
    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        assert "Acme mobile" in params.message
        return answer

    return ask


# Both eras ----------------------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_the_sdks_own_client_lists_and_calls(server: Served, upstream: Upstream, era: Era) -> None:
    async with server.client(era=era) as client:
        assert len((await client.list_tools()).tools) == 13
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
        _, detail = refusal_of(await client.call_tool(RESET, ARGUMENTS))
        assert detail["kind"] == "not_confirmed"
    assert upstream.recorder.writes == []
    async with server.client(ask=answering(YES)) as client:
        assert body_of(await client.call_tool(RESET, ARGUMENTS))["outcome"] == "applied"
    assert len(upstream.recorder.writes) == 1


@pytest.mark.anyio
async def test_without_a_line_back_nobody_is_asked(server: Served, upstream: Upstream) -> None:
    """A client of an older revision has no way to answer a stateless server: the exact name is what is left."""
    async with server.client(era="legacy", ask=answering(NO)) as client:
        _, detail = refusal_of(await client.call_tool(RESET, {**ARGUMENTS, "confirm_project_name": "acme mobile"}))
        assert detail["kind"] == "name_mismatch"
        assert upstream.recorder.writes == []
        assert body_of(await client.call_tool(RESET, ARGUMENTS))["outcome"] == "applied"


def test_where_a_person_must_be_asked_older_clients_are_refused(upstream: Upstream) -> None:
    async def attempts(server: Served) -> None:
        async with server.client(era="legacy", ask=answering(YES)) as client:
            _, detail = refusal_of(await client.call_tool(RESET, ARGUMENTS))
            assert detail["kind"] == "cannot_ask"
        assert upstream.recorder.writes == []
        async with server.client(ask=answering(YES)) as client:
            assert body_of(await client.call_tool(RESET, ARGUMENTS))["outcome"] == "applied"

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
    state = server.call(RESET, ARGUMENTS, asks=True).question
    assert server.call(RESET, ARGUMENTS, asks=True, state=state).result["outcome"] == "applied"
    assert server.call(RESET, ARGUMENTS, asks=True, state=state).question
    assert len(upstream.recorder.writes) == 1


# The door -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:1", 200),
        ("localhost:8787", 200),
        ("[::1]:8787", 200),
        ("mcp.example.com", 200),
        ("mcp.example.com:443", 200),
        ("other.example.com:8443", 200),
        ("other.example.com", 421),
        ("other.example.com:8444", 421),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:8787", 421),
        ("mcp.example.com.evil.example", 421),
        ("evil.example:127.0.0.1", 421),
    ],
)
def test_only_known_names_are_answered(server: Served, upstream: Upstream, host: str, status: int) -> None:
    for version in ("", "2026-07-28"):
        answer = server.post(calling("project_list"), Host=host, MCP_Protocol_Version=version)
        assert answer.status == status
    assert bool(upstream.recorder.requests) is (status == 200)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://app.example.com", 200),
        ("http://localhost:3000", 200),
        ("http://127.0.0.1:8787", 200),
        ("http://app.example.com", 403),
        ("https://app.example.com.evil.example", 403),
        ("https://evil.example", 403),
        ("null", 403),
    ],
)
def test_only_known_pages_may_call(server: Served, upstream: Upstream, origin: str, status: int) -> None:
    for version in ("", "2026-07-28"):
        answer = server.post(calling("project_list"), Origin=origin, MCP_Protocol_Version=version)
        assert answer.status == status
    assert bool(upstream.recorder.requests) is (status == 200)


@pytest.mark.parametrize("path", ["/", "/mcp/", "/mcp/x", "/MCP", "/sse", "/.well-known/oauth-protected-resource"])
def test_there_is_nothing_else(server: Served, path: str) -> None:
    answer = server.send("POST", path, b"{}", {"Content-Type": "application/json"})
    assert answer.status == 404
    assert "/mcp" in answer.json["error"]


@pytest.mark.parametrize("version", ["", "2026-07-28", "2025-11-25"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{nonsense",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"jsonrpc": "2.0"}',
        b'{"jsonrpc": "1.0", "id": 1, "method": "tools/list"}',
        b"[" * 100_000,
        b'{"jsonrpc": "2.0", "id": ' + b"9" * 10_000 + b', "method": "tools/list"}',
        b"\xff\xfe\x00",
    ],
)
def test_nonsense_is_answered_in_4xx(server: Served, upstream: Upstream, body: bytes, version: str) -> None:
    answer = server.post(body, MCP_Protocol_Version=version)
    assert 400 <= answer.status < 500
    assert "Traceback" not in answer.body.decode()
    assert upstream.recorder.requests == []


@pytest.mark.parametrize(
    "headers",
    [{"Mcp_Method": "tools/list"}, {"Mcp_Name": "project_get"}, {"Mcp_Name": "PROJECT_LIST"}, {"Mcp_Method": ""}],
)
def test_headers_that_say_something_else_than_the_body_are_refused(
    server: Served, upstream: Upstream, headers: dict[str, str]
) -> None:
    answer = server.post(calling("project_list"), **headers)
    assert answer.status == 400
    assert upstream.recorder.requests == []


def test_what_is_not_json_is_not_read(server: Served) -> None:
    assert 400 <= server.post(calling("project_list"), Content_Type="text/plain").status < 500
    assert server.post(calling("project_list"), Accept="text/html").status == 406
    assert server.send("PUT", "/mcp", b"{}", {}).status == 405


def test_an_unknown_tool_is_an_error_of_the_protocol(server: Served) -> None:
    answer = server.call("project_explode")
    assert answer.json["error"]["code"] == -32602


# Bounds -------------------------------------------------------------------------------------------------------------


def test_a_long_body_is_refused_before_it_comes(server: Served) -> None:
    for connection_count in range(3):
        with server.socket() as connection:
            connection.sendall(HEAD + b"Content-Length: 104857600\r\n\r\n" + b"x" * connection_count)
            assert status_of(read_to_end(connection)) == 413, "and the connection is closed"


def test_a_body_without_end_is_refused_and_takes_no_memory(server: Served) -> None:
    before = memory_kb(server.process.pid)
    with server.socket() as connection:
        connection.settimeout(PATIENCE_S)
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        sent = 0
        try:
            while sent < 400:
                connection.sendall(chunk)
                sent += 1
        except OSError:
            pass
        assert sent < 400, "it was hung up on"
    assert memory_kb(server.process.pid) - before < 20_000
    server.wait_for('"status":413')
    assert server.call("project_list").status == 200


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"POST /mcp HTT",
        b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /heal",
    ],
)
def test_slow_headers_are_hung_up_on(impatient: Served, beginning: bytes) -> None:
    with impatient.socket() as connection:
        connection.sendall(beginning)
        began = time.monotonic()
        try:
            for _ in range(40):  # a header that grows byte by byte
                connection.settimeout(0.1)
                try:
                    if not connection.recv(65_536):
                        break
                except TimeoutError:
                    connection.sendall(b"x")
        except ConnectionError:
            pass
        assert 0.5 < time.monotonic() - began < 3


@pytest.mark.parametrize("method", ["POST", "DELETE", "GET", "PUT"])
def test_slow_bodies_are_not_waited_for(impatient: Served, method: str) -> None:
    with impatient.socket() as connection:
        head = f"{method} /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: {ACCEPT}\r\n"
        connection.sendall(head.encode() + b"Content-Length: 10\r\n\r\n")
        assert 400 <= status_of(connection.recv(65_536)) < 500


def test_what_was_cut_off_is_not_run(server: Served, upstream: Upstream) -> None:
    heard = server.stderr.count('"tool":"project_create"')
    body = json.dumps(calling("project_create", {"name": "Cut off"})).encode()
    with server.socket() as connection:
        head = HEAD + f"Accept: {ACCEPT}\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n".encode()
        head += b"Mcp-Name: project_create\r\nContent-Length: %d\r\n\r\n" % (len(body) + 5)
        connection.sendall(head + body)
        time.sleep(0.1)
    time.sleep(0.2)
    assert server.call("project_list").status == 200
    assert server.stderr.count('"tool":"project_create"') == heard
    assert upstream.recorder.writes == []


def test_many_idle_connections_keep_nobody_from_being_served(server: Served, upstream: Upstream) -> None:
    idle = [server.socket() for _ in range(300)]
    try:
        for connection in idle[::2]:
            connection.sendall(b"POST /mcp HTTP/1.1\r\n")
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: server.call("project_get", {"project_id": PRODUCTION_ID}), range(50)))
        assert all(answer.result["id"] == PRODUCTION_ID for answer in answers)
        assert time.monotonic() - began < 8
    finally:
        for connection in idle:
            connection.close()


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
            assert len(server.tools()) == 13


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
    lines = journal_of(audit)
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
    assert [line["event"] for line in journal_of(audit)] == ["intent", "outcome"]
    assert "Traceback" not in server.stderr


def test_a_kill_leaves_an_intent_without_an_outcome(upstream: Upstream, tmp_path: Path) -> None:
    audit = tmp_path / "audit"
    upstream.delay = lambda scope: 20.0 if writing(scope) else 0.0
    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_AUDIT_LOG=str(audit), **HARMLESS) as server:
        in_background(lambda: server.call("project_update", UPDATE))
        assert upstream.arrived.wait(PATIENCE_S)
        server.process.kill()
        server.process.wait(PATIENCE_S)
    (line,) = journal_of(audit)
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
                state = every[asked].call(RESET, ARGUMENTS, asks=True).question
                answer = server.call(RESET, ARGUMENTS, asks=True, state=state)
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


OTHER = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("project_delete", ARGUMENTS),
        ("project_rotate_secret_token", ARGUMENTS),
        (RESET, OTHER),
        (RESET, {**ARGUMENTS, "organization_id": "@current"}),
        (RESET, {**ARGUMENTS, "confirm_project_name": "Acme web"}),
    ],
)
def test_a_yes_is_for_one_tool_and_its_arguments(
    server: Served, upstream: Upstream, tool: str, arguments: dict[str, Any]
) -> None:
    state = server.call(RESET, ARGUMENTS, asks=True).question
    answer = server.call(tool, arguments, asks=True, state=state)
    assert answer.json["error"]["code"] == -32602
    forged = state[:-6] + ("AAAAAA" if not state.endswith("AAAAAA") else "BBBBBB")
    assert server.call(RESET, ARGUMENTS, asks=True, state=forged).json["error"]["code"] == -32602
    assert upstream.recorder.writes == []


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


def test_access_lines_name_the_request_and_no_more(server: Served, upstream: Upstream) -> None:
    secret = "SecretOfTheCallerInTheWrongPlace"
    server.get(f"/mcp?token={secret}", X_Api_Key=secret)
    server.get(f"/{secret}")
    server.send(secret, "/mcp", None, {})
    server.post(calling("project_list"), Host=f"{secret}.example")
    server.post(message_of(secret, {"secret": secret}))
    server.call(secret)
    assert server.call("project_get", {secret: secret}).refusal["kind"] == "invalid_argument"
    server.call("project_list", {"search": secret})
    lines = [json.loads(line) for line in server.wait_for('"tool":"project_list"').splitlines() if line[:1] == "{"]
    seen = [line for line in lines if line["event"] == "request"]
    assert {"time", "event", "method", "path", "status", "duration_ms"} == set().union(*seen)
    assert secret not in "".join(line for line in server.stderr.splitlines(keepends=True) if line[:1] == "{")
    assert READ_WRITE_KEY not in server.stderr


def test_a_file_that_nobody_may_write_refuses_changes_only(upstream: Upstream, tmp_path: Path) -> None:
    folder = tmp_path / "missing"
    audit = {"PROJECTS_MCP_AUDIT_LOG": str(folder / "audit")}
    with served(POSTHOG_HOST=upstream.origin, **HARMLESS, **audit) as server:
        assert server.call("project_update", UPDATE).refusal["kind"] == "audit_unavailable"
        assert server.call("project_list").result["projects"]
        os.mkdir(folder)  # noqa: PTH102 - as an operator would
        assert server.call("project_update", UPDATE).result["outcome"] in {"applied", "unchanged"}
