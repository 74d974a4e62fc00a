"""What is offered is what is allowed: every access level, every kind of key, every tool, in both eras.

The expectation is stated anew here, from the rules and not from the code: which tools a key may use, and why not.
"""

import json
import re
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp import sandbox
from projects_mcp.policy.access import Access
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID, STAGING_ID
from tests.contract import operations
from tests.contract.operations import ARGUMENTS
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

READS, DESTROYS, ALL = set(operations.READS), set(operations.DESTROYS), set(operations.TOOLS)
ORGANIZATIONS = {"organization_list"}
AT_LEVEL = {"read": READS, "write": ALL - DESTROYS, "full": ALL}
WITH_KEY = {
    sandbox.READ_ONLY_KEY: READS - ORGANIZATIONS,
    sandbox.READ_WRITE_KEY: ALL,
    sandbox.ALL_ACCESS_KEY: ALL,
    sandbox.NO_SCOPE_KEY: set[str](),
    sandbox.ONE_PROJECT_KEY: {*operations.ON_PROJECT, "project_list"},  # which reads its projects one by one
    sandbox.ONE_ORGANIZATION_KEY: ALL - ORGANIZATIONS,
    sandbox.MEMBER_KEY: ALL - ORGANIZATIONS,
    sandbox.OAUTH_TOKEN: ALL,  # its grant is unknown, so PostHog decides
    "phx_a_key_that_does_not_exist": ALL,
}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("level", list(Access))
@pytest.mark.parametrize("key", list(WITH_KEY))
async def test_a_tool_is_listed_if_and_only_if_it_is_allowed(era: Era, level: str, key: str) -> None:
    allowed = AT_LEVEL[level] & WITH_KEY[key]
    harness = Harness()
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=key, PROJECTS_MCP_ACCESS=level) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == allowed
        for tool in sorted(ALL - allowed):
            text, detail = refusal_of(await client.call_tool(tool, ARGUMENTS[tool]))
            assert detail["request_sent"] is False
            assert detail["kind"] in {"access_level", "missing_scope", "key_restricted"}
            assert "Nothing was changed." in text
            assert key not in text
            if tool not in AT_LEVEL[level]:
                assert "PROJECTS_MCP_ACCESS" in text
            else:
                assert "/settings/user-api-keys" in text
        assert harness.sent == [], "the trap: a refused call sends nothing"
    assert len(harness.recorder.inquiries) == (0 if key == sandbox.OAUTH_TOKEN else 1), "asked once"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("why", ["older server", "no network", "no answer", "nonsense"])
async def test_a_grant_that_cannot_be_read_leaves_the_decision_to_posthog(harness: Harness, era: Era, why: str) -> None:
    inner = harness.recorder._application  # noqa: SLF001 - to stand before it

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/api/personal_api_keys/"):
            if why == "no network":
                raise OSError("no route")
            if why == "no answer":
                await anyio.sleep(60)
            body = b"<html>" if why == "older server" else b'{"scopes": {"project": 1}, "scoped_teams": "all"}'
            kind = b"text/html" if why == "older server" else b"application/json"
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
            await send({"type": "http.response.body", "body": body})
            return
        await inner(scope, receive, send)

    other = Harness(world=harness.world, application=application)
    async with other.client(era, POSTHOG_PERSONAL_API_KEY=sandbox.READ_ONLY_KEY) as client:
        with anyio.fail_after(30):  # half of what PostHog takes
            assert len((await client.list_tools()).tools) == len(ALL)
        text, detail = refusal_of(await client.call_tool("project_create", {"name": "New"}))
        assert detail["kind"] == "missing_scope"
        assert detail["status"] == 403
        assert "project:write" in text
        assert [sent.method for sent in other.recorder.requests] == ["GET", "POST"]
        # PostHog has said no: it is not asked again, and the tool is gone from the list.
        again, detail = refusal_of(await client.call_tool("project_create", {"name": "New"}))
        assert again.startswith(text)
        assert re.search(r"Once that is mended, call again after \d\d? seconds\.$", again)
        assert detail["request_sent"] is False
        assert len(other.recorder.requests) == 2
        assert "project_create" not in {tool.name for tool in (await client.list_tools()).tools}
        body_of(await client.call_tool("project_get", {"project_id": PRODUCTION_ID}))


@pytest.mark.parametrize("era", ERAS)
async def test_what_depends_on_the_project_is_learned_for_that_project_only(harness: Harness, era: Era) -> None:
    harness.world.behaviour = replace(harness.world.behaviour, key_introspection=False)
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=sandbox.ONE_PROJECT_KEY) as client:
        for _ in range(2):
            refusal_of(await client.call_tool("project_get", {"project_id": MOBILE_ID}))
        assert len(harness.recorder.requests) == 1
        body_of(await client.call_tool("project_get", {"project_id": PRODUCTION_ID}))
        assert "project_get" in {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.parametrize("era", ERAS)
async def test_what_depends_on_the_fields_is_asked_again(harness: Harness, era: Era) -> None:
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=sandbox.MEMBER_KEY) as client:
        arguments: dict[str, Any] = {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}}
        text, detail = refusal_of(await client.call_tool("project_update", arguments))
        assert detail["kind"] == "role"
        assert "timezone" in text
        arguments["settings"] = {"surveys_opt_in": False}
        body_of(await client.call_tool("project_update", arguments))


OF_A_VALUE = (
    "You must upgrade your PostHog plan to set this value.",
    "Proactive tasks are not available for your organization.",
    "Only project admins can modify these settings: timezone",
    "You have reached the maximum limit of allowed projects for your current plan.",
    "CSRF Failed: CSRF token missing.",
)
OF_THE_KEY = (
    "API key missing required scope 'project:write'",
    "API key does not have access to the requested project: ID 12345.",
    "Organization 'Acme' does not allow using personal API keys. Contact an admin.",
    "Your organization restricts MCP access to read-only.",
    "This action does not support Personal API Key access",
)


@pytest.mark.parametrize("detail", [*OF_A_VALUE, *OF_THE_KEY])
async def test_a_refusal_of_one_value_is_none_of_the_operation(harness: Harness, detail: str) -> None:
    inner = harness.recorder._application  # noqa: SLF001 - to stand before it
    refusing = [True]

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET" or not refusing:
            await inner(scope, receive, send)
            return
        refusing.clear()
        body = {"type": "authentication_error", "code": "permission_denied", "detail": detail, "attr": None}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    other = Harness(world=harness.world, application=application)
    async with other.client() as client:
        arguments: dict[str, Any] = {"project_id": PRODUCTION_ID, "settings": {"surveys_opt_in": True}}
        refusal_of(await client.call_tool("project_update", arguments))
        arguments["settings"] = {"timezone": "Asia/Tokyo"}
        second = await client.call_tool("project_update", arguments)
    if detail in OF_A_VALUE:
        assert body_of(second)["outcome"] == "applied"
    else:
        assert refusal_of(second)[1]["request_sent"] is False
        assert len(other.recorder.writes) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_protected_projects(harness: Harness, era: Era) -> None:
    async with harness.client(era, PROJECTS_MCP_PROTECTED_PROJECTS=f"{PRODUCTION_ID},77") as client:
        assert len((await client.list_tools()).tools) == len(ALL)
        for tool in DESTROYS:
            text, detail = refusal_of(await client.call_tool(tool, ARGUMENTS[tool]))
            assert detail["kind"] == "protected_project"
            assert "PROJECTS_MCP_PROTECTED_PROJECTS" in text
        assert harness.sent == []
        body_of(await client.call_tool("project_update", {"project_id": PRODUCTION_ID, "settings": {"tags": ["a"]}}))
        body_of(
            await client.call_tool("project_delete", {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"})
        )


@pytest.mark.parametrize("era", ERAS)
async def test_only_these_projects(harness: Harness, era: Era) -> None:
    async with harness.client(era, PROJECTS_MCP_ONLY_PROJECTS=f"{MOBILE_ID},{STAGING_ID}") as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == ALL - {"project_create"}
        for tool in sorted(ALL - {"project_list", *ORGANIZATIONS}):
            text, detail = refusal_of(await client.call_tool(tool, ARGUMENTS[tool]))
            assert detail["kind"] == "only_projects"
            assert "PROJECTS_MCP_ONLY_PROJECTS" in text
        refusal_of(await client.call_tool("project_get", {}))
        assert harness.sent == [], "not even the current project is read: it could be any"
        body = body_of(await client.call_tool("project_list", {}))
        assert [row["id"] for row in body["projects"]] == [STAGING_ID, MOBILE_ID]
        assert body["total"] == 2
        body = body_of(await client.call_tool("project_list", {"limit": 1}))
        assert ([row["id"] for row in body["projects"]], body["next_offset"]) == ([STAGING_ID], 1)
        body = body_of(await client.call_tool("project_list", {"limit": 1, "offset": 1}))
        assert [row["id"] for row in body["projects"]] == [MOBILE_ID]
        assert "next_offset" not in body
        body_of(await client.call_tool("project_get", {"project_id": MOBILE_ID}))


@pytest.mark.parametrize("era", ERAS)
async def test_a_key_of_one_organization(harness: Harness, era: Era) -> None:
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=sandbox.ONE_ORGANIZATION_KEY) as client:
        for tool in operations.IN_ORGANIZATION:
            arguments = {**ARGUMENTS[tool], "organization_id": _other_organization(harness)}
            _, detail = refusal_of(await client.call_tool(tool, arguments))
            assert detail["kind"] == "key_restricted"
    assert harness.sent == []


def _other_organization(harness: Harness) -> str:
    (only,) = harness.world.api_keys[sandbox.ONE_ORGANIZATION_KEY].scoped_organizations
    return next(organization for organization in harness.world.organizations if organization != only)


@pytest.mark.parametrize("era", ERAS)
async def test_session_only_operations_with_a_key_alone(harness: Harness, era: Era) -> None:
    async with harness.client(era, POSTHOG_SESSION_ID="", POSTHOG_CSRF_TOKEN="") as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        for tool in [tool for tool in operations.SESSION_ONLY if tool in tools]:
            assert "browser session" in (tools[tool].description or "")
            text, detail = refusal_of(await client.call_tool(tool, ARGUMENTS[tool]))
            assert detail["kind"] == "session_only"
            assert detail["outcome"] in {None, "not_applied"}
            assert "https://posthog.test/settings/project" in text
            assert "POSTHOG_SESSION_ID" in text
            before = len(harness.recorder.requests)
            refusal_of(await client.call_tool(tool, ARGUMENTS[tool]))
            assert len(harness.recorder.requests) == before


@pytest.mark.parametrize("era", ERAS)
async def test_an_expired_session_and_a_wrong_csrf_token_are_told_apart(harness: Harness, era: Era) -> None:
    async with harness.client(era, POSTHOG_CSRF_TOKEN="wrong_csrf_token_0000") as client:
        text, detail = refusal_of(await client.call_tool("project_reset_token", operations.NAMED))
        assert detail["kind"] == "csrf"
        assert "POSTHOG_CSRF_TOKEN" in text
    async with harness.client(era, POSTHOG_SESSION_ID="expired_session_0000") as client:
        text, detail = refusal_of(await client.call_tool("project_activity", {"project_id": PRODUCTION_ID}))
        assert detail["kind"] == "session_expired"
        assert "expired" in text
        assert "POSTHOG_HOST" not in text


@pytest.mark.parametrize("era", ERAS)
async def test_what_is_known_of_a_key_outlives_a_passing_failure(harness: Harness, era: Era) -> None:
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=sandbox.READ_ONLY_KEY) as client:
        server = client.server
        assert isinstance(server, ProjectsServer)
        runner = server._runner  # noqa: SLF001 - to let time pass
        assert isinstance(runner, ToolRunner)
        grants = runner._services.key_access  # noqa: SLF001 - as above
        assert len((await client.list_tools()).tools) == 4
        harness.world.behaviour = replace(harness.world.behaviour, database_unavailable=True)
        now = anyio.current_time()
        for late in (now + 1_200, now + 2_400):
            grants.clock = partial(float, late)
            assert len((await client.list_tools()).tools) == 4
        _, detail = refusal_of(await client.call_tool("project_reset_token", ARGUMENTS["project_reset_token"]))
        assert detail["kind"] == "missing_scope"
    assert harness.recorder.writes == []
    assert len(harness.recorder.inquiries) == 3


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", ["project_activity", "project_is_generating_demo_data"])
async def test_a_session_does_not_reach_where_the_key_is_restricted(harness: Harness, era: Era, tool: str) -> None:
    (only,) = harness.world.api_keys[sandbox.ONE_ORGANIZATION_KEY].scoped_organizations
    admin = harness.world.users[sandbox.ADMIN_ID]
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=sandbox.ONE_ORGANIZATION_KEY) as client:
        inside = next(number for number, each in harness.world.projects.items() if each.fields["organization"] == only)
        outside = next(number for number, each in harness.world.projects.items() if each.fields["organization"] != only)
        admin.current_organization_id = only
        body_of(await client.call_tool(tool, {"project_id": inside}))
        admin.current_organization_id = _other_organization(harness)
        refusal_of(await client.call_tool(tool, {"project_id": outside}))
    by_session = [request for request in harness.recorder.requests if "cookie" in request.headers]
    assert all(only in request.path and str(inside) in request.path for request in by_session)
    assert len(by_session) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_a_refused_write_is_not_asked_about_again(harness: Harness, era: Era) -> None:
    asked = 0

    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        nonlocal asked
        asked += 1
        return ElicitResult(action="accept", content={"confirm": True})

    arguments = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
    async with harness.client(era, ask, POSTHOG_SESSION_ID="", POSTHOG_CSRF_TOKEN="") as client:
        for _ in range(2):
            _, detail = refusal_of(await client.call_tool("project_reset_token", arguments))
            assert detail["kind"] == "session_only"
    assert asked == 1
