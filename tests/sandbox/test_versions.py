"""Versions as sets of switches, and switches that no version has on."""

from collections.abc import AsyncIterator
from dataclasses import fields

import httpx
import pytest

from projects_mcp.config.parsers import SANDBOX_VERSIONS
from projects_mcp.sandbox import (
    ALL_ACCESS_KEY,
    LEGACY_KEY,
    MEMBER_KEY,
    MOBILE_ID,
    PRODUCTION_ID,
    READ_ONLY_KEY,
    READ_WRITE_KEY,
    STAGING_ID,
    TEAM_READ_KEY,
    VERSIONS,
    Behaviour,
    seed,
)
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.world.state import World
from tests.support.sandbox import ACME, MOBILE, ORIGIN, PRODUCTION, STAGING, Clock, Sandbox, forbidden

pytestmark = pytest.mark.anyio

FIELDS_OF_AUGUST_2025 = 57
FIELDS_OF_A_TEAM_OF_AUGUST_2025 = 72


@pytest.fixture
async def former() -> AsyncIterator[Sandbox]:
    clock = Clock()
    world = seed(clock=clock, behaviour=VERSIONS["2025-08"])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=create_app(world)), base_url=ORIGIN) as http:
        yield Sandbox(world, clock, http)


def test_settings_name_the_versions_that_there_are() -> None:
    assert tuple(VERSIONS) == SANDBOX_VERSIONS
    assert VERSIONS["current"] == Behaviour()


def test_every_switch_is_a_field_of_a_version_or_a_mood() -> None:
    """A switch that neither a version nor a test turns would be nobody's difference."""
    former, newest = VERSIONS["2025-08"], VERSIONS["current"]
    turned = {one.name for one in fields(Behaviour) if getattr(former, one.name) != getattr(newest, one.name)}
    moods = {
        "cached_intents_s",
        "cancelling_fails",
        "database_unavailable",
        "deletion_disabled",
        "deletion_fails",
        "deletion_lasts_s",
        "ignored_fields",
        "key_introspection",
        "keys_reach_session_only",
        "moves_edited_rows",
        "project_cap",
        "renamed_values",
        "retry_after_header",
        "slow_writes",
        "takes_any_csrf_token",
        "unused_deleted_at_once",
    }
    assert turned | moods == {one.name for one in fields(Behaviour)}
    assert not turned & moods


async def test_the_objects_of_august_2025(former: Sandbox) -> None:
    project = await former.get(f"{PRODUCTION}/")
    assert len(project) == FIELDS_OF_AUGUST_2025
    response = await former.ask(
        "PATCH", f"{PRODUCTION}/add_product_intent/", json={"product_type": "anything"}, key=TEAM_READ_KEY
    )
    assert (response.status_code, len(response.json())) == (201, FIELDS_OF_A_TEAM_OF_AUGUST_2025)
    body = await former.patch(f"{PRODUCTION}/", tags=["a"], base_currency="EUR", timezon="UTC")
    assert not {"tags", "base_currency"} & body.keys()


async def test_a_scope_that_no_person_can_choose(former: Sandbox) -> None:
    path, body = f"{PRODUCTION}/complete_product_onboarding/", {"product_type": "surveys"}
    for key, status in ((READ_WRITE_KEY, 403), (ALL_ACCESS_KEY, 200), (LEGACY_KEY, 200), (TEAM_READ_KEY, 200)):
        assert (await former.ask("PATCH", path, json=body, key=key)).status_code == status
    response = await former.ask("PATCH", path, json=body)
    assert response.json() == forbidden("API key missing required scope 'team:read'")


async def test_a_key_that_is_older_than_scopes(former: Sandbox) -> None:
    body = await former.get("/api/personal_api_keys/@current/", key=LEGACY_KEY)
    assert (body["scopes"], body["last_rolled_at"]) == (["*"], None)
    assert (await former.ask("PATCH", f"{MOBILE}/reset_token/", key=LEGACY_KEY)).status_code == 200
    response = await former.ask("PATCH", f"{MOBILE}/reset_token/", key=ALL_ACCESS_KEY)
    assert response.json() == forbidden("This action does not support Personal API Key access")
    assert (await former.ask("POST", f"{PRODUCTION}/", key=LEGACY_KEY)).status_code == 405


async def test_configuration_needs_the_scope_to_read(former: Sandbox) -> None:
    for body, status in (({}, 200), ({"timezone": "UTC"}, 200), ({"name": "x"}, 403), ({"unknown": 1}, 403)):
        response = await former.ask("PATCH", f"{PRODUCTION}/", json=body, key=READ_ONLY_KEY)
        assert response.status_code == status, body


async def test_members_and_the_creation_of_projects(former: Sandbox) -> None:
    response = await former.ask("POST", f"{ACME}/", json={"name": "x"}, key=MEMBER_KEY)
    assert response.json() == forbidden("Your organization access level is insufficient.")
    assert (await former.ask("PATCH", f"{PRODUCTION}/", json={"name": "Renamed"}, key=MEMBER_KEY)).status_code == 200


async def test_what_fails_in_august_2025(former: Sandbox) -> None:
    json_type = {"content-type": "application/json"}
    for method, path, body in (
        ("GET", "/api/organizations/nope/projects/", None),
        ("PATCH", f"{PRODUCTION}/", b'{"primary_dashboard": null}'),
        ("PATCH", f"{PRODUCTION}/", b"[]"),
        ("POST", f"{ACME}/", b"[]"),
        ("OPTIONS", f"{ACME}/", None),
    ):
        response = await former.ask(method, path, content=body, headers=json_type)
        assert response.status_code == 500, path
    for path in (f"{PRODUCTION}/activity/?page=9", f"{PRODUCTION}/reset_token/", "/api/personal_api_keys/@current/"):
        assert (await former.by_session("GET", path)).status_code == 500, path


async def test_a_project_that_never_was_there_again(former: Sandbox) -> None:
    for path in (PRODUCTION, STAGING):
        assert (await former.ask("DELETE", f"{path}/")).status_code == 204
        assert (await former.ask("GET", f"{path}/")).status_code == 404
    for name in ("cancel-deletion", "settings_as_of", "event_ingestion_restrictions"):
        response = await former.ask("GET", f"{MOBILE}/{name}/")
        assert (response.status_code, response.json()["detail"]) == (404, "Endpoint not found.")


async def test_a_list_that_does_not_search(former: Sandbox) -> None:
    assert (await former.get(f"{ACME}/?search=mobile"))["count"] == 4


async def ids(sandbox: Sandbox, query: str) -> list[int]:
    return [row["id"] for row in (await sandbox.get(f"{ACME}/?{query}"))["results"]]


async def test_pages_without_an_order_can_miss_a_row_and_repeat_another(sandbox: Sandbox) -> None:
    first = await ids(sandbox, "limit=2")
    assert first == [PRODUCTION_ID, STAGING_ID]
    await sandbox.patch(f"{PRODUCTION}/", surveys_opt_in=False)
    second = await ids(sandbox, "limit=2&offset=2")
    assert PRODUCTION_ID in second, "it is on both pages"
    assert MOBILE_ID not in first + second, "it is on none of them"
    sandbox.play(moves_edited_rows=False)
    assert await ids(sandbox, "limit=3") == [PRODUCTION_ID, STAGING_ID, MOBILE_ID]


async def test_product_intents_from_a_cache(sandbox: Sandbox) -> None:
    sandbox.play(cached_intents_s=60)
    path = f"{ACME}/{STAGING_ID}/"
    assert (await sandbox.get(path))["product_intents"] == []
    response = await sandbox.ask("PATCH", f"{path}add_product_intent/", json={"product_type": "surveys"})
    assert (response.status_code, response.json()["product_intents"]) == (201, [])
    sandbox.clock.pass_(seconds=59)
    assert (await sandbox.get(path))["product_intents"] == []
    sandbox.clock.pass_(seconds=1)
    assert [intent["product_type"] for intent in (await sandbox.get(path))["product_intents"]] == ["surveys"]


def test_a_world_of_every_version_has_the_same_projects() -> None:
    worlds: list[World] = [seed(behaviour=behaviour) for behaviour in VERSIONS.values()]
    assert worlds[0].projects.keys() == worlds[1].projects.keys()
