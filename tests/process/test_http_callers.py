"""Callers with tokens over HTTP: who comes in, and what each may do."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.sandbox import (
    ACME_ID,
    DEMO_ID,
    MOBILE_ID,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    PRODUCTION_ID,
    READ_WRITE_KEY,
)
from tests.contract.operations import TOOLS
from tests.support.callers import entry, token_of, write_callers
from tests.support.callers_server import MOBILE, READERS, READERS_BY_KEY, RESET
from tests.support.harness import ERAS, Era, body_of, refusal_of
from tests.support.messages import message_of
from tests.support.posthog import Upstream
from tests.support.served import HARMLESS, Served, served

CHANGERS = [
    "project_cancel_deletion",
    "project_create",
    "project_update",
    "project_add_product_intent",
    "project_complete_product_onboarding",
]


@pytest.fixture(scope="module")
def server(callers_server: Served) -> Served:
    return callers_server


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


# What each may do ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "tools", "kind"),
    [
        ("none", [], "caller_scope"),
        ("reader", READERS, "caller_scope"),
        ("low", READERS, "caller_access"),
        ("middle", sorted(READERS + CHANGERS), "caller_access"),
        ("weak-key", READERS_BY_KEY, "missing_scope"),
    ],
)
def test_what_is_not_allowed_is_neither_listed_nor_run(
    server: Served, upstream: Upstream, name: str, tools: list[str], kind: str
) -> None:
    listed = server.tools(token_of(name))
    assert sorted(listed) == sorted(tools)
    assert server.call(RESET, MOBILE, token_of(name)).refusal["kind"] == kind
    everything = server.tools(token_of("ada"))
    assert len(everything) == len(TOOLS)
    for tool in sorted(set(everything) - set(listed)):
        assert server.call(tool, {}, token_of(name)).refusal["kind"] == kind
    assert upstream.recorder.requests == []


def test_a_key_for_one_project_is_that_also_over_http(server: Served) -> None:
    token = token_of("narrow-key")
    assert "project_create" not in server.tools(token)
    listed = server.call("project_list", {}, token).result["projects"]
    assert [row["id"] for row in listed] == [PRODUCTION_ID], "read by itself"
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


def test_an_audit_and_a_comparison_of_a_caller_stay_in_its_organization(server: Served, upstream: Upstream) -> None:
    token = token_of("northwind")
    answer = server.call("project_list", {"where": {"anonymize_ips": [True, False]}}, token)
    assert {project["id"] for project in answer.result["projects"]} == {NORTHWIND_PROJECT_ID}
    compared = {"project_id": NORTHWIND_PROJECT_ID, "compare_to": PRODUCTION_ID}
    assert server.call("project_get", compared, token).refusal["kind"] == "no_other_project"
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


def test_a_change_for_good_needs_the_callers_full_access(server: Served, upstream: Upstream) -> None:
    upstream.world.projects[MOBILE_ID].fields["conversations_enabled"] = True
    off = {**MOBILE, "settings": {"conversations_enabled": False}}
    assert server.call("project_update", off, token_of("middle")).refusal["kind"] == "caller_access"
    assert upstream.recorder.writes == []
    assert server.call("project_update", off, token_of("ada")).result["outcome"] == "applied"


# What each is told --------------------------------------------------------------------------------------------------


def _configuration_of(server: Served, name: str) -> dict[str, Any]:
    uri = "projects://config"
    answer = server.post(message_of("resources/read", {"uri": uri}), token_of(name), Mcp_Name=uri)
    description: dict[str, Any] = json.loads(answer.json["result"]["contents"][0]["text"])
    return description


def test_a_caller_is_told_of_its_own_organization_and_projects_only(upstream: Upstream, tmp_path: Path) -> None:
    own = entry("northwind", organization=NORTHWIND_ID, protected_projects=[NORTHWIND_PROJECT_ID])
    callers = write_callers(tmp_path / "callers", own, entry("ada"))
    limits = {
        "PROJECTS_MCP_PROTECTED_PROJECTS": f"{DEMO_ID},{MOBILE_ID}",
        "PROJECTS_MCP_ONLY_PROJECTS": f"{DEMO_ID},{PRODUCTION_ID}",
    }
    keys = upstream.world.api_keys
    keys[READ_WRITE_KEY] = replace(keys[READ_WRITE_KEY], scoped_organizations=(ACME_ID, NORTHWIND_ID))
    with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_CALLERS=str(callers), **HARMLESS, **limits) as server:
        told = _configuration_of(server, "northwind")
        assert told["key"]["organizations"] == [NORTHWIND_ID]
        assert told["protected_projects"] == [NORTHWIND_PROJECT_ID]
        said = json.dumps(told)
        calls: list[tuple[str, dict[str, Any]]] = [
            ("project_get", {"project_id": NORTHWIND_PROJECT_ID}),
            ("project_get", {"project_id": PRODUCTION_ID, "organization_id": ACME_ID}),
            ("project_create", {"name": "x"}),
        ]
        for tool, arguments in calls:
            said += server.call(tool, arguments, token_of("northwind")).body.decode()
        for foreign in (ACME_ID, str(DEMO_ID), str(MOBILE_ID)):
            assert foreign not in said
        told = _configuration_of(server, "ada")
        assert told["protected_projects"] == sorted([DEMO_ID, MOBILE_ID])
