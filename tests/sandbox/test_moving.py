"""Moving a project to another organization."""

from typing import Any

import pytest

from projects_mcp.sandbox import (
    ACME_ID,
    ADMIN_ID,
    MEMBER_ID,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    PRODUCTION_ID,
    STAGING_ID,
)
from projects_mcp.sandbox.world.state import Level
from tests.support.sandbox import ACME, NORTHWIND, PRODUCTION, SERVER_ERROR, STAGING, Sandbox, invalid

pytestmark = pytest.mark.anyio


async def test_a_project_moves(sandbox: Sandbox) -> None:
    before = await sandbox.get(f"{PRODUCTION}/")
    sandbox.world.users[MEMBER_ID].current_project_id = PRODUCTION_ID
    path = f"{PRODUCTION}/change_organization/"
    body = await sandbox.act("POST", path, json={"organization_id": NORTHWIND_ID})
    assert body["organization"] == NORTHWIND_ID
    assert body["api_token"] == before["api_token"]
    assert (await sandbox.ask("GET", f"{PRODUCTION}/")).status_code == 404
    assert (await sandbox.get(f"{NORTHWIND}/{PRODUCTION_ID}/"))["effective_membership_level"] == Level.OWNER
    admin, member = sandbox.world.users[ADMIN_ID], sandbox.world.users[MEMBER_ID]
    assert (admin.current_organization_id, admin.current_project_id) == (NORTHWIND_ID, PRODUCTION_ID)
    assert (member.current_organization_id, member.current_project_id) == (None, None)


async def test_older_versions_leave_the_users_of_a_moved_project_alone(sandbox: Sandbox) -> None:
    sandbox.play(moves_repair_users=False)
    sandbox.world.users[MEMBER_ID].current_project_id = PRODUCTION_ID
    await sandbox.act("POST", f"{PRODUCTION}/change_organization/", json={"organization_id": NORTHWIND_ID})
    member = sandbox.world.users[MEMBER_ID]
    assert (member.current_organization_id, member.current_project_id) == (ACME_ID, PRODUCTION_ID)


async def test_a_move_leaves_others_alone_and_is_not_shown_in_the_log(sandbox: Sandbox) -> None:
    path = f"{STAGING}/change_organization/"
    await sandbox.act("POST", path, json={"organization_id": NORTHWIND_ID})
    admin = sandbox.world.users[ADMIN_ID]
    assert (admin.current_organization_id, admin.current_project_id) == (ACME_ID, PRODUCTION_ID)
    body = await sandbox.act("GET", f"{NORTHWIND}/{STAGING_ID}/activity/")
    assert body["total_count"] == 0
    assert sandbox.world.projects[STAGING_ID].activity[-1].scope == "Project"


async def test_a_move_to_where_it_is(sandbox: Sandbox) -> None:
    path = f"{PRODUCTION}/change_organization/"
    response = await sandbox.by_session("POST", path, json={"organization_id": ACME_ID.upper()})
    detail = "Project is already in the target organization."
    assert (response.status_code, response.json()) == (400, invalid(detail))
    sandbox.play(moves_in_place=True)
    body = await sandbox.act("POST", path, json={"organization_id": ACME_ID.upper()})
    assert body["organization"] == ACME_ID


NOT_A_MEMBER = "You must be a member of the target organization to move a project."


@pytest.mark.parametrize("body", [{}, {"organization_id": None}, {"organization_id": "0" * 32}])
async def test_moves_to_nowhere(sandbox: Sandbox, body: Any) -> None:
    response = await sandbox.by_session("POST", f"{PRODUCTION}/change_organization/", json=body)
    assert (response.status_code, response.json()) == (400, invalid(NOT_A_MEMBER))


async def test_a_move_to_an_organization_of_others(sandbox: Sandbox) -> None:
    del sandbox.world.memberships[ADMIN_ID, NORTHWIND_ID]
    path = f"{PRODUCTION}/change_organization/"
    response = await sandbox.by_session("POST", path, json={"organization_id": NORTHWIND_ID})
    assert (response.status_code, response.json()) == (400, invalid(NOT_A_MEMBER))


@pytest.mark.parametrize("organization", [ACME_ID, NORTHWIND_ID])
async def test_a_move_needs_admins_on_both_sides(sandbox: Sandbox, organization: str) -> None:
    sandbox.world.memberships[ADMIN_ID, organization] = Level.MEMBER
    path = f"{PRODUCTION}/change_organization/"
    response = await sandbox.by_session("POST", path, json={"organization_id": NORTHWIND_ID})
    detail = "You must be an admin of both the source and target organizations to move a project."
    assert (response.status_code, response.json()) == (400, invalid(detail))


async def test_a_move_to_a_malformed_id(sandbox: Sandbox) -> None:
    path = f"{PRODUCTION}/change_organization/"
    response = await sandbox.by_session("POST", path, json={"organization_id": "northwind"})
    assert (response.status_code, response.json()) == (500, SERVER_ERROR)


async def test_a_project_of_another_organization(sandbox: Sandbox) -> None:
    for method, action in (("GET", "activity"), ("PATCH", "reset_token"), ("POST", "change_organization")):
        response = await sandbox.by_session(method, f"{ACME}/{NORTHWIND_PROJECT_ID}/{action}/")
        assert response.status_code == 404
