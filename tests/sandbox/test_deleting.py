"""Deleting a project: at once or later, once only, and what it leaves behind."""

import pytest

from projects_mcp.sandbox import (
    ACME_ID,
    ADMIN_ID,
    MEMBER_ID,
    MOBILE_ID,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    PRODUCTION_ID,
    STAGING_ID,
)
from tests.support.sandbox import ACME, NORTHWIND, NOT_FOUND, PRODUCTION, SERVER_ERROR, STAGING, Sandbox, invalid

pytestmark = pytest.mark.anyio


async def test_a_project_in_use_waits_for_48_hours(sandbox: Sandbox) -> None:
    response = await sandbox.ask("DELETE", f"{PRODUCTION}/")
    assert (response.status_code, response.content) == (204, b"")
    project = await sandbox.get(f"{PRODUCTION}/")
    assert project["is_pending_deletion"] is True
    assert project["deletion_scheduled_at"] == "2026-10-07T12:00:00.000000Z"
    sandbox.clock.pass_(hours=48, seconds=-1)
    assert (await sandbox.patch(f"{PRODUCTION}/", timezone="UTC"))["timezone"] == "UTC"
    sandbox.clock.pass_(seconds=1)
    response = await sandbox.ask("GET", f"{PRODUCTION}/")
    assert (response.status_code, response.json()) == (404, NOT_FOUND)
    assert (await sandbox.get(f"{ACME}/"))["count"] == 3


async def test_whoever_looked_at_it_looks_at_nothing(sandbox: Sandbox) -> None:
    await sandbox.ask("DELETE", f"{PRODUCTION}/")
    assert sandbox.world.users[ADMIN_ID].current_project_id == PRODUCTION_ID
    sandbox.clock.pass_(hours=48)
    assert (await sandbox.ask("GET", f"{ACME}/@current/")).status_code == 404
    assert sandbox.world.users[ADMIN_ID].current_project_id is None
    assert sandbox.world.users[MEMBER_ID].current_project_id == MOBILE_ID


async def test_deleting_twice(sandbox: Sandbox) -> None:
    await sandbox.ask("DELETE", f"{PRODUCTION}/")
    response = await sandbox.ask("DELETE", f"{PRODUCTION}/")
    assert (response.status_code, response.json()) == (400, invalid("This project is already being deleted."))


async def test_a_project_that_never_ingested_waits_for_an_hour(sandbox: Sandbox) -> None:
    assert (await sandbox.ask("DELETE", f"{STAGING}/")).status_code == 204
    project = await sandbox.get(f"{STAGING}/")
    assert (project["is_pending_deletion"], project["deletion_scheduled_at"]) == (True, "2026-10-05T13:00:00.000000Z")
    sandbox.clock.pass_(hours=1)
    assert (await sandbox.ask("GET", f"{STAGING}/")).status_code == 404


async def test_versions_that_delete_a_project_that_never_ingested_at_once(sandbox: Sandbox) -> None:
    sandbox.play(unused_deleted_at_once=True)
    assert (await sandbox.ask("DELETE", f"{STAGING}/")).status_code == 204
    assert (await sandbox.ask("GET", f"{STAGING}/")).status_code == 404


async def test_an_engine_that_is_down(sandbox: Sandbox) -> None:
    sandbox.play(deletion_fails=True)
    response = await sandbox.ask("DELETE", f"{STAGING}/")
    assert (response.status_code, response.json()) == (500, SERVER_ERROR)
    assert (await sandbox.get(f"{STAGING}/"))["is_pending_deletion"] is False
    assert sandbox.world.projects[STAGING_ID].lost_persons


async def test_older_versions_delete_at_once(sandbox: Sandbox) -> None:
    sandbox.play(deletion="immediate")
    assert (await sandbox.ask("DELETE", f"{PRODUCTION}/")).status_code == 204
    assert (await sandbox.ask("GET", f"{PRODUCTION}/")).status_code == 404


async def test_the_last_project_of_a_paying_organization(sandbox: Sandbox) -> None:
    sandbox.world.organizations[NORTHWIND_ID].active_subscription = True
    sandbox.world.organizations[ACME_ID].active_subscription = True
    response = await sandbox.ask("DELETE", f"{NORTHWIND}/{NORTHWIND_PROJECT_ID}/")
    detail = (
        "Cannot delete the last project in an organization with an active subscription. "
        "Please cancel your subscription first in the billing page."
    )
    assert (response.status_code, response.json()) == (400, invalid(detail))
    assert (await sandbox.ask("DELETE", f"{PRODUCTION}/")).status_code == 204


async def test_the_last_project_of_an_organization_that_does_not_pay(sandbox: Sandbox) -> None:
    assert (await sandbox.ask("DELETE", f"{NORTHWIND}/{NORTHWIND_PROJECT_ID}/")).status_code == 204


async def test_deletion_can_be_switched_off(sandbox: Sandbox) -> None:
    sandbox.play(deletion_disabled=True)
    response = await sandbox.ask("DELETE", f"{PRODUCTION}/")
    detail = "Project deletion is temporarily disabled during database migration. Please try again later."
    assert (response.status_code, response.json()) == (400, invalid(detail))


async def test_the_log_of_a_deletion(sandbox: Sandbox) -> None:
    await sandbox.ask("DELETE", f"{PRODUCTION}/")
    entries = (await sandbox.by_session("GET", f"{PRODUCTION}/activity/")).json()["results"]
    assert (entries[0]["activity"], entries[0]["detail"]["changes"]) == ("deleted", [])
