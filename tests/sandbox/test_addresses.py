"""Which addresses there are, what they mean, and which methods they take."""

import pytest

from projects_mcp.sandbox import (
    MEMBER_KEY,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    PRODUCTION_ID,
    READ_ONLY_KEY,
)
from tests.support.sandbox import (
    ACME,
    NO_ORGANIZATION,
    NORTHWIND,
    NOT_FOUND,
    PRODUCTION,
    Sandbox,
    invalid,
)

pytestmark = pytest.mark.anyio


async def test_current_organization_and_project(sandbox: Sandbox) -> None:
    assert (await sandbox.get("/api/organizations/@current/projects/"))["count"] == 4
    assert (await sandbox.get("/api/organizations/@current/projects/@current/"))["id"] == PRODUCTION_ID
    sandbox.world.users[1].current_organization_id = NORTHWIND_ID
    assert (await sandbox.get("/api/organizations/@current/projects/"))["count"] == 1
    assert (await sandbox.get(f"{NORTHWIND}/@current/"))["id"] == PRODUCTION_ID


async def test_nothing_is_current(sandbox: Sandbox) -> None:
    sandbox.world.users[1].current_project_id = None
    response = await sandbox.ask("GET", f"{ACME}/@current/")
    assert (response.status_code, response.json()) == (404, NOT_FOUND)
    sandbox.world.users[1].current_organization_id = None
    response = await sandbox.ask("GET", "/api/organizations/@current/projects/")
    assert (response.status_code, response.json()) == (404, NO_ORGANIZATION)


async def test_the_id_is_not_a_number(sandbox: Sandbox) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        response = await sandbox.ask(method, f"{ACME}/abc/")
        assert (response.status_code, response.json()) == (400, invalid("Field 'id' expected a number but got 'abc'."))


async def test_projects_that_are_not_there(sandbox: Sandbox) -> None:
    for path in (f"{ACME}/99999/", f"{ACME}/{NORTHWIND_PROJECT_ID}/", f"{NORTHWIND}/{PRODUCTION_ID}/"):
        response = await sandbox.ask("GET", path)
        assert (response.status_code, response.json()) == (404, NOT_FOUND)
    response = await sandbox.ask("GET", f"{NORTHWIND}/{NORTHWIND_PROJECT_ID}/", key=MEMBER_KEY)
    assert (response.status_code, response.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize("path", [ACME, PRODUCTION, "/api/personal_api_keys/@current"])
async def test_the_slash_at_the_end_is_optional(sandbox: Sandbox, path: str) -> None:
    first, second = [await sandbox.ask("GET", path + slash, key=READ_ONLY_KEY) for slash in ("", "/")]
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()


async def test_head(sandbox: Sandbox) -> None:
    response = await sandbox.ask("HEAD", f"{PRODUCTION}/")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/api/", "/api/users/@me/", f"{PRODUCTION}/cancel-deletion/", f"{ACME}//"])
async def test_unknown_addresses(sandbox: Sandbox, path: str) -> None:
    response = await sandbox.ask("GET", path)
    assert (response.status_code, response.json()) == (404, {**NOT_FOUND, "detail": "Endpoint not found."})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", f"{ACME}/", "GET, POST"),
        ("PUT", f"{PRODUCTION}/", "GET, PATCH, DELETE"),
        ("POST", f"{PRODUCTION}/", "GET, PATCH, DELETE"),
        ("OPTIONS", f"{PRODUCTION}/", "GET, PATCH, DELETE"),
        ("POST", f"{PRODUCTION}/reset_token/", "PATCH"),
        ("PATCH", f"{PRODUCTION}/change_organization/", "POST"),
        ("DELETE", "/api/personal_api_keys/@current/", "GET"),
        ("TRACE", f"{ACME}/", "GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    ],
)
async def test_wrong_methods(sandbox: Sandbox, method: str, path: str, allowed: str) -> None:
    response = await sandbox.ask(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    assert response.json() == {
        "type": "invalid_request",
        "code": "method_not_allowed",
        "detail": f'Method "{method}" not allowed.',
        "attr": None,
    }
