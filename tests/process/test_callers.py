"""Callers with tokens: the file that names them, what each may do, and that none gets anything of another's."""

import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.cli.caller import new_entry
from projects_mcp.config.settings import SettingsError
from projects_mcp.errors.refusals import TooManyCalls
from projects_mcp.http.callers import load_callers
from projects_mcp.runner.rate_limit import RateLimiter
from projects_mcp.sandbox import (
    ACME_ID,
    ALL_ACCESS_KEY,
    CSRF_TOKEN,
    DEMO_ID,
    MEMBER_KEY,
    MOBILE_ID,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    READ_ONLY_KEY,
    READ_WRITE_KEY,
    SESSION_ID,
)
from tests.support.harness import ERAS, Era, body_of, refusal_of
from tests.support.process import CLEAN
from tests.support.served import (
    HARMLESS,
    PATIENCE_S,
    Served,
    Upstream,
    entry,
    eventually,
    in_background,
    journal_of,
    key_of,
    posthog,
    refused_start,
    served,
    token_of,
    write_callers,
    writing,
)

RESET = "project_reset_token"
MOBILE = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
SIGNING_KEY = "a-signing-key-of-more-than-32-bytes-00000000"
READERS = ["project_list", "project_get", "project_activity", "project_is_generating_demo_data"]
CHANGERS = [
    "project_create",
    "project_update",
    "project_add_product_intent",
    "project_complete_product_onboarding",
]
KEYS = """
[credentials.reader]
key_env = "KEY_OF_READER"

[credentials.everything]
key_env = "KEY_OF_EVERYTHING"

[credentials.one-project]
key_env = "KEY_OF_ONE_PROJECT"

[credentials.refused]
key_env = "KEY_THAT_IS_REFUSED"

[credentials.throttled]
key_env = "KEY_THAT_IS_THROTTLED"
"""
VARIABLES = {
    "KEY_OF_READER": READ_ONLY_KEY,
    "KEY_OF_EVERYTHING": ALL_ACCESS_KEY,
    "KEY_OF_ONE_PROJECT": ONE_PROJECT_KEY,
    "KEY_THAT_IS_REFUSED": ONE_ORGANIZATION_KEY,
    "KEY_THAT_IS_THROTTLED": MEMBER_KEY,
}
READ = ["project:read"]
SECTIONS = (
    entry("ada"),
    entry("another"),
    entry("reader", scopes=READ),
    entry("none", scopes=[]),
    entry("low", access="read"),
    entry("middle", access="write"),
    entry("own-key", credential="everything"),
    entry("weak-key", credential="reader"),
    entry("narrow-key", credential="one-project"),
    entry("refused", credential="refused"),
    entry("throttled", credential="throttled"),
    entry("acme", organization=ACME_ID),
    entry("northwind", organization=NORTHWIND_ID),
    entry("careful", protected_projects=[MOBILE_ID]),
    entry("single", concurrent_calls=1),
    entry("seldom", calls_per_minute=2),
    KEYS,
)
SECRETS = (
    *HARMLESS.values(),
    *VARIABLES.values(),
    SIGNING_KEY,
    *(token_of(section.partition("]")[0].removeprefix("[callers.")) for section in SECTIONS[:-1]),
)


@pytest.fixture(scope="module")
def behind() -> Iterator[Upstream]:
    with posthog() as upstream:
        yield upstream


@pytest.fixture
def upstream(behind: Upstream) -> Upstream:
    behind.forget()
    return behind


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("callers") / "audit"


@pytest.fixture(scope="module")
def server(behind: Upstream, audit: Path) -> Iterator[Served]:
    callers = write_callers(audit.with_name("callers.toml"), *SECTIONS)
    settings = {
        "PROJECTS_MCP_CALLERS": str(callers),
        "PROJECTS_MCP_AUDIT_LOG": str(audit),
        "PROJECTS_MCP_SIGNING_KEY": SIGNING_KEY,
        "PROJECTS_MCP_PROTECTED_PROJECTS": str(DEMO_ID),
    }
    with served(POSTHOG_HOST=behind.origin, **HARMLESS, **VARIABLES, **settings) as process:
        assert "no token is needed" not in process.stderr
        yield process
    said = process.stderr + audit.read_text(encoding="utf-8")
    assert [secret for secret in SECRETS if secret in said] == [], "no secret is in any line, whatever the tests did"
    assert "Traceback" not in process.stderr


# Who comes in -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {token_of('nobody')}",
        f"Bearer {token_of('ada')[:-1]}",
        f"Bearer {token_of('ada')}x",
        f"Bearer {token_of('ada').upper()}",
        f"Bearer {hashlib.sha256(token_of('ada').encode()).hexdigest()}",
        f"Bearer {token_of('ada')}, Bearer {token_of('ada')}",
        f"Basic {token_of('ada')}",
        f"Token {token_of('ada')}",
        token_of("ada"),
        f"Bearer {READ_WRITE_KEY}",
        "Bearer \xfc\xfd\xfe",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.",
        f"Bearer {'x' * 10_000}",
    ],
)
def test_without_a_right_token_nobody_comes_in(server: Served, upstream: Upstream, authorization: str) -> None:
    for version in ("", "2026-07-28"):
        answer = server.post(
            {"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
            Authorization=authorization,
            MCP_Protocol_Version=version,
        )
        assert answer.status == 401
        challenge = answer.headers["www-authenticate"]
        assert challenge.startswith("Bearer ")
        assert 'scope="project:read"' in challenge
        assert "resource_metadata" not in challenge, "there is no issuer to send anybody to"
        assert set(answer.json) == {"error"}
    assert upstream.recorder.requests == []


def test_two_tokens_are_one_too_many(server: Served) -> None:
    with server.socket() as connection:
        both = "".join(f"Authorization: Bearer {token_of(name)}\r\n" for name in ("ada", "reader"))
        connection.sendall(f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n{both}Content-Length: 0\r\n\r\n".encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS", "HEAD"])
def test_every_method_needs_the_token(server: Served, method: str) -> None:
    assert server.get("/mcp", method).status == 401


def test_health_needs_none(server: Served) -> None:
    assert server.get("/healthz").status == 200
    assert server.get("/readyz").status == 200


def test_the_scheme_is_known_in_any_case(server: Served) -> None:
    for scheme in ("bearer", "BEARER"):
        message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        answer = server.post(message, Authorization=f"{scheme} {token_of('ada')}", MCP_Protocol_Version="")
        assert answer.status == 200


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_the_sdks_own_client_comes_in(server: Served, upstream: Upstream, era: Era) -> None:
    async with server.client(token_of("reader"), era) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == READERS
        assert body_of(await client.call_tool("project_get", {"project_id": PRODUCTION_ID}))["id"] == PRODUCTION_ID
        _, detail = refusal_of(await client.call_tool("project_create", {"name": "x"}))
        assert detail["kind"] == "caller_scope"
    assert upstream.recorder.writes == []


# What each may do ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tools", "kind"),
    [
        ("none", [], "caller_scope"),
        ("reader", READERS, "caller_scope"),
        ("low", READERS, "access_level"),
        ("middle", sorted(READERS + CHANGERS), "access_level"),
        ("weak-key", READERS, "missing_scope"),
    ],
)
def test_what_is_not_allowed_is_neither_listed_nor_run(
    server: Served, upstream: Upstream, name: str, tools: list[str], kind: str
) -> None:
    listed = server.tools(token_of(name))
    assert sorted(listed) == sorted(tools)
    assert server.call(RESET, MOBILE, token_of(name)).refusal["kind"] == kind
    everything = server.tools(token_of("ada"))
    assert len(everything) == 13
    for tool in sorted(set(everything) - set(listed)):
        assert server.call(tool, {}, token_of(name)).refusal["kind"] == kind
    assert upstream.recorder.requests == []


def test_a_key_for_one_project_is_that_also_over_http(server: Served) -> None:
    token = token_of("narrow-key")
    assert "project_list" not in server.tools(token)
    assert "project_create" not in server.tools(token)
    assert server.call("project_get", {"project_id": PRODUCTION_ID}, token).result["id"] == PRODUCTION_ID
    assert server.call("project_get", {"project_id": MOBILE_ID}, token).refusal["kind"] == "key_restricted"


@pytest.mark.parametrize("given", [{}, {"organization_id": NORTHWIND_ID}])
def test_a_caller_of_one_organization_reaches_that_one(
    server: Served, upstream: Upstream, given: dict[str, str]
) -> None:
    answer = server.call("project_list", given, token_of("northwind"))
    assert {project["id"] for project in answer.result["projects"]} >= {NORTHWIND_PROJECT_ID}
    assert answer.result["organization_id"] == NORTHWIND_ID
    assert all(f"/organizations/{NORTHWIND_ID}/" in request.path for request in upstream.recorder.requests)


@pytest.mark.parametrize("organization", [ACME_ID, "@current"])
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("project_list", {}),
        ("project_get", {}),
        ("project_get", {"project_id": PRODUCTION_ID}),
        ("project_activity", {"project_id": PRODUCTION_ID}),
        ("project_create", {"name": "x"}),
        ("project_update", {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}}),
        ("project_delete", MOBILE),
    ],
)
def test_a_caller_of_one_organization_reaches_no_other(
    server: Served, upstream: Upstream, tool: str, arguments: dict[str, Any], organization: str
) -> None:
    answer = server.call(tool, {**arguments, "organization_id": organization}, token_of("northwind"))
    assert answer.refusal["kind"] == "caller_organization"
    assert upstream.recorder.requests == []


@pytest.mark.parametrize("project", [PRODUCTION_ID, None])
def test_a_project_of_another_organization_is_not_found_there(server: Served, project: int | None) -> None:
    arguments = {} if project is None else {"project_id": project}
    answer = server.call("project_get", arguments, token_of("northwind"))
    assert answer.refusal["kind"] in {"not_found", "other_organization"}
    for tool in ("project_activity", "project_is_generating_demo_data"):
        assert server.call(tool, {"project_id": PRODUCTION_ID}, token_of("northwind")).refusal["kind"] == "not_found"


def test_a_caller_of_one_organization_moves_nothing_into_another(server: Served, upstream: Upstream) -> None:
    name = "Stays where it is"
    project = server.call("project_create", {"name": name}, token_of("acme")).result["project"]["id"]
    before = len(upstream.recorder.writes)
    arguments = {"project_id": project, "confirm_project_name": name, "target_organization_id": NORTHWIND_ID}
    answer = server.call("project_change_organization", arguments, token_of("acme"))
    assert answer.refusal["kind"] == "caller_organization"
    assert len(upstream.recorder.writes) == before


@pytest.mark.parametrize(("name", "project"), [("careful", MOBILE), ("careful", DEMO_ID), ("ada", DEMO_ID)])
def test_protected_projects_are_the_operators_and_the_callers(
    server: Served, upstream: Upstream, name: str, project: Any
) -> None:
    arguments = MOBILE if project is MOBILE else {"project_id": DEMO_ID, "confirm_project_name": "Acme demo"}
    assert server.call(RESET, arguments, token_of(name)).refusal["kind"] == "protected_project"
    assert upstream.recorder.requests == []
    if name == "careful":
        assert server.call(RESET, MOBILE, token_of("ada")).result["outcome"] == "applied"


# One from the other -------------------------------------------------------------------------------------------------


def test_each_uses_its_own_key_and_no_token_leaves(server: Served, upstream: Upstream) -> None:
    for name, key in {"ada": READ_WRITE_KEY, "own-key": ALL_ACCESS_KEY, "weak-key": READ_ONLY_KEY}.items():
        upstream.recorder.requests.clear()
        answer = server.call("project_get", {"project_id": PRODUCTION_ID}, token_of(name))
        assert answer.result["id"] == PRODUCTION_ID
        carried = {request.headers["authorization"] for request in upstream.recorder.requests}
        assert carried == {f"Bearer {key}"}
        assert key not in answer.body.decode()
    assert "pmcp_" not in upstream.everything


def test_a_named_credential_never_uses_the_session(server: Served, upstream: Upstream) -> None:
    server.call("project_activity", {"project_id": PRODUCTION_ID}, token_of("own-key"))
    assert SESSION_ID not in upstream.everything
    assert CSRF_TOKEN not in upstream.everything
    server.call("project_activity", {"project_id": PRODUCTION_ID}, token_of("ada"))
    assert SESSION_ID in upstream.everything


def test_what_posthog_refuses_one_is_not_refused_another(server: Served, upstream: Upstream) -> None:
    upstream.refuse = lambda scope: (
        403 if key_of(scope) == ONE_ORGANIZATION_KEY and "/projects/" in scope["path"] else 0
    )
    arguments = {"project_id": PRODUCTION_ID}
    assert server.call("project_get", arguments, token_of("refused")).refusal["kind"] == "forbidden"
    upstream.refuse = lambda _scope: 0
    before = len(upstream.recorder.requests)
    assert server.call("project_get", arguments, token_of("refused")).refusal["kind"] == "forbidden"
    assert len(upstream.recorder.requests) == before, "it is remembered"
    assert server.call("project_get", arguments, token_of("ada")).result["id"] == PRODUCTION_ID


def test_throttling_of_one_key_slows_nobody_else(server: Served, upstream: Upstream) -> None:
    arguments = {"project_id": PRODUCTION_ID}
    server.call("project_get", arguments, token_of("throttled"))
    upstream.refuse = lambda scope: 429 if key_of(scope) == MEMBER_KEY else 0
    refusal = server.call("project_get", arguments, token_of("throttled")).refusal
    assert (refusal["kind"], refusal["retry_after_s"]) == ("throttled", 50)
    upstream.recorder.requests.clear()
    refusal = server.call("project_get", arguments, token_of("throttled")).refusal
    assert refusal["kind"] == "throttled"
    assert refusal["request_sent"] is False
    began = time.monotonic()
    for name in ("ada", "own-key", "another"):
        assert server.call("project_get", arguments, token_of(name)).result["id"] == PRODUCTION_ID
    assert time.monotonic() - began < 1
    assert server.get("/readyz").status == 200


def test_callers_take_turns_with_a_project(server: Served, upstream: Upstream) -> None:
    """Reading before writing is one step, whoever does it: nobody overwrites what another has just merged."""
    upstream.delay = lambda scope: 0.2 if str(PRODUCTION_ID) in scope["path"] else 0.0
    values = {"ada": "Asia/Tokyo", "another": "Europe/Paris", "own-key": "America/Lima"}
    calls = [
        in_background(
            lambda name=name, zone=zone: server.call(  # type: ignore[misc]
                "project_update", {"project_id": PRODUCTION_ID, "settings": {"timezone": zone}}, token_of(name)
            )
        )
        for name, zone in values.items()
    ]
    receipts = [call.result(PATIENCE_S).result for call in calls]
    lines = [request.method for request in upstream.recorder.requests]
    assert lines == ["GET", "PATCH"] * 3
    before = {json.dumps(receipt.get("changed", {}).get("timezone", {}).get("before")) for receipt in receipts}
    assert len(before) == 3, "each receipt tells what the one before it has written"


@pytest.mark.parametrize("other", ["another", "own-key", "careful"])
def test_a_yes_of_one_caller_is_not_anothers(server: Served, upstream: Upstream, other: str) -> None:
    state = server.call(RESET, MOBILE, token_of("ada"), asks=True).question
    before = len(upstream.recorder.requests)
    answer = server.call(RESET, MOBILE, token_of(other), asks=True, state=state)
    assert answer.json["error"]["code"] == -32602
    assert len(upstream.recorder.requests) == before
    assert server.call(RESET, MOBILE, token_of("ada"), asks=True, state=state).result["outcome"] == "applied"


def test_the_journal_names_the_caller(server: Served, upstream: Upstream, audit: Path) -> None:
    answer = server.call("project_create", {"name": "Named in the journal"}, token_of("another"))
    project = answer.result["project"]["id"]
    lines = [line for line in journal_of(audit) if line["tool"] == "project_create"][-2:]
    assert [(line["event"], line["caller"]) for line in lines] == [("intent", "another"), ("outcome", "another")]
    assert lines[1]["project"] == project
    heard = server.stderr.count('"caller":"reader"}')
    server.call("project_list", {}, token_of("reader"))
    server.wait_for('"caller":"reader"}', heard + 1)


# How much -----------------------------------------------------------------------------------------------------------


def test_one_call_at_a_time(server: Served, upstream: Upstream) -> None:
    upstream.delay = lambda scope: 1.0 if "/projects/" in scope["path"] else 0.0
    arguments = {"project_id": PRODUCTION_ID}
    first = in_background(lambda: server.call("project_get", arguments, token_of("single")))
    assert upstream.arrived.wait(PATIENCE_S)
    refusal = server.call("project_get", arguments, token_of("single")).refusal
    assert (refusal["kind"], refusal["request_sent"], refusal["retryable"]) == ("too_many_calls", False, True)
    assert refusal["retry_after_s"] >= 1
    upstream.delay = lambda _scope: 0.0
    assert server.call("project_get", arguments, token_of("ada")).result["id"] == PRODUCTION_ID
    assert first.result(PATIENCE_S).result["id"] == PRODUCTION_ID
    assert server.call("project_get", arguments, token_of("single")).result["id"] == PRODUCTION_ID


def test_a_call_that_was_given_up_leaves_its_place(server: Served, upstream: Upstream) -> None:
    upstream.delay = lambda scope: 5.0 if scope["path"].endswith(f"/{PRODUCTION_ID}/") else 0.0
    arguments = {"project_id": PRODUCTION_ID}
    assert server.call("project_list", {}, token_of("single")).status == 200
    upstream.arrived.clear()
    server.begin("project_get", arguments, token_of("single"), until=upstream.arrived).close()
    upstream.delay = lambda _scope: 0.0

    def free() -> bool:
        return not server.call("project_get", arguments, token_of("single")).json["result"].get("isError")

    assert eventually(free, 3)


def test_a_few_calls_a_minute(server: Served, upstream: Upstream) -> None:
    answers = [server.call("project_list", {}, token_of("seldom")) for _ in range(4)]
    assert [bool(answer.json["result"].get("isError")) for answer in answers] == [False, False, True, True]
    refusal = answers[-1].refusal
    assert refusal["kind"] == "too_many_calls"
    assert 25 <= refusal["retry_after_s"] <= 30
    text = answers[-1].json["result"]["content"][0]["text"]
    assert f"{refusal['retry_after_s']} seconds" in text
    assert "2 a minute" in text
    assert len(server.tools(token_of("seldom"))) == 13
    assert len(upstream.recorder.requests) == 2


@given(
    per_minute=st.integers(1, 300),
    pauses=st.lists(st.floats(0, 30, allow_nan=False), max_size=60),
)
def test_an_allowance_is_kept_and_its_seconds_are_true(per_minute: int, pauses: list[float]) -> None:
    now = 0.0
    allowance = RateLimiter(at_once=1_000, per_minute=per_minute, clock=lambda: now)
    taken: list[float] = []
    for pause in pauses:
        now += pause
        try:
            with allowance.acquire():
                taken.append(now)
        except TooManyCalls as refusal:
            assert len(taken) >= per_minute
            now += refusal.retry_after_s
            with allowance.acquire():
                taken.append(now)
    for begin in taken:
        within = [when for when in taken if begin <= when < begin + 60]
        assert len(within) <= 2 * per_minute, "no more than what is saved and what comes back"


# Reading the file again ---------------------------------------------------------------------------------------------


def test_the_file_is_read_again_on_request(upstream: Upstream, tmp_path: Path) -> None:
    path = write_callers(
        tmp_path / "callers", entry("ada"), entry("leaves"), entry("moves", credential="everything"), KEYS
    )
    settings = {"PROJECTS_MCP_CALLERS": str(path), "PROJECTS_MCP_AUDIT_LOG": str(tmp_path / "audit")}
    read_again, former = "has been read again", "The former callers stay."
    with served(POSTHOG_HOST=upstream.origin, **HARMLESS, **VARIABLES, **settings) as server:
        assert server.call("project_list", {}, token_of("comes")).status == 401
        upstream.delay = lambda scope: 1.5 if writing(scope) else 0.0
        slow = in_background(lambda: server.call("project_create", {"name": "Slow"}, token_of("leaves")))
        assert upstream.arrived.wait(PATIENCE_S)
        # A request that has come in, and whose body is still on its way.
        half = server.begin("project_list", {}, token_of("moves"), hold=True)
        time.sleep(0.2)

        write_callers(path, entry("ada", scopes=READ), entry("comes"))
        server.send_signal(signal.SIGHUP)
        server.wait_for(read_again)
        assert server.call("project_list", {}, token_of("leaves")).status == 401
        assert server.call("project_list", {}, token_of("comes")).status == 200
        assert server.tools(token_of("ada")) == READERS
        assert slow.result(PATIENCE_S).result["outcome"] == "applied", "what was under way has gone on"
        assert half.finish() == 200, "it is answered, whatever its caller may still do"

        broken = {
            "[callers.ada\n": "is not TOML at line 1",
            entry("ada") + "[callers.ada]\n": "is not TOML at line",
            entry("ada", surprise=1): "surprise",
            "": "names no caller",
            f"x = {'[' * 5_000}": "is not TOML",
        }
        for count, (text, why) in enumerate(broken.items(), 1):
            write_callers(path, text)
            server.send_signal(signal.SIGHUP)
            said = server.wait_for(former, count)
            assert why in [line for line in said.splitlines() if former in line][-1]
            assert server.call("project_list", {}, token_of("comes")).status == 200
        write_callers(path, entry("ada"), mode=0o644)
        server.send_signal(signal.SIGHUP)
        assert "can be read by others" in server.wait_for(former, len(broken) + 1)
        path.unlink()
        server.send_signal(signal.SIGHUP)
        assert "cannot be read" in server.wait_for(former, len(broken) + 2)
        assert server.call("project_list", {}, token_of("comes")).status == 200

        write_callers(path, entry("ada"), entry("moves", credential="everything"), KEYS)
        server.send_signal(signal.SIGHUP)
        server.wait_for(read_again, 2)
        assert len(server.tools(token_of("ada"))) == 13
        assert server.call("project_list", {}, token_of("comes")).status == 401
        assert server.end() == 0
    assert "Traceback" not in server.stderr


def test_a_key_that_was_replaced_is_used_from_then_on(upstream: Upstream, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{READ_ONLY_KEY}\n", encoding="utf-8")
    credential = f'[credentials.filed]\nkey_file = "{key}"\n'
    path = write_callers(tmp_path / "callers", entry("ada", credential="filed"), credential)
    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_CALLERS=str(path)) as server:
        assert server.tools(token_of("ada")) == READERS
        key.write_text(ALL_ACCESS_KEY, encoding="utf-8")
        server.send_signal(signal.SIGHUP)
        server.wait_for("has been read again")
        assert len(server.tools(token_of("ada"))) == 13
        assert upstream.keys == {READ_ONLY_KEY, ALL_ACCESS_KEY}
        assert ALL_ACCESS_KEY not in server.stderr


# The file itself ----------------------------------------------------------------------------------------------------

HASH = "ab" * 32
PLANTED = "PlantedContentOfTheFile"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no caller"),
        (f"[callers.a]\n{PLANTED}\n", "is not TOML at line 2"),
        (f"[callers.a]\ntoken_sha256 = {PLANTED}", "is not TOML at line 2"),
        (f'[callers.a]\nx = "{PLANTED}"\nx = 2\n', "is not TOML at line 3"),
        (f"[callers.a]\nx = '{PLANTED}", "is not TOML"),
        (f"x = {'[' * 5_000}", "is not TOML"),
        (f"x = 1{'0' * 5_000}", "PROJECTS_MCP_CALLERS"),
        (f"callers = '{PLANTED}'", "[callers.NAME]"),
        (f"[callers]\na = '{PLANTED}'", "[callers.NAME]"),
        ("[surprise]\nx = 1", "[surprise]"),
        (f'["{PLANTED} {PLANTED}"]\nx = 1', "[…]"),
        (f'[callers."{PLANTED} {PLANTED}"]\nscopes = []', "letters, digits"),
        ("[callers.a]\nscopes = []", "[callers.a] needs token_sha256"),
        (f'[callers.a]\ntoken_sha256 = "{PLANTED}"\nscopes = []', "64 hexadecimal digits"),
        ("[callers.a]\ntoken_sha256 = 1\nscopes = []", "must be a text"),
        (f'[callers.a]\ntoken_sha256 = "{HASH}"', "needs scopes"),
        (entry("a", scopes=PLANTED), "needs scopes"),
        (entry("a", scopes=[PLANTED]), "project:read and project:write"),
        (entry("a", scopes=["*"]), "project:read and project:write"),
        (entry("a", access=PLANTED), "read, write, full"),
        (entry("a", access="FULL"), "read, write, full"),
        (entry("a", organization=PLANTED), "must be a UUID"),
        (entry("a", organization="@current"), "must be a UUID"),
        (entry("a", organization=""), "must be a UUID"),
        (entry("a", credential=PLANTED), "names a credential that is not there"),
        (entry("a", credential=""), "names a credential that is not there"),
        (entry("a", protected_projects=PLANTED), "list of project ids"),
        (entry("a", protected_projects=["1"]), "list of project ids"),
        (entry("a", protected_projects=[True]), "list of project ids"),
        (entry("a", concurrent_calls=0), "a number from 1"),
        (entry("a", calls_per_minute=-1), "a number from 1"),
        (entry("a", calls_per_minute=True), "a number from 1"),
        (entry("a", surprise=PLANTED), "nothing named surprise"),
        (entry("a") + f"token = '{token_of('a')}'", "nothing named token"),
        (entry("a", "same") + entry("b", "same"), "[callers.b] has the token of another caller"),
        (entry("a") + "[credentials.default]\nkey_env = 'X'", "the key of the process itself"),
        (entry("a") + "[credentials.x]\n", "needs key_env"),
        (entry("a") + "[credentials.x]\nkey_env = 'GIVEN'\nkey_file = 'b'", "needs key_env"),
        (entry("a") + "[credentials.x]\nkey_env = 'NOT_GIVEN'", "is not set"),
        (entry("a") + "[credentials.x]\nkey_env = 'EMPTY'", "is not set"),
        (entry("a") + "[credentials.x]\nkey_env = 'WRONG'", "[credentials.x]"),
        (entry("a") + "[credentials.x]\nkey_file = '/nowhere/at/all'", "cannot be read"),
        (entry("a") + f"[credentials.x]\nkey = '{PLANTED}'", "needs key_env"),
    ],
)
def test_a_wrong_file_is_refused_without_its_content(tmp_path: Path, text: str, why: str) -> None:
    path = write_callers(tmp_path / "callers", text)
    environment = {"GIVEN": ALL_ACCESS_KEY, "EMPTY": " ", "WRONG": f"{PLANTED} ü"}
    with pytest.raises(SettingsError) as error:
        load_callers(path, environment)
    said = str(error.value)
    assert why in said
    assert "PROJECTS_MCP_CALLERS" in said or "[credentials.x]" in said
    assert "\n" not in said
    assert PLANTED not in said
    assert HASH not in said
    assert ALL_ACCESS_KEY not in said


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[callers.a]\nx = '\xff'", b"#" * 1_048_577])
def test_what_is_no_text_or_too_long_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "callers"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(SettingsError, match="PROJECTS_MCP_CALLERS"):
        load_callers(path, {})


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602, 0o601, 0o777])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = write_callers(tmp_path / "callers", entry("a"), mode=mode)
    with pytest.raises(SettingsError, match="can be read by others"):
        load_callers(path, {})


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_private_file_is_taken(tmp_path: Path, mode: int) -> None:
    path = write_callers(tmp_path / "callers", entry("a"), mode=mode)
    assert [caller.name for caller in load_callers(path, {}).by_hash.values()] == ["a"]


def test_a_start_with_a_wrong_file_says_so_in_one_line(tmp_path: Path) -> None:
    path = write_callers(tmp_path / "callers", entry("a"), mode=0o644)
    line = refused_start(**HARMLESS, PROJECTS_MCP_CALLERS=str(path))
    assert line == "projects-mcp: PROJECTS_MCP_CALLERS can be read by others: chmod 600 it."
    for other in (tmp_path, tmp_path / "missing"):
        assert "cannot be read" in refused_start(**HARMLESS, PROJECTS_MCP_CALLERS=str(other))


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: data.decode("latin-1")))
def test_no_text_makes_it_fail_otherwise(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any"
    path.write_bytes(text.encode(errors="surrogatepass"))
    path.chmod(0o600)
    with pytest.raises(SettingsError):
        load_callers(path, {})


@pytest.mark.parametrize("name", ["ci.deploy-1", "A_b", "9" * 64])
def test_a_new_entry_can_be_used_as_it_is(tmp_path: Path, name: str) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "projects_mcp", "caller", "new", name],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=CLEAN,
        check=True,
    )
    token = made.stderr.split()[-1]
    assert made.stderr.count("\n") == 1
    assert token.startswith("pmcp_")
    assert len(token) > 40
    assert token not in made.stdout, "what goes into the file does not hold it"
    assert list(tomllib.loads(made.stdout)["callers"]) == [name]
    callers = load_callers(write_callers(tmp_path / "callers", made.stdout), {})
    caller = callers.of_token(token)
    assert caller is not None
    assert (caller.name, caller.rights.scopes, caller.access.value) == (name, frozenset(["project:read"]), "read")
    assert callers.of_token(token + "x") is None
    assert token not in repr(callers)


def test_no_two_tokens_are_alike() -> None:
    assert len({new_entry("a")[0] for _ in range(100)}) == 100


@pytest.mark.parametrize("name", ["", "-a", "a b", "ü", "a\n[callers.b]", 'a"', "x" * 65, "../a", "[a]"])
def test_a_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        new_entry(name)


def test_a_wrong_name_is_a_wrong_usage() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "projects_mcp", "caller", "new", "a b"],
        capture_output=True,
        timeout=PATIENCE_S,
        env=CLEAN,
        check=False,
    )
    assert (made.returncode, made.stdout, made.stderr.count(b"\n")) == (2, b"", 1)


def test_over_other_addresses_a_token_is_enough(upstream: Upstream, tmp_path: Path) -> None:
    path = write_callers(tmp_path / "callers", entry("ada"))
    settings = {"PROJECTS_MCP_CALLERS": str(path), "PROJECTS_MCP_ALLOWED_HOSTS": "mcp.example.com"}
    with served("--host", "0.0.0.0", POSTHOG_HOST=upstream.origin, **HARMLESS, **settings) as server:  # noqa: S104
        assert "no token" not in server.stderr
        message = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        for host, status in {"mcp.example.com": 200, "192.0.2.7": 421}.items():
            answer = server.post(message, token_of("ada"), Host=host, MCP_Protocol_Version="")
            assert answer.status == status
        assert server.call("project_list").status == 401


def test_calls_of_many_callers_at_once_do_not_mix(server: Served, upstream: Upstream) -> None:
    upstream.delay = lambda _scope: 0.02
    names = {"ada": READ_WRITE_KEY, "own-key": ALL_ACCESS_KEY, "weak-key": READ_ONLY_KEY, "northwind": READ_WRITE_KEY}
    organizations: dict[str, set[str]] = {name: set() for name in names}
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for _ in range(10):
                answer = server.call("project_list", {}, token_of(name))
                organizations[name].add(answer.result["organization_id"])
        except BaseException as error:  # noqa: BLE001 - seen below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in names for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert failures == []
    assert organizations == {"ada": {ACME_ID}, "own-key": {ACME_ID}, "weak-key": {ACME_ID}, "northwind": {NORTHWIND_ID}}
    for request in upstream.recorder.requests:
        if NORTHWIND_ID in request.path:
            assert request.headers["authorization"] == f"Bearer {READ_WRITE_KEY}"
