"""The activity log that a key may read."""

import pytest

from projects_mcp.sandbox import (
    ADMIN_ID,
    ALL_ACCESS_KEY,
    MEMBER_ID,
    MEMBER_KEY,
    MOBILE_ID,
    NO_SCOPE_KEY,
    NORTHWIND_PROJECT_ID,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    READ_WRITE_KEY,
)
from tests.support.sandbox import NOT_FOUND, ORIGIN, PRODUCTION, Sandbox, forbidden

pytestmark = pytest.mark.anyio

LOG = f"/api/projects/{PRODUCTION_ID}/activity_log"


async def test_a_key_with_the_scope_reads_it(sandbox: Sandbox) -> None:
    response = await sandbox.ask("GET", f"{LOG}/", key=READ_WRITE_KEY)
    assert response.json() == forbidden("API key missing required scope 'activity_log:read'")
    sandbox.world.api_keys[NO_SCOPE_KEY].scopes = ("activity_log:read",)
    by_key = [await sandbox.get(f"{LOG}/", key=key) for key in (NO_SCOPE_KEY, ALL_ACCESS_KEY)]
    by_session = await sandbox.act("GET", "/api/projects/@current/activity_log/")
    assert by_key == [by_session, by_session]
    assert [entry["activity"] for entry in by_session["results"]] == ["updated", "updated", "created"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 4),
        ("scope=Team", 3),
        ("scope=Project", 1),
        ("scopes=Project", 1),
        ("scopes=Team,Project", 4),
        ("scopes=Dashboard", 0),
        (f"item_id={PRODUCTION_ID}", 4),
        ("item_id=1", 0),
        (f"user={MEMBER_ID}", 1),
        (f"user={ADMIN_ID}&scope=Project", 1),
    ],
)
async def test_filters(sandbox: Sandbox, query: str, count: int) -> None:
    """A rename is not in the log of the session-only operation, and is in this one."""
    await sandbox.patch(f"{PRODUCTION}/", name="Renamed")
    body = await sandbox.get(f"{LOG}/?{query}", key=ALL_ACCESS_KEY)
    assert body["count"] == len(body["results"]) == count


async def test_pages(sandbox: Sandbox) -> None:
    body = await sandbox.get(f"{LOG}/?page_size=2", key=ALL_ACCESS_KEY)
    assert (len(body["results"]), body["next"]) == (2, f"{ORIGIN}{LOG}/?page_size=2&page=2")
    body = await sandbox.get(f"{LOG}/?page_size=2&page=2", key=ALL_ACCESS_KEY)
    assert (len(body["results"]), body["next"]) == (1, None)
    assert body["previous"] == f"{ORIGIN}{LOG}/?page_size=2&page=1"
    for query, status in (("page=3", 404), ("page=x", 400), ("page=0", 400), ("user=x", 400)):
        assert (await sandbox.ask("GET", f"{LOG}/?page_size=2&{query}", key=ALL_ACCESS_KEY)).status_code == status


async def test_whose_projects(sandbox: Sandbox) -> None:
    for key in (MEMBER_KEY, ONE_PROJECT_KEY, ONE_ORGANIZATION_KEY):
        sandbox.world.api_keys[key].scopes = ("*",)
    others = f"/api/projects/{NORTHWIND_PROJECT_ID}/activity_log/"
    response = await sandbox.ask("GET", others, key=MEMBER_KEY)
    assert (response.status_code, response.json()) == (404, NOT_FOUND)
    assert (await sandbox.ask("GET", others, key=ONE_ORGANIZATION_KEY)).status_code == 403
    assert (
        await sandbox.ask("GET", f"/api/projects/{MOBILE_ID}/activity_log/", key=ONE_PROJECT_KEY)
    ).status_code == 403
    assert (await sandbox.ask("GET", f"{LOG}/", key=ONE_PROJECT_KEY)).status_code == 200
    assert (await sandbox.ask("GET", "/api/projects/x/activity_log/", key=MEMBER_KEY)).status_code == 400
    assert (await sandbox.ask("POST", f"{LOG}/", key=ALL_ACCESS_KEY)).status_code == 403
