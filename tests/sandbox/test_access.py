"""What a caller may do: scopes, restrictions of keys, roles and plans."""

from typing import Any

import pytest

from projects_mcp.sandbox import (
    ACME_ID,
    ALL_ACCESS_KEY,
    CSRF_TOKEN,
    MEMBER_KEY,
    MOBILE_ID,
    NO_SCOPE_KEY,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    OAUTH_TOKEN,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    READ_ONLY_KEY,
    READ_WRITE_KEY,
)
from projects_mcp.sandbox.seed import MEMBER_ID
from projects_mcp.sandbox.world.state import Session
from tests.support.sandbox import ACME, NORTHWIND, PRODUCTION, SESSION_HEADERS, Sandbox, forbidden

pytestmark = pytest.mark.anyio

SESSION_ONLY = [
    ("GET", "activity"),
    ("POST", "change_organization"),
    ("PATCH", "delete_secret_token_backup"),
    ("GET", "is_generating_demo_data"),
    ("PATCH", "reset_token"),
    ("PATCH", "rotate_secret_token"),
]
INTENT = {"product_type": "surveys"}
NEEDS: list[tuple[str, str, Any, str]] = [
    ("GET", "/", None, "project:read"),
    ("POST", "/", {"name": "New"}, "project:write"),
    ("GET", f"/{PRODUCTION_ID}/", None, "project:read"),
    ("PATCH", f"/{PRODUCTION_ID}/", {"timezone": "UTC"}, "project:write"),
    ("DELETE", f"/{PRODUCTION_ID}/", None, "project:write"),
    ("PATCH", f"/{PRODUCTION_ID}/add_product_intent/", INTENT, "project:read"),
    ("PATCH", f"/{PRODUCTION_ID}/complete_product_onboarding/", INTENT, "project:read"),
]
NO_KEYS = forbidden("This action does not support personal API key access")
NO_PERMISSION = forbidden("You don't have sufficient permissions in the project.")


@pytest.mark.parametrize(("method", "path", "body", "scope"), NEEDS)
async def test_scopes(sandbox: Sandbox, method: str, path: str, body: Any, scope: str) -> None:
    for key in (NO_SCOPE_KEY, READ_ONLY_KEY):
        response = await sandbox.ask(method, ACME + path, json=body, key=key)
        if key == READ_ONLY_KEY and scope == "project:read":
            assert response.status_code in {200, 201}
        else:
            assert response.status_code == 403
            assert response.json() == forbidden(f"API key missing required scope '{scope}'")
    for key in (READ_WRITE_KEY, ALL_ACCESS_KEY, OAUTH_TOKEN):
        sandbox.world.projects[PRODUCTION_ID].fields["is_pending_deletion"] = False
        sandbox.world.projects[PRODUCTION_ID].deletion_at = None
        response = await sandbox.ask(method, ACME + path, json=body and {**body, "name": key}, key=key)
        assert response.status_code in {200, 201, 204}


async def test_write_implies_read(sandbox: Sandbox) -> None:
    sandbox.world.api_keys[NO_SCOPE_KEY].scopes = ("project:write",)
    assert (await sandbox.ask("GET", f"{PRODUCTION}/", key=NO_SCOPE_KEY)).status_code == 200


@pytest.mark.parametrize(("method", "action"), SESSION_ONLY)
async def test_session_only_actions_refuse_every_key(sandbox: Sandbox, method: str, action: str) -> None:
    for key in sandbox.world.api_keys:
        for path in (f"{PRODUCTION}/{action}/", f"/api/organizations/nowhere/projects/abc/{action}"):
            response = await sandbox.ask(method, path, key=key)
            assert (response.status_code, response.json()) == (403, NO_KEYS)


@pytest.mark.parametrize(("method", "action"), SESSION_ONLY)
async def test_session_only_actions_serve_a_session(sandbox: Sandbox, method: str, action: str) -> None:
    body = {"organization_id": NORTHWIND_ID} if method == "POST" else None
    response = await sandbox.by_session(method, f"{PRODUCTION}/{action}/", json=body)
    assert response.status_code == 200


@pytest.mark.parametrize(("method", "action"), SESSION_ONLY)
async def test_very_old_versions_let_keys_in(sandbox: Sandbox, method: str, action: str) -> None:
    sandbox.play(keys_reach_session_only=True)
    body = {"organization_id": NORTHWIND_ID} if method == "POST" else None
    response = await sandbox.ask(method, f"{PRODUCTION}/{action}/", json=body)
    assert response.status_code == 200


async def test_older_versions_let_a_reading_key_update(sandbox: Sandbox) -> None:
    sandbox.play(patch_with_read_scope=True)
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"timezone": "UTC"}, key=READ_ONLY_KEY)
    assert response.status_code == 200
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"timezone": "UTC", "name": "x"}, key=READ_ONLY_KEY)
    assert response.status_code == 403


async def test_a_key_for_one_project(sandbox: Sandbox) -> None:
    assert (await sandbox.ask("GET", f"{PRODUCTION}/", key=ONE_PROJECT_KEY)).status_code == 200
    response = await sandbox.ask("GET", f"{ACME}/{MOBILE_ID}/", key=ONE_PROJECT_KEY)
    detail = f"API key does not have access to the requested project: ID {MOBILE_ID}."
    assert (response.status_code, response.json()) == (403, forbidden(detail))
    for method in ("GET", "POST"):
        response = await sandbox.ask(method, f"{ACME}/", key=ONE_PROJECT_KEY)
        detail = "API keys with scoped projects are only supported on project-based endpoints."
        assert (response.status_code, response.json()) == (403, forbidden(detail))


async def test_a_key_for_one_project_and_the_current_project(sandbox: Sandbox) -> None:
    path = "/api/organizations/@current/projects/@current/"
    assert (await sandbox.get(path, key=ONE_PROJECT_KEY))["id"] == PRODUCTION_ID
    sandbox.world.users[1].current_project_id = MOBILE_ID
    assert (await sandbox.ask("GET", path, key=ONE_PROJECT_KEY)).status_code == 403


async def test_a_key_for_one_organization(sandbox: Sandbox) -> None:
    assert (await sandbox.get(f"{ACME}/", key=ONE_ORGANIZATION_KEY))["count"] == 4
    detail = f"API key does not have access to the requested organization: ID {NORTHWIND_ID}."
    for path in ("/", f"/{NORTHWIND_PROJECT_ID}/"):
        response = await sandbox.ask("GET", NORTHWIND + path, key=ONE_ORGANIZATION_KEY)
        assert (response.status_code, response.json()) == (403, forbidden(detail))


async def test_the_current_project_outside_a_keys_organization_is_not_found(sandbox: Sandbox) -> None:
    sandbox.world.users[1].current_project_id = NORTHWIND_PROJECT_ID
    assert (await sandbox.ask("GET", f"{ACME}/@current/", key=ONE_ORGANIZATION_KEY)).status_code == 404
    assert (await sandbox.get(f"{ACME}/@current/"))["id"] == NORTHWIND_PROJECT_ID


async def test_an_organization_without_personal_keys(sandbox: Sandbox) -> None:
    sandbox.world.organizations[ACME_ID].allows_personal_api_keys = False
    response = await sandbox.ask("GET", f"{ACME}/", key=MEMBER_KEY)
    detail = (
        "Organization 'Acme Analytics' does not allow using personal API keys. "
        "Contact an admin to enable personal API keys for this organization."
    )
    assert (response.status_code, response.json()) == (403, forbidden(detail))
    assert (await sandbox.ask("GET", f"{ACME}/", key=READ_ONLY_KEY)).status_code == 200


async def test_an_organization_that_only_lets_posthogs_own_mcp_server_read(sandbox: Sandbox) -> None:
    sandbox.world.organizations[ACME_ID].mcp_read_only = True
    as_mcp = {"user-agent": "posthog/mcp-server; version: 1.0.0"}
    as_another = {"user-agent": "another/1.0", "x-posthog-client": "mcp"}
    assert (await sandbox.ask("GET", f"{PRODUCTION}/", headers=as_mcp)).status_code == 200
    assert (await sandbox.ask("PATCH", f"{PRODUCTION}/", json={}, headers=as_another)).status_code == 200
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={}, headers=as_mcp)
    detail = (
        "Your organization restricts MCP access to read-only. "
        "An organization admin can change this in your organization settings."
    )
    assert (response.status_code, response.json()) == (403, forbidden(detail))


async def test_a_member_may_not_delete(sandbox: Sandbox) -> None:
    response = await sandbox.ask("DELETE", f"{PRODUCTION}/", key=MEMBER_KEY)
    assert (response.status_code, response.json()) == (403, NO_PERMISSION)


@pytest.mark.parametrize(("method", "action"), SESSION_ONLY)
async def test_roles_of_the_session_only_actions(sandbox: Sandbox, method: str, action: str) -> None:
    sandbox.world.sessions["member"] = Session("member", MEMBER_ID, CSRF_TOKEN)
    headers = {**SESSION_HEADERS, "cookie": f"sessionid=member; posthog_csrftoken={CSRF_TOKEN}"}
    response = await sandbox.ask(method, f"{PRODUCTION}/{action}/", key=None, headers=headers)
    if method == "GET":
        assert response.status_code == 200
    elif method == "PATCH":
        assert (response.status_code, response.json()) == (403, NO_PERMISSION)
    else:
        assert response.status_code == 400


async def test_somebody_who_left_sees_the_current_project_no_more(sandbox: Sandbox) -> None:
    del sandbox.world.memberships[MEMBER_ID, ACME_ID]
    response = await sandbox.ask("GET", f"{ACME}/@current/", key=MEMBER_KEY)
    assert (response.status_code, response.json()) == (403, NO_PERMISSION)
    assert (await sandbox.ask("GET", f"{PRODUCTION}/", key=MEMBER_KEY)).status_code == 404


async def test_members_create_where_the_organization_lets_them(sandbox: Sandbox) -> None:
    response = await sandbox.ask("POST", f"{ACME}/", json={"name": "By a member"}, key=MEMBER_KEY)
    assert response.status_code == 201
    sandbox.world.organizations[ACME_ID].members_can_create_projects = False
    response = await sandbox.ask("POST", f"{ACME}/", json={"name": "Another"}, key=MEMBER_KEY)
    detail = "You need to be an organization admin or above to create new projects."
    assert (response.status_code, response.json()) == (403, forbidden(detail))


async def test_settings_that_members_may_not_set_at_creation(sandbox: Sandbox) -> None:
    body = {"name": "Mine", "timezone": "UTC", "anonymize_ips": True, "surveys_opt_in": True}
    response = await sandbox.ask("POST", f"{ACME}/", json=body, key=MEMBER_KEY)
    detail = "Only organization admins can set these settings on project creation: anonymize_ips, timezone"
    assert (response.status_code, response.json()) == (403, forbidden(detail))


PLAN = forbidden(
    "You have reached the maximum limit of allowed projects for your current plan. "
    "Upgrade your plan to be able to create and manage more projects."
)


async def test_the_plan_limits_projects_without_demos(sandbox: Sandbox) -> None:
    sandbox.world.organizations[ACME_ID].project_limit = 4
    assert (await sandbox.ask("POST", f"{ACME}/", json={"name": "Fourth"})).status_code == 201
    response = await sandbox.ask("POST", f"{ACME}/", json={"name": "Fifth"})
    assert (response.status_code, response.json()) == (403, PLAN)
    assert (await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"name": "Still changes"})).status_code == 200


async def test_one_demo_project_for_each_organization(sandbox: Sandbox) -> None:
    response = await sandbox.ask("POST", f"{ACME}/", json={"name": "Demo 2", "is_demo": True})
    assert (response.status_code, response.json()) == (403, PLAN)


async def test_the_hard_cap(sandbox: Sandbox) -> None:
    sandbox.play(project_cap=3)
    response = await sandbox.ask("POST", f"{ACME}/", json={"name": "Too many"})
    detail = (
        "You have reached the maximum limit of 3 projects per organization. "
        "Contact support if you'd like access to more projects."
    )
    assert (response.status_code, response.json()) == (403, forbidden(detail))
