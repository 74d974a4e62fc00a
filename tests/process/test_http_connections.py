"""Connections of strangers: idle ones, requests within requests, and names that only begin as ours do."""

import json
import resource
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from projects_mcp.http.limits import IDLE_CONNECTIONS
from tests.support.messages import ACCEPT, calling
from tests.support.posthog import Upstream
from tests.support.served import HARMLESS, Served, served
from tests.support.waiting import PATIENCE_S, eventually, read_to_end, status_of

MANY = 1_300
LIST = json.dumps(calling("project_list")).encode()
HEAD = (
    b"POST /mcp HTTP/1.1\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\n"
    b"Mcp-Method: tools/call\r\nMcp-Name: project_list\r\nAccept: " + ACCEPT.encode() + b"\r\n"
)
FEW_FILES = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from projects_mcp.http import limits
limits.HEADERS_TIMEOUT_S = limits.KEEP_ALIVE_S = 120  # far more than a test takes: nothing else closes a connection
from projects_mcp.cli.main import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def server(open_server: Served) -> Served:
    return open_server


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process have more sockets than it may usually open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Idle connections ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beginning", [b"", b"POST /mcp HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"])
@pytest.mark.usefixtures("many_files")
def test_idle_connections_are_bounded(upstream: Upstream, beginning: bytes) -> None:
    with served(program=FEW_FILES, POSTHOG_HOST=upstream.origin, **HARMLESS) as server:
        said = server.stderr
        idle = [server.socket() for _ in range(MANY)]
        try:
            for connection in idle:
                try:
                    connection.sendall(beginning)
                except ConnectionError:
                    continue  # it has been closed by now
            assert server.get("/healthz").status == 200
            assert server.call("project_list").status == 200
            assert eventually(lambda: sum(map(_is_open, idle)) <= IDLE_CONNECTIONS)
            assert sum(map(_is_open, idle)) > IDLE_CONNECTIONS // 2, "only what is too much is closed"
            assert _is_open(idle[-1]), "and the oldest goes first"
            assert not _is_open(idle[0])
        finally:
            for connection in idle:
                connection.close()
        assert len(server.stderr) - len(said) < 2_000
        assert "out of system resource" not in server.stderr


@pytest.mark.usefixtures("many_files")
def test_connections_that_become_idle_together_are_bounded(upstream: Upstream) -> None:
    """No new connection need come for it."""
    many = IDLE_CONNECTIONS + 100
    with served(program=FEW_FILES, POSTHOG_HOST=upstream.origin, **HARMLESS) as server:
        busy: list[socket.socket] = []
        try:
            for _ in range(many):
                busy.append(server.socket())
                busy[-1].sendall(HEAD + b"Host: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(LIST))
            assert server.get("/healthz").status == 200
            assert sum(map(_is_open, busy)) == many, "none of them is idle: their requests are under way"
            for connection in busy:
                connection.setblocking(True)
                connection.sendall(LIST)
            assert eventually(lambda: sum(map(_is_open, busy)) <= IDLE_CONNECTIONS)
            assert sum(map(_is_open, busy)) > IDLE_CONNECTIONS // 2, "only what is too much is closed"
        finally:
            for connection in busy:
                connection.close()


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while piece := connection.recv(65_536):
            assert piece
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return False


# A request within a request -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 5, 10_000])
@pytest.mark.parametrize("path", [b"/mcp", b"/healthz", b"/other"])
def test_two_lengths_close_the_connection(server: Served, upstream: Upstream, path: bytes, length: int) -> None:
    within = HEAD + b"Host: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(LIST) + LIST
    outer = HEAD.replace(b"/mcp", path) + b"Host: 127.0.0.1\r\nContent-Length: %d\r\n" % length
    with server.socket() as connection:
        connection.sendall(outer + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + within)
        said = read_to_end(connection)
    assert status_of(said) == 400
    assert said.count(b"HTTP/1.1 ") == 1, "what follows is not answered"
    assert b"connection: close" in said.lower()
    assert upstream.recorder.requests == []


# Hosts and origins are compared whole -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (b"Host: 127.0.0.1:8000\r\n", 200),
        (b"Host: 127.0.0.1\r\nOrigin: http://localhost:3000\r\n", 200),
        (b"Host: 127.0.0.1:8000.evil.example\r\n", 421),
        (b"Host: localhost:evil.example\r\n", 421),
        (b"Host: localhost:8000:8000\r\n", 421),
        (b"Host: localhost:\r\n", 421),
        (b"Host: localhost:*\r\n", 421),
        (b"Host: localhost:123456\r\n", 421),
        (b"Host: localhost:\xb2\r\n", 421),
        (b"Host: [::1]:8000.evil.example\r\n", 421),
        (b"Host: mcp.example.com:443@evil.example\r\n", 421),
        (b"Host: 127.0.0.1\r\nOrigin: http://127.0.0.1:8000.evil.example\r\n", 403),
        (b"Host: 127.0.0.1\r\nOrigin: http://localhost:@evil.example\r\n", 403),
        (b"Host: 127.0.0.1\r\nOrigin: http://localhost:*\r\n", 403),
        (b"Host: 127.0.0.1\r\nOrigin: https://app.example.com:1/evil\r\n", 403),
        (b"Host: 127.0.0.1\r\nOrigin: http://localhost\r\nOrigin: https://evil.example\r\n", 403),
    ],
)
def test_a_name_that_only_begins_as_ours_is_refused(
    server: Served, upstream: Upstream, headers: bytes, status: int
) -> None:
    with closing(server.socket()) as connection:
        connection.settimeout(PATIENCE_S)
        end = b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(LIST)
        connection.sendall(HEAD + headers + end + LIST)
        assert status_of(read_to_end(connection)) == status
    assert bool(upstream.recorder.requests) is (status == 200)
