"""Requests as clients and proxies really send them: another path, one kind of answer, whole addresses, batches."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.broken_lines import BROKEN
from tests.support.callers import entry, token_of, write_callers
from tests.support.issuer import PUBLIC
from tests.support.issuer_server import WithIssuer
from tests.support.messages import calling
from tests.support.posthog import Upstream
from tests.support.sandbox import RESET
from tests.support.served import HARMLESS, Served, refused_start, served
from tests.support.waiting import read_to_end, status_of

LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
VERSIONS = ("", "2025-03-26", "2025-11-25", "2026-07-28")


@pytest.fixture(scope="module")
def server(open_server: Served) -> Served:
    return open_server


@pytest.fixture(scope="module")
def public(behind: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that knows its public address, and nothing else of its names."""
    path = write_callers(tmp_path_factory.mktemp("callers") / "callers", entry("ada"))
    settings = {"PROJECTS_MCP_CALLERS": str(path), "PROJECTS_MCP_PUBLIC_URL": "https://MCP.example.com:443/mcp"}
    with served(POSTHOG_HOST=behind.origin, **HARMLESS, **settings) as process:
        yield process


# The address ----------------------------------------------------------------------------------------------------------


def raw(server: Served, head: str, body: bytes = LIST) -> bytes:
    with server.socket() as connection:
        fields = f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(f"{head}\r\n{fields}".encode() + body)
        return read_to_end(connection)


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
def test_a_slash_at_the_end_makes_no_difference(server: Served, path: str) -> None:
    answer = server.send("POST", path, LIST, {"Content-Type": "application/json"})
    assert answer.status == 200
    assert answer.json["result"]["tools"]
    server.wait_for(f'"method":"POST","path":"{path}","status":200')


def test_the_path_with_a_slash_is_guarded_like_the_other(public: Served) -> None:
    for path in ("/mcp", "/mcp/"):
        assert public.get(path).status == 401
        assert public.get(path, Host="evil.example").status == 421
        assert public.get(path, Origin="https://evil.example").status == 403
        assert public.get(path, Authorization=f"Bearer {token_of('ada')}").status == 405


def test_the_metadata_is_at_both_paths_too(issuer: WithIssuer) -> None:
    for path in ("", "/", "/mcp", "/mcp/", "/team/mcp", "/team/mcp/"):
        answer = issuer.server.get(f"/.well-known/oauth-protected-resource{path}")
        assert answer.json["resource"] == PUBLIC


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://127.0.0.1/mcp", "127.0.0.1", 200),
        ("http://localhost:8787/mcp/", "127.0.0.1", 200),
        ("HTTPS://MCP.Example.com/mcp", "mcp.example.com", 200),
        ("http://localhost/mcp", "evil.example", 200),  # RFC 9112, 3.2.2: Host is ignored
        ("http://evil.example/mcp", "127.0.0.1", 421),
        ("http://127.0.0.1@evil.example/mcp", "127.0.0.1", 421),
        ("http://evil.example@127.0.0.1/mcp", "127.0.0.1", 421),
        ("http:///mcp", "127.0.0.1", 421),
        ("http://127.0.0.1/other", "127.0.0.1", 404),
        ("http://127.0.0.1", "127.0.0.1", 404),
        ("http://127.0.0.1//mcp", "127.0.0.1", 404),
        ("http://127.0.0.1%2fmcp", "127.0.0.1", 404),
        ("ftp://127.0.0.1/mcp", "127.0.0.1", 404),
        ("mcp", "127.0.0.1", 404),
        ("*", "127.0.0.1", 404),
    ],
)
def test_a_whole_address_is_a_target_and_names_the_host(server: Served, target: str, host: str, status: int) -> None:
    answer = raw(server, f"POST {target} HTTP/1.1\r\nHost: {host}")
    assert status_of(answer) == status
    assert (b'"tools"' in answer) is (status == 200)


def test_the_host_of_the_public_address_is_allowed(public: Served) -> None:
    for host, status in {"mcp.example.com": 200, "mcp.example.com:443": 200, "www.mcp.example.com": 421}.items():
        answer = public.post(calling("project_list"), token_of("ada"), Host=host)
        assert answer.status == status


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROJECTS_MCP_ALLOWED_HOSTS", "https://name.invalid"),
        ("PROJECTS_MCP_ALLOWED_ORIGINS", "*, https://page.invalid"),
        ("PROJECTS_MCP_ALLOWED_ORIGINS", "page.invalid"),
    ],
)
def test_wrong_names_stop_the_start(name: str, value: str) -> None:
    line = refused_start("--sandbox", **{name: value})
    assert f"{name} must be " in line
    assert value not in line


# The kind of the answer -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("accept", "kinds"),
    [
        ("", {"application/json"}),
        ("application/json", {"application/json"}),
        ("Application/JSON; charset=utf-8, application/xml", {"application/json"}),
        ("application/*", {"application/json"}),
        ("text/event-stream", {"application/json", "text/event-stream"}),
        ("text/*;q=0.5", {"application/json", "text/event-stream"}),
        ("*/*", {"application/json", "text/event-stream"}),
        ("text/event-stream,application/json", {"application/json", "text/event-stream"}),
    ],
)
def test_one_kind_of_answer_or_none_is_enough(
    server: Served, upstream: Upstream, accept: str, kinds: set[str], version: str
) -> None:
    answer = server.post(calling("project_list"), Accept=accept, MCP_Protocol_Version=version)
    assert answer.status == 200
    assert answer.headers["content-type"].partition(";")[0] in kinds
    assert b'"projects"' in answer.body
    assert upstream.recorder.writes == []


def test_kinds_on_two_lines_count_together(server: Served) -> None:
    head = "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nAccept: text/event-stream"
    answer = raw(server, head)
    assert status_of(answer) == 200
    assert b"content-type: text/event-stream" in answer.lower(), "as for both on one line"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("accept", ["text/html", "application/xml, image/*", "application/jsonp"])
def test_other_kinds_are_refused_in_words(server: Served, upstream: Upstream, accept: str, version: str) -> None:
    answer = server.post(calling("project_list"), Accept=accept, MCP_Protocol_Version=version)
    assert answer.status == 406
    assert "application/json" in answer.json["error"]
    assert upstream.recorder.requests == []


def test_whoever_takes_json_only_is_asked_and_can_say_yes(server: Served, upstream: Upstream) -> None:
    asked = server.post(calling("project_reset_token", RESET, asks=True), Accept="application/json")
    assert upstream.recorder.writes == []
    again = calling("project_reset_token", RESET, asks=True, state=asked.question)
    assert server.post(again, Accept="application/json").result["outcome"] == "applied"


# Batches --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("space", [b"", b" \r\n\t"])
@pytest.mark.parametrize("messages", [[], [calling("project_create", {"name": "In a batch"})] * 2, [[]], [1]])
def test_a_batch_is_answered_and_nothing_of_it_is_done(
    server: Served, upstream: Upstream, messages: Any, space: bytes, version: str
) -> None:
    answer = server.post(space + json.dumps(messages).encode(), MCP_Protocol_Version=version)
    assert answer.status == 400
    assert (answer.json["jsonrpc"], answer.json["id"], answer.json["error"]["code"]) == ("2.0", None, -32600)
    assert "request of its own" in answer.json["error"]["message"]
    assert b"In a batch" not in answer.body
    assert upstream.recorder.requests == []


# What is no message ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_message_is_answered_by_its_id(server: Served, upstream: Upstream, case: str, version: str) -> None:
    body, code, number = BROKEN[case]
    answer = server.post(body, MCP_Protocol_Version=version)
    assert (answer.status, answer.json["jsonrpc"]) == (400, "2.0")
    assert (answer.json["id"], answer.json["error"]["code"]) == (number, code)
    assert "Nothing was done" in answer.json["error"]["message"]
    assert upstream.recorder.requests == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","params":{"key":"phx_%b"}}' % (b"a" * 40),
        b'{"jsonrpc":"2.0","id":1.5,"method":"tools/call","params":{"key":"phx_%b"}}' % (b"a" * 40),
        b'{"jsonrpc":"2.0","id":true,"method":"tools/list"}',
        b'"phx_%b"' % (b"a" * 40),
        b"{" + b'"id":7,' * 100_000,
        b"\xff\xfe\x00",
        b"",
    ],
)
def test_what_has_no_id_is_refused_and_never_quoted(server: Served, body: bytes, version: str) -> None:
    answer = server.post(body, MCP_Protocol_Version=version)
    assert (answer.status, answer.json["id"]) == (400, None)
    assert answer.json["error"]["code"] in {-32600, -32700}
    assert b"phx_" not in answer.body


def test_a_batch_of_a_stranger_is_not_looked_at(public: Served) -> None:
    assert public.post(b"[]").status == 401
