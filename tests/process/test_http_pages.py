"""Pages in a browser: which origins may call, what they may send and read, and that nobody else gains anything."""

import re
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.http.limits import BODY_BYTES, PREFLIGHT_S
from tests.support.callers import entry, token_of, write_callers
from tests.support.issuer import PUBLIC, Idp, issuing
from tests.support.messages import Answered, calling
from tests.support.posthog import Upstream
from tests.support.served import HARMLESS, Served, served
from tests.support.waiting import status_of

PAGE = "https://app.example.com"
ORIGINS = f"{PAGE},http://127.0.0.1:3000"
DOCUMENTS = tuple(f"/.well-known/oauth-protected-resource{path}" for path in ("", "/mcp", "/mcp/", "/team/mcp"))
ASKED = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,mcp-method,mcp-name,mcp-protocol-version",
}


@pytest.fixture(scope="module")
def idp() -> Iterator[Idp]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def server(behind: Upstream, idp: Idp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with callers, an issuer, and two origins of pages."""
    callers = write_callers(
        tmp_path_factory.mktemp("callers") / "callers", entry("ada"), entry("single", concurrent_calls=1)
    )
    settings = {
        "PROJECTS_MCP_CALLERS": str(callers),
        "PROJECTS_MCP_OAUTH_ISSUER": idp.origin,
        "PROJECTS_MCP_PUBLIC_URL": PUBLIC,
        "PROJECTS_MCP_ALLOWED_ORIGINS": ORIGINS,
    }
    with served(POSTHOG_HOST=behind.origin, **HARMLESS, **settings) as process:
        yield process


def preflight(server: Served, origin: str = PAGE, path: str = "/mcp", **more: str) -> Answered:
    given = {"Origin": origin, **ASKED, **{name.replace("_", "-"): value for name, value in more.items()}}
    return server.send("OPTIONS", path, None, given)


def shared(headers: Mapping[str, str]) -> dict[str, str]:
    """What an answer says to browsers."""
    return {name: value for name, value in headers.items() if name.startswith("access-control-")}


# Preflights -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", *DOCUMENTS])
@pytest.mark.parametrize("origin", [PAGE, "http://127.0.0.1:3000"])
def test_a_page_of_a_listed_origin_learns_what_it_may_send(
    server: Served, upstream: Upstream, origin: str, path: str
) -> None:
    answer = preflight(server, origin, path)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["vary"] == "Origin"
    said = shared(answer.headers)
    assert said["access-control-allow-origin"] == origin
    assert said["access-control-allow-methods"] == ("POST" if path.startswith("/mcp") else "GET")
    sent = {name.strip().lower() for name in said["access-control-allow-headers"].split(",")}
    assert sent >= {"last-event-id", "mcp-session-id", *ASKED["Access-Control-Request-Headers"].split(",")}
    assert said["access-control-max-age"] == str(PREFLIGHT_S)
    assert len(said) == 4, "no cookie, and no private network unless it is asked for"
    assert upstream.recorder.requests == []


def test_a_listed_page_may_call_into_a_private_network(server: Served) -> None:
    answer = preflight(server, Access_Control_Request_Private_Network="true")
    assert answer.headers["access-control-allow-private-network"] == "true"
    refused = preflight(server, "https://evil.example", Access_Control_Request_Private_Network="true")
    assert (refused.status, shared(refused.headers)) == (403, {})


def test_the_body_of_a_preflight_is_not_waited_for(server: Served) -> None:
    with server.socket() as connection:
        head = f"OPTIONS /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {PAGE}\r\nAccess-Control-Request-Method: POST\r\n"
        connection.sendall(head.encode() + b"Content-Length: 104857600\r\n\r\nx")
        assert status_of(connection.recv(65_536)) == 204


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", *DOCUMENTS])
@pytest.mark.parametrize(
    "origin",
    [
        *("null", "*", "https://evil.example", "http://app.example.com", "https://app.example.com.evil.com"),
        *("https://app.example.com:8443", "https://www.app.example.com", "https://app.example.com@evil.example"),
        *("http://127.0.0.1:3001", "http://localhost:3000", "https://127.0.0.1:3000"),
    ],
)
def test_a_preflight_of_another_page_is_refused(server: Served, origin: str, path: str) -> None:
    answer = preflight(server, origin, path)
    assert (answer.status, shared(answer.headers)) == (403, {})
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", ["/mcp", *DOCUMENTS])
def test_the_host_is_looked_at_first(server: Served, path: str) -> None:
    answer = preflight(server, path=path, Host="evil.example")
    assert (answer.status, shared(answer.headers)) == (421, {})


def test_what_is_no_preflight_needs_a_token(server: Served) -> None:
    assert server.send("OPTIONS", "/mcp", None, ASKED).status == 401, "without an origin"
    assert server.send("OPTIONS", "/mcp", None, {"Origin": PAGE}).status == 401, "nothing is asked for"
    for path in ("/healthz", "/other"):
        assert shared(preflight(server, path=path).headers) == {}


# Calls ----------------------------------------------------------------------------------------------------------------


def readable(answer: Answered) -> Answered:
    """Make sure that a page of the listed origin may read an answer, and what else of its head it needs."""
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["vary"] == "Origin"
    exposed = answer.headers["access-control-expose-headers"].lower()
    assert "www-authenticate" in exposed
    assert "retry-after" in exposed
    assert len(shared(answer.headers)) == 2
    return answer


@pytest.mark.parametrize("version", ["", "2026-07-28"])
def test_a_page_reads_what_its_call_answered(server: Served, version: str) -> None:
    answer = server.post(calling("project_list"), token_of("ada"), Origin=PAGE, MCP_Protocol_Version=version)
    assert readable(answer).status == 200
    assert b'"projects"' in answer.body


def test_a_page_reads_refusals_too(server: Served, idp: Idp) -> None:
    reading = idp.token(scope="project:read")
    change = calling("project_create", {"name": "By a page"})
    refused = {
        400: server.post(b"[]", token_of("ada"), Origin=PAGE),
        401: server.post(calling("project_list"), Origin=PAGE),
        403: server.post(change, reading, Origin=PAGE),
        405: server.get("/mcp", Origin=PAGE, Authorization=f"Bearer {token_of('ada')}"),
        406: server.post(calling("project_list"), token_of("ada"), Origin=PAGE, Accept="text/html"),
        413: server.post(b" " * (BODY_BYTES + 1), token_of("ada"), Origin=PAGE),
    }
    held = server.begin("project_list", {}, token_of("single"), hold=True)
    try:
        refused[429] = server.post(calling("project_list"), token_of("single"), Origin=PAGE)
        assert refused[429].headers["retry-after"] == "1"
    finally:
        held.close()
    for status, answer in refused.items():
        assert readable(answer).status == status
    assert 'error="insufficient_scope"' in refused[403].headers["www-authenticate"]
    assert "resource_metadata=" in refused[401].headers["www-authenticate"]


def test_a_page_reads_that_the_issuer_is_away(upstream: Upstream) -> None:
    settings = {"PROJECTS_MCP_OAUTH_ISSUER": "http://127.0.0.1:1", "PROJECTS_MCP_ALLOWED_ORIGINS": ORIGINS}
    token = Idp(origin="http://127.0.0.1:1").token()
    with served(POSTHOG_HOST=upstream.origin, **HARMLESS, **settings) as process:
        answer = readable(process.post(calling("project_list"), token, Origin=PAGE))
    assert (answer.status, answer.headers["retry-after"]) == (503, "30")


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_page_reads_who_issues_tokens(server: Served, idp: Idp, path: str) -> None:
    assert readable(server.get(path, Origin=PAGE)).json["authorization_servers"] == [idp.origin]
    answer = server.get(path, Origin="https://evil.example")
    assert (answer.status, shared(answer.headers)) == (403, {})
    assert shared(server.get(path).headers) == {}


def test_another_page_gets_nothing_with_a_token_either(server: Served, upstream: Upstream) -> None:
    for token in (token_of("ada"), None):
        answer = server.post(calling("project_list"), token, Origin="https://evil.example")
        assert (answer.status, shared(answer.headers)) == (403, {})
    assert upstream.recorder.requests == []


def test_a_program_of_this_machine_is_answered_and_no_page_reads_it(server: Served) -> None:
    answer = server.post(calling("project_list"), token_of("ada"), Origin="http://localhost:5173")
    assert (answer.status, shared(answer.headers)) == (200, {})
    assert shared(server.post(calling("project_list"), token_of("ada")).headers) == {}, "nor without an origin"


# Rules ----------------------------------------------------------------------------------------------------------------

VISIBLE = st.text("".join(map(chr, range(0x21, 0x7F))) + "\xe9\xdf", max_size=12)
EDITS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), VISIBLE), max_size=2)


def edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    """Put something else into a text here and there: in the place of nothing, or of a few characters."""
    for place, length, other in edits:
        text = text[:place] + other + text[place + length :]
    return text


NEARLY = st.one_of(
    st.builds(
        edited, st.sampled_from([PAGE, f"{PAGE}:443", "http://127.0.0.1:3000", "HTTPS://APP.example.COM"]), EDITS
    ),
    st.builds(
        "{}{}".format, st.just(PAGE), st.sampled_from([".evil.com", ":443", ":80", ":4430", "/", "@a", "%00", "."])
    ),
)


@given(NEARLY)
def test_only_a_listed_origin_is_let_in(server: Served, origin: str) -> None:
    mine = origin.lower() in {PAGE, f"{PAGE}:443", "http://127.0.0.1:3000"}
    answer = preflight(server, origin)
    assert answer.status == (204 if mine else 403 if origin else 401)
    assert answer.headers.get("access-control-allow-origin") == (origin if mine else None)


HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\]|mcp\.example\.com)(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)
NEARLY_A_HOST = st.builds(edited, st.sampled_from(["MCP.example.com", "localhost:8787", "[::1]", "127.0.0.1:1"]), EDITS)


@given(NEARLY_A_HOST)
def test_only_a_listed_host_is_answered(server: Served, host: str) -> None:
    answer = preflight(server, Host=host)
    assert (answer.status == 204) is bool(HOST.fullmatch(host))
    assert answer.status in {204, 400, 421}, "400 is uvicorn's, for what is no host at all"
