"""A project is its one environment: PostHog refuses another, in every version."""

import pytest

from projects_mcp.sandbox import MOBILE_ID, ONE_PROJECT_KEY, PRODUCTION_ID, READ_ONLY_KEY, VERSIONS
from tests.support.sandbox import NOT_FOUND, Sandbox, forbidden

pytestmark = pytest.mark.anyio

PATH = f"/api/projects/{PRODUCTION_ID}/environments"
LIMIT = (
    "You have reached the maximum limit of allowed environments for your current plan. "
    "Upgrade your plan to be able to create and manage more environments."
)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_another_environment_is_refused_by_key_and_by_session(sandbox: Sandbox, version: str, slash: str) -> None:
    sandbox.world.behaviour = VERSIONS[version]
    before = repr(sandbox.world.projects)
    by_key = await sandbox.ask("POST", PATH + slash, json={"name": "Staging"})
    by_session = await sandbox.by_session("POST", PATH + slash, json={"name": "Staging"})
    for response in (by_key, by_session):
        assert (response.status_code, response.json()) == (403, forbidden(LIMIT))
    assert repr(sandbox.world.projects) == before


async def test_who_may_not_write_hears_that_instead(sandbox: Sandbox) -> None:
    scope = await sandbox.ask("POST", PATH, key=READ_ONLY_KEY, json={})
    assert scope.json() == forbidden("API key missing required scope 'project:write'")
    unseen = await sandbox.ask("POST", "/api/projects/99999/environments", json={})
    assert (unseen.status_code, unseen.json()) == (404, NOT_FOUND)
    key = sandbox.world.api_keys[ONE_PROJECT_KEY]
    assert key.scoped_teams != (MOBILE_ID,)
    other = next(number for number in sandbox.world.projects if number not in key.scoped_teams)
    restricted = await sandbox.ask("POST", f"/api/projects/{other}/environments", key=key.value, json={})
    assert restricted.status_code == 403
    assert restricted.json()["detail"] != LIMIT
