"""Callers of an issuer over HTTP: what a client is told, and what the scopes of a token allow."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.http.limits import TOKEN_LEEWAY_S
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from tests.contract.operations import READS, TOOLS
from tests.support.callers import token_of
from tests.support.harness import ERAS, Era, refusal_of
from tests.support.issuer import PUBLIC, Idp
from tests.support.issuer_server import WithIssuer
from tests.support.messages import Answered
from tests.support.posthog import Upstream
from tests.support.served import HARMLESS, Served, refused_start

RESET = "project_reset_token"
MOBILE = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}


@pytest.fixture
def server(issuer: WithIssuer, upstream: Upstream) -> Served:
    return issuer.server


@pytest.mark.parametrize("scope", ["project:read", "openid", "", ["project:read"], [{}, None, 5], {"project:write": 1}])
def test_a_missing_scope_is_said_before_anything_runs(
    call: Callable[..., Answered], idp: Idp, upstream: Upstream, scope: Any
) -> None:
    answer = call(idp.token(scope=scope), RESET, MOBILE)
    assert answer.status == 403
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="project:read project:write"' in challenge, "all that the tool needs"
    assert "resource_metadata=" in challenge
    answer = call(idp.token(scope=scope), "project_get", {"project_id": PRODUCTION_ID})
    if "project:read" in scope:
        assert answer.result["id"] == PRODUCTION_ID
    else:
        assert answer.status == 403
        assert 'scope="project:read"' in answer.headers["www-authenticate"]
        assert upstream.recorder.requests == []
    assert upstream.recorder.writes == []


def test_the_list_shows_what_the_scopes_allow(server: Served, idp: Idp) -> None:
    assert len(server.tools(idp.token())) == len(TOOLS)
    assert len(server.tools(idp.token(scope="project:read"))) == len(READS)
    assert server.tools(idp.token(scope="openid")) == []
    assert server.tools(token_of("user-1")) == server.tools(idp.token(scope="project:read"))


def test_the_scope_is_checked_however_the_call_is_written(server: Served, idp: Idp, upstream: Upstream) -> None:
    token = idp.token(scope="project:read")
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "project_create", "arguments": {"name": "x"}},
    }
    text = json.dumps(body)
    forms = [
        text.encode(),
        text.replace("project_create", "project\\u005fcreate").encode(),
        text.replace('"name": "project_create"', '"name": "project_list", "name": "project_create"').encode(),
        text.replace('"name": "project_create"', '"name": "project_create", "name": "project_list"').encode(),
        text.encode("utf-16"),
        b"\xef\xbb\xbf" + text.encode(),
        f"[{text}]".encode(),
    ]
    for version in ("", "2026-07-28"):
        for form in forms:
            server.post(form, token, MCP_Protocol_Version=version, Mcp_Name="project_create", Mcp_Method="tools/call")
    assert upstream.recorder.writes == []


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_the_sdks_own_client_comes_in(issuer: WithIssuer, era: Era) -> None:
    issuer.tokens.append(token := issuer.idp.token())
    async with issuer.server.client(token, era) as client:
        assert len((await client.list_tools()).tools) == len(TOOLS)
        _, detail = refusal_of(await client.call_tool("project_get", {"project_id": 99}))
        assert detail["kind"] == "not_found"


def test_a_yes_is_bound_to_issuer_and_subject(server: Served, idp: Idp, upstream: Upstream) -> None:
    one, other = idp.token(), idp.token(sub="user-2")
    state = server.call(RESET, MOBILE, one, asks=True).question
    assert server.call(RESET, MOBILE, other, asks=True, state=state).json["error"]["code"] == -32602
    assert server.call(RESET, MOBILE, token_of("user-1"), asks=True, state=state).json.get("error") or (
        server.call(RESET, MOBILE, token_of("user-1"), asks=True, state=state).refusal
    )
    assert upstream.recorder.writes == []
    fresh = idp.token(iat=int(time.time()) - 5)
    assert fresh != one
    assert server.call(RESET, MOBILE, fresh, asks=True, state=state).result["outcome"] == "applied"


def test_no_token_of_a_caller_leaves(call: Callable[..., Answered], idp: Idp, upstream: Upstream) -> None:
    token = idp.token()
    assert call(token, "project_create", {"name": "By token"}).result["outcome"] == "applied"
    assert upstream.keys == {HARMLESS["POSTHOG_PERSONAL_API_KEY"]}
    assert token not in upstream.everything


def test_a_file_caller_and_a_subject_of_the_same_name_are_two(
    server: Served, idp: Idp, upstream: Upstream, tmp_path: Path
) -> None:
    """Whoever reads the journal must be able to tell them apart."""
    for token in (token_of("user-1"), idp.token()):
        server.call("project_get", {"project_id": 870_001}, token)
    said = server.wait_for('"project":870001', 2)
    lines = [json.loads(line) for line in said.splitlines() if '"project":870001' in line]
    assert lines[0]["caller"] == "user-1"
    about = [{key: line.get(key) for key in line if key.startswith(("caller", "issuer"))} for line in lines]
    assert about[0] != about[1]


def test_without_a_token_a_client_learns_where_to_get_one(server: Served) -> None:
    answer = server.call("project_list")
    assert answer.status == 401
    challenge = answer.headers["www-authenticate"]
    assert 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/team/mcp"' in challenge
    assert 'scope="project:read"' in challenge
    assert "error=" not in challenge, "nothing was wrong with what was not given"


@pytest.mark.parametrize("path", ["", "/mcp", "/team/mcp"])
@pytest.mark.parametrize("host", ["mcp.example.com", "127.0.0.1"])
def test_the_metadata_names_the_issuer(server: Served, idp: Idp, path: str, host: str) -> None:
    answer = server.get(f"/.well-known/oauth-protected-resource{path}", Host=host)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "resource": PUBLIC,
        "authorization_servers": [idp.origin],
        "scopes_supported": ["project:read", "project:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "projects-mcp",
    }
    assert server.get("/.well-known/oauth-protected-resource/other").status == 404


def test_on_loopback_a_token_is_needed_too_where_there_is_an_issuer(server: Served) -> None:
    assert "no token is needed" not in server.stderr
    assert server.call("project_list").status == 401
    assert server.get("/healthz").status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"PROJECTS_MCP_OAUTH_ISSUER": "http://issuer.example.com"},
        {"PROJECTS_MCP_OAUTH_ISSUER": "https://user:pass@issuer.example.com"},
        {"PROJECTS_MCP_OAUTH_ISSUER": "ftp://127.0.0.1"},
        {"PROJECTS_MCP_PUBLIC_URL": "mcp.example.com"},
    ],
)
def test_a_wrong_address_stops_the_start(changes: dict[str, str]) -> None:
    line = refused_start(**HARMLESS, **changes)
    assert next(iter(changes)) in line
    assert next(iter(changes.values())) not in line


# A token that expires meanwhile -------------------------------------------------------------------------------------

LEFT_S = 3.0
"""Seconds for which the tokens of these tests still hold, the leeway of clocks included; one more at the most."""


def about_to_expire(issuer: WithIssuer) -> str:
    now = time.time()
    token = issuer.idp.token(exp=math.ceil(now + LEFT_S - TOKEN_LEEWAY_S), iat=int(now) - 60)
    issuer.tokens.append(token)
    return token


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("project_update", {"settings": {"timezone": "Asia/Tokyo"}}),
        ("project_delete", {"confirm_project_name": "Acme web"}),
    ],
)
def test_a_token_that_expires_during_a_call_writes_nothing(
    issuer: WithIssuer, upstream: Upstream, tool: str, arguments: dict[str, Any]
) -> None:
    upstream.delay = lambda scope: LEFT_S + 1.5 if scope["path"].endswith(f"/{PRODUCTION_ID}/") else 0.0
    answer = issuer.call(about_to_expire(issuer), tool, {"project_id": PRODUCTION_ID, **arguments})
    assert answer.refusal["kind"] == "caller_withdrawn"
    assert upstream.recorder.writes == []
    upstream.delay = lambda _scope: 0.0
    assert issuer.call(issuer.idp.token(), "project_get", {"project_id": PRODUCTION_ID}).result["id"] == PRODUCTION_ID


def test_a_token_that_expires_while_its_body_arrives_does_nothing(issuer: WithIssuer, upstream: Upstream) -> None:
    begun = issuer.server.begin("project_create", {"name": "Never"}, about_to_expire(issuer), hold=True)
    time.sleep(LEFT_S + 1.5)
    assert begun.finish() == 401
    assert upstream.recorder.requests == []
