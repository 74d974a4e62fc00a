"""Which addresses there are, what they mean, and which methods they take."""

import pytest

from projects_mcp.sandbox import (
    ACME_ID,
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
    forbidden,
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


@pytest.mark.parametrize("path", ["/", "/api/", "/api/users/@me/", f"{PRODUCTION}/logs_config/", f"{ACME}//"])
async def test_unknown_addresses(sandbox: Sandbox, path: str) -> None:
    response = await sandbox.ask("GET", path)
    assert (response.status_code, response.json()) == (404, {**NOT_FOUND, "detail": "Endpoint not found."})


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", f"{ACME}/", "GET, POST, HEAD, OPTIONS"),
        ("PUT", f"{ACME}/", "GET, POST, HEAD, OPTIONS"),
        ("POST", f"{PRODUCTION}/", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ("OPTIONS", f"{PRODUCTION}/", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
        ("POST", f"{PRODUCTION}/reset_token/", "PATCH, OPTIONS"),
        ("PATCH", f"{PRODUCTION}/change_organization/", "POST, OPTIONS"),
        ("DELETE", "/api/personal_api_keys/@current/", "GET, HEAD, OPTIONS"),
        ("TRACE", f"{ACME}/", "GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    ],
)
async def test_wrong_methods(sandbox: Sandbox, method: str, path: str, allowed: str) -> None:
    response = await sandbox.by_session(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    assert response.json() == {
        "type": "invalid_request",
        "code": "method_not_allowed",
        "detail": f'Method "{method}" not allowed.',
        "attr": None,
    }


async def test_a_key_is_refused_before_its_method_is(sandbox: Sandbox) -> None:
    """An action that names no scope is not for keys, and neither is one that does not exist."""
    for method, path in (("DELETE", f"{ACME}/"), ("POST", f"{PRODUCTION}/"), ("GET", f"{PRODUCTION}/reset_token/")):
        response = await sandbox.ask(method, path)
        detail = "This action does not support personal API key access"
        assert (response.status_code, response.json()) == (403, forbidden(detail))
    assert (await sandbox.ask("PATCH", f"{ACME}/")).status_code == 405
    response = await sandbox.ask("PATCH", f"{ACME}/", key=READ_ONLY_KEY)
    assert response.json() == forbidden("API key missing required scope 'project:write'")


async def test_a_full_update_is_an_update_that_counts_against_the_plan(sandbox: Sandbox) -> None:
    response = await sandbox.ask("PUT", f"{PRODUCTION}/", json={"name": "Renamed"})
    assert (response.status_code, response.json()["name"]) == (200, "Renamed")
    sandbox.world.organizations[ACME_ID].project_limit = 1
    assert (await sandbox.ask("PUT", f"{PRODUCTION}/", json={"name": "Again"})).status_code == 403


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "text/html;q=0.9"])
async def test_answers_are_json_and_nothing_else(sandbox: Sandbox, accept: str) -> None:
    for key in (READ_ONLY_KEY, None):
        response = await sandbox.ask("GET", f"{PRODUCTION}/", key=key, headers={"accept": accept})
        assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")
    for fine in (f"{accept}, */*;q=0.1", "application/*", "application/json; charset=utf-8"):
        assert (await sandbox.ask("GET", f"{PRODUCTION}/", headers={"accept": fine})).status_code == 200
