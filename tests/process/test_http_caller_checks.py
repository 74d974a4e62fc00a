"""What a caller's request must still be when its body has arrived, and how many of them there may be at a time."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.errors.refusals import TooManyCalls
from projects_mcp.runner.rate_limit import RateLimiter
from projects_mcp.sandbox import PRODUCTION_ID, READ_ONLY_KEY
from tests.support.callers import entry, token_of, write_callers
from tests.support.callers_server import READ, READERS, READERS_BY_KEY
from tests.support.issuer_server import WithIssuer
from tests.support.messages import message_of
from tests.support.posthog import Upstream
from tests.support.served import HARMLESS, Served, served
from tests.support.waiting import PATIENCE_S, eventually, read_to_end

TEMPLATE = {"type": "ref/resource", "uri": "projects://{organization_id}/{project_id}"}
REQUESTS: dict[str, dict[str, Any]] = {
    "tools/list": {},
    "resources/list": {},
    "resources/templates/list": {},
    "resources/read": {"uri": "projects://config"},
    "prompts/list": {},
    "prompts/get": {"name": "review_project_settings", "arguments": {"project_id": "1"}},
    "completion/complete": {"ref": TEMPLATE, "argument": {"name": "organization_id", "value": "@"}},
}


@pytest.fixture(scope="module")
def server(callers_server: Served) -> Served:
    return callers_server


# The callers file is read again while a body arrives ----------------------------------------------------------------


def test_a_token_that_is_taken_out_while_its_body_arrives_does_nothing(upstream: Upstream, tmp_path: Path) -> None:
    path = write_callers(tmp_path / "callers", entry("stays"), entry("leaves"), entry("narrows"))
    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_CALLERS=str(path), **HARMLESS) as server:
        new = {"name": "Never"}
        begun = {name: server.begin("project_create", new, token_of(name), hold=True) for name in ("leaves", "narrows")}
        reading = server.begin("project_list", {}, token_of("stays"), hold=True)
        time.sleep(0.2)
        write_callers(path, entry("stays"), entry("narrows", scopes=READ))
        server.send_signal(signal.SIGHUP)
        server.wait_for("has been read again")
        assert begun["leaves"].finish() == 401
        assert begun["narrows"].finish() == 200, "the tool refuses it"
        assert reading.finish() == 200
        assert upstream.recorder.writes == []
        assert '"kind":"caller_scope"' in server.wait_for('"tool":"project_create"')
        assert server.tools(token_of("narrows")) == READERS


@pytest.mark.parametrize(
    ("change", "tool", "arguments"),
    [
        ("taken out", "project_update", {"settings": {"timezone": "Asia/Tokyo"}}),
        ("taken out", "project_delete", {"confirm_project_name": "Acme web"}),
        ("narrowed", "project_add_product_intent", {"product_type": "surveys"}),
        ("another token", "project_update", {"settings": {"timezone": "Asia/Tokyo"}}),
    ],
)
def test_a_caller_whose_rights_change_during_a_call_writes_nothing(
    upstream: Upstream, tmp_path: Path, change: str, tool: str, arguments: dict[str, Any]
) -> None:
    path = write_callers(tmp_path / "callers", entry("stays"), entry("leaves"))
    after = {"taken out": "", "narrowed": entry("leaves", scopes=READ), "another token": entry("leaves", "pmcp_new")}
    upstream.delay = lambda scope: 0.7 if scope["path"].endswith(f"/{PRODUCTION_ID}/") else 0.0
    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_CALLERS=str(path), **HARMLESS) as server:
        call = {"project_id": PRODUCTION_ID, **arguments}
        begun = server.begin(tool, call, token_of("leaves"), until=upstream.arrived)
        write_callers(path, entry("stays"), after[change])
        server.send_signal(signal.SIGHUP)
        server.wait_for("has been read again")
        with begun.connection:
            said = read_to_end(begun.connection, 2).decode()
        assert '"kind":"caller_withdrawn"' in said.replace(" ", "")
        assert "Nothing was changed" in said
        assert upstream.recorder.writes == []
        upstream.delay = lambda _scope: 0.0
        if change == "another token":
            new = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Asia/Tokyo"}}
            assert server.call("project_update", new, "pmcp_new").result["outcome"] == "applied"


def test_more_calls_a_minute_end_no_call(upstream: Upstream, tmp_path: Path) -> None:
    path = write_callers(tmp_path / "callers", entry("stays"))
    upstream.delay = lambda scope: 0.7 if scope["path"].endswith(f"/{PRODUCTION_ID}/") else 0.0
    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_CALLERS=str(path), **HARMLESS) as server:
        call = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Asia/Tokyo"}}
        begun = server.begin("project_update", call, token_of("stays"), until=upstream.arrived)
        write_callers(path, entry("stays", calls_per_minute=7))
        server.send_signal(signal.SIGHUP)
        server.wait_for("has been read again")
        with begun.connection:
            assert '"outcome":"applied"' in read_to_end(begun.connection, 2).decode().replace(" ", "")


def test_what_is_known_of_a_key_outlives_a_change_of_its_caller(upstream: Upstream, tmp_path: Path) -> None:
    key = '[credentials.reader]\nkey_env = "KEY_OF_READER"\n'
    path = write_callers(tmp_path / "callers", entry("reads", credential="reader"), key)
    known = {"KEY_OF_READER": READ_ONLY_KEY, "PROJECTS_MCP_CALLERS": str(path)}
    with served(POSTHOG_HOST=upstream.origin, **known, **HARMLESS) as server:
        assert server.tools(token_of("reads")) == READERS_BY_KEY
        upstream.refuse = lambda scope: 403 if scope["path"].startswith("/api/personal_api_keys/") else 0
        write_callers(path, entry("reads", credential="reader", protected_projects=[PRODUCTION_ID]), key)
        server.send_signal(signal.SIGHUP)
        server.wait_for("has been read again")
        assert server.tools(token_of("reads")) == READERS_BY_KEY
        new = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Asia/Tokyo"}}
        assert server.call("project_update", new, token_of("reads")).refusal["kind"] == "missing_scope"
        assert upstream.recorder.writes == []


# Requests at a time -------------------------------------------------------------------------------------------------


def test_a_body_that_is_still_to_come_counts(server: Served, upstream: Upstream) -> None:
    begun = server.begin("project_list", {}, token_of("single"), hold=True)
    try:
        assert eventually(lambda: server.call("project_list", {}, token_of("single")).status == 429, 3)
        with server.socket() as connection:
            head = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token_of('single')}\r\n"
            connection.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode())
            said = read_to_end(connection, 1).decode()
        assert said.startswith("HTTP/1.1 429 "), "it is answered before its body comes"
        assert "retry-after: 1\r\n" in said.lower()
        assert "1 at a time" in said
        assert server.call("project_list", {}, token_of("ada")).status == 200, "nobody else is kept waiting"
        assert upstream.recorder.writes == []
    finally:
        assert begun.finish() == 200
    assert eventually(lambda: server.call("project_list", {}, token_of("single")).status == 200, 3)


# Requests a minute --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seldom(behind: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a caller for each kind of request, who may make two calls a minute."""
    callers = (entry(_caller_of(method), calls_per_minute=2) for method in REQUESTS)
    path = write_callers(tmp_path_factory.mktemp("seldom") / "callers", *callers)
    with served(POSTHOG_HOST=behind.origin, PROJECTS_MCP_CALLERS=str(path), **HARMLESS) as server:
        yield server


def _caller_of(method: str) -> str:
    return method.replace("/", "-")


@pytest.mark.parametrize("method", REQUESTS)
def test_every_kind_of_request_counts(seldom: Served, method: str) -> None:
    token = token_of(_caller_of(method))
    name = {"Mcp_Name": REQUESTS[method]["uri"]} if method == "resources/read" else {}
    answers = [seldom.post(message_of(method, REQUESTS[method]), token, **name) for _ in range(3)]
    assert ["result" in answer.json or answer.json for answer in answers[:2]] == [True, True]
    error = answers[2].json["error"]
    assert error["code"] == -32_000
    assert error["data"]["kind"] == "too_many_calls"
    assert 25 <= error["data"]["retry_after_s"] <= 30
    assert "2 a minute" in error["message"]
    assert seldom.call("project_list", {}, token).refusal["kind"] == "too_many_calls"


def test_a_resource_is_counted_once(upstream: Upstream, tmp_path: Path) -> None:
    path = write_callers(tmp_path / "callers", entry("seldom", calls_per_minute=2))
    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_CALLERS=str(path), **HARMLESS) as server:
        uri = f"projects://@current/{PRODUCTION_ID}"
        for _ in range(2):
            answer = server.post(message_of("resources/read", {"uri": uri}), token_of("seldom"), Mcp_Name=uri)
            assert json.loads(answer.json["result"]["contents"][0]["text"])["id"] == PRODUCTION_ID
        answer = server.call("no_such_tool", {}, token_of("seldom"))
        assert answer.json["error"]["data"]["kind"] == "too_many_calls", "nor are wrong names free"


def test_a_subject_has_one_allowance_whatever_its_scopes(issuer: WithIssuer, upstream: Upstream) -> None:
    upstream.delay = lambda scope: 3.0 if "/projects/" in scope["path"] else 0.0
    scopes = ("project:read", "project:read project:write")
    tokens = [issuer.idp.token(sub="busy", scope=scope) for scope in scopes]
    issuer.tokens.extend(tokens)
    begun = [
        issuer.server.begin("project_get", {"project_id": PRODUCTION_ID}, tokens[number % 2], hold=True)
        for number in range(64)
    ]
    try:
        for token in tokens:
            assert eventually(lambda token=token: issuer.call(token).status == 429, PATIENCE_S)  # type: ignore[misc]
        assert issuer.call(issuer.idp.token(sub="other")).status == 200
    finally:
        for call in begun:
            call.close()


@pytest.mark.anyio
async def test_limits_that_change_keep_what_was_used() -> None:
    now = 0.0
    limiter = RateLimiter(at_once=1, per_minute=2, clock=lambda: now)
    await limiter.take()
    limiter.change(at_once=1, per_minute=4)
    for _ in range(3):
        await limiter.take()
    limiter.change(at_once=1, per_minute=1)
    now += 30
    with pytest.raises(TooManyCalls) as refused:
        await limiter.take()
    assert 30 <= refused.value.retry_after_s <= 31
