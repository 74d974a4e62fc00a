"""Which requests over HTTP are answered: their hosts and origins, their form, their bounds, and the access log."""

import concurrent.futures
import json
import time
from collections.abc import Iterator

import pytest

from projects_mcp.sandbox import PRODUCTION_ID, READ_WRITE_KEY
from tests.support.messages import ACCEPT, calling, message_of
from tests.support.posthog import Upstream
from tests.support.served import HARMLESS, Served, served
from tests.support.waiting import PATIENCE_S, memory_kb, read_to_end, status_of

SHORT_TIMES = """
import sys
from projects_mcp.http import limits
limits.HEADERS_TIMEOUT_S = limits.BODY_TIMEOUT_S = 1.0
from projects_mcp.cli.main import main
sys.exit(main())
"""
HEAD = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def server(open_server: Served) -> Served:
    return open_server


@pytest.fixture(scope="module")
def short_timeouts(behind: Upstream) -> Iterator[Served]:
    """A server that waits only a second for the head and for the body of a request."""
    with served(program=SHORT_TIMES, POSTHOG_HOST=behind.origin, **HARMLESS) as process:
        yield process


# Hosts, origins and form --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:1", 200),
        ("localhost:8787", 200),
        ("[::1]:8787", 200),
        ("LocalHost:8787", 200),
        ("mcp.example.com", 200),
        ("MCP.Example.COM", 200),
        ("Other.Example.com:8443", 200),
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
        ("https://app.example.com:443", 200),
        ("HTTPS://App.Example.com", 200),
        ("http://localhost:3000", 200),
        ("http://127.0.0.1:8787", 200),
        ("http://app.example.com", 403),
        ("https://app.example.com:8443", 403),
        ("https://app.example.com/", 403),
        ("https://localhost", 403),
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


@pytest.mark.parametrize(
    "path", ["/", "/mcp//", "/mcp/x", "//mcp", "/MCP", "/sse", "/.well-known/oauth-protected-resource"]
)
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
    assert server.send("PUT", "/mcp", b"{}", {}).status == 405


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
def test_slow_headers_are_hung_up_on(short_timeouts: Served, beginning: bytes) -> None:
    with short_timeouts.socket() as connection:
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
def test_slow_bodies_are_not_waited_for(short_timeouts: Served, method: str) -> None:
    with short_timeouts.socket() as connection:
        head = f"{method} /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: {ACCEPT}\r\n"
        connection.sendall(head.encode() + b"Content-Length: 10\r\n\r\n")
        assert 400 <= status_of(connection.recv(65_536)) < 500


def test_what_was_cut_off_is_not_run(server: Served, upstream: Upstream) -> None:
    body = json.dumps(calling("project_create", {"name": "Cut off"})).encode()
    with server.socket() as connection:
        head = HEAD + f"Accept: {ACCEPT}\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\n".encode()
        head += b"Mcp-Name: project_create\r\nContent-Length: %d\r\n\r\n" % (len(body) + 5)
        connection.sendall(head + body)
        time.sleep(0.1)
    time.sleep(0.2)
    assert server.call("project_list").status == 200
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


# The access log -----------------------------------------------------------------------------------------------------


def test_access_lines_name_the_request_and_no_more(server: Served, upstream: Upstream) -> None:
    secret = "SecretOfTheCallerInTheWrongPlace"
    server.get(f"/mcp?token={secret}", X_Api_Key=secret)
    server.get(f"/{secret}")
    server.get(f"/.well-known/oauth-protected-resource/{secret}")
    server.send(secret, "/mcp", None, {})
    server.post(calling("project_list"), Host=f"{secret}.example")
    server.post(message_of(secret, {"secret": secret}))
    server.call(secret)
    assert server.call("project_get", {secret: secret}).refusal["kind"] == "invalid_argument"
    server.call("project_list", {"search": secret})
    lines = [json.loads(line) for line in server.wait_for('"tool":"project_list"').splitlines() if line[:1] == "{"]
    seen = [line for line in lines if line["event"] == "request"]
    assert {"time", "event", "method", "path", "status", "duration_ms", "client"} == set().union(*seen)
    assert {line["client"] for line in seen} == {"127.0.0.1"}, "without the port"
    assert {line["path"] for line in seen} <= {"/mcp", "/.well-known/oauth-protected-resource", "other"}
    assert secret not in "".join(line for line in server.stderr.splitlines(keepends=True) if line[:1] == "{")
    assert READ_WRITE_KEY not in server.stderr
