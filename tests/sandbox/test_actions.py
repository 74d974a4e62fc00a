"""The eight operations beside a project."""

from typing import Any

import pytest

from projects_mcp.sandbox import (
    ADMIN_ID,
    DEMO_ID,
    PRODUCTION_ID,
    READ_ONLY_KEY,
    STAGING_ID,
)
from projects_mcp.sandbox.world.activity_log import record
from projects_mcp.sandbox.world.catalogs import PRODUCT_KEYS
from tests.support.sandbox import ACME, MOBILE, ORIGIN, PRODUCTION, SERVER_ERROR, STAGING, Sandbox, invalid

pytestmark = pytest.mark.anyio
PRIMARY = "onboarding product selected - primary"


async def test_activity(sandbox: Sandbox) -> None:
    body = await sandbox.act("GET", f"{PRODUCTION}/activity/")
    assert {name: body[name] for name in ("next", "previous", "total_count")} == {
        "next": None,
        "previous": None,
        "total_count": 3,
    }
    assert body["results"][0] == {
        "id": sandbox.world.projects[PRODUCTION_ID].activity[-1].id,
        "user": {"first_name": "Member", "email": "member@example.com"},
        "activity": "updated",
        "scope": "Team",
        "item_id": "12345",
        "detail": {
            "id": None,
            "changes": [
                {
                    "type": "Team",
                    "action": "changed",
                    "field": "session_recording_opt_in",
                    "before": False,
                    "after": True,
                }
            ],
            "merge": None,
            "trigger": None,
            "name": "Acme web",
            "short_id": None,
            "type": None,
        },
        "created_at": "2025-08-31T12:00:00.000000Z",
    }
    assert [entry["activity"] for entry in body["results"]] == ["updated", "updated", "created"]


async def test_activity_of_posthog_itself(sandbox: Sandbox) -> None:
    record(sandbox.world, sandbox.world.projects[STAGING_ID], None, "updated")
    body = await sandbox.act("GET", f"{STAGING}/activity/")
    assert body["results"][0]["user"] == {"first_name": "System", "email": None, "is_system": True}


@pytest.mark.parametrize(
    ("query", "count", "following", "previous"),
    [
        ("", 10, "?page=2&limit=10", None),
        ("?limit=5&page=2", 5, "?limit=5&page=3", "?limit=5&page=1"),
        ("?limit=5&page=3", 3, None, "?limit=5&page=2"),
        ("?page=2", 3, None, "?page=1&limit=10"),
        ("?limit=100", 13, None, None),
    ],
)
async def test_pages_of_activity(
    sandbox: Sandbox, query: str, count: int, following: str | None, previous: str | None
) -> None:
    for number in range(10):
        record(sandbox.world, sandbox.world.projects[PRODUCTION_ID], ADMIN_ID, f"updated {number}")
    path = f"{PRODUCTION}/activity/"
    body = await sandbox.act("GET", path + query)
    assert (len(body["results"]), body["total_count"]) == (count, 13)
    assert body["next"] == (following and ORIGIN + path + following)
    assert body["previous"] == (previous and ORIGIN + path + previous)


@pytest.mark.parametrize("query", ["limit=x", "page=x", "page=2", "page=0", "page=-1", "limit=0", "limit=-5", "limit="])
async def test_bad_parameters_of_the_activity_log(sandbox: Sandbox, query: str) -> None:
    response = await sandbox.by_session("GET", f"{PRODUCTION}/activity/?{query}")
    assert (response.status_code, response.json()["attr"]) == (400, query.partition("=")[0])
    sandbox.play(checks_activity_query=False)
    response = await sandbox.by_session("GET", f"{PRODUCTION}/activity/?{query}")
    assert (response.status_code, response.json()) == (500, SERVER_ERROR)


async def test_no_activity_is_one_empty_page(sandbox: Sandbox) -> None:
    body = await sandbox.act("GET", f"{STAGING}/activity/")
    assert body == {"results": [], "next": None, "previous": None, "total_count": 0}


async def test_creation_is_logged_once_where_it_shows(sandbox: Sandbox) -> None:
    number = (await sandbox.create())["id"]
    body = await sandbox.act("GET", f"{ACME}/{number}/activity/")
    assert [entry["activity"] for entry in body["results"]] == ["created"]


async def test_demo_data(sandbox: Sandbox) -> None:
    for number in (DEMO_ID, PRODUCTION_ID):
        path = f"{ACME}/{number}/is_generating_demo_data/"
        assert await sandbox.act("GET", path) == {"is_generating_demo_data": False}


async def test_a_product_intent(sandbox: Sandbox) -> None:
    body = {"product_type": "surveys", "intent_context": PRIMARY, "metadata": {"from": "test"}}
    headers = {"referer": "https://app.example/x", "x-posthog-session-id": "s1"}
    path = f"{PRODUCTION}/add_product_intent/"
    response = await sandbox.ask("PATCH", path, json=body, key=READ_ONLY_KEY, headers=headers)
    assert response.status_code == 201
    team = response.json()
    project = await sandbox.get(f"{PRODUCTION}/")
    assert project.keys() - team.keys() == {"product_description", "is_pending_deletion", "deletion_scheduled_at"}
    assert team["project_id"] == PRODUCTION_ID
    assert team["secret_api_token"].startswith("phs_")
    assert team["product_intents"][-1] == {
        "product_type": "surveys",
        "created_at": "2026-10-05T12:00:00.000000Z",
        "onboarding_completed_at": None,
        "updated_at": "2026-10-05T12:00:00.000000Z",
    }
    sandbox.clock.pass_(minutes=1)
    again = (await sandbox.ask("PATCH", path, json=body)).json()["product_intents"][-1]
    assert (again["created_at"], again["updated_at"]) == ("2026-10-05T12:00:00.000000Z", "2026-10-05T12:01:00.000000Z")
    intent = sandbox.world.projects[PRODUCTION_ID].intents["surveys"]
    assert intent.contexts == {PRIMARY: 2}
    assert intent.metadata == {"from": "test", "$current_url": None, "$session_id": None}


@pytest.mark.parametrize(
    ("body", "detail", "code", "attr"),
    [
        ({}, "This field is required.", "required", "product_type"),
        ({"product_type": None}, "This field may not be null.", "null", "product_type"),
        ({"product_type": "x"}, '"x" is not a valid choice.', "invalid_choice", "product_type"),
        ({"product_type": ""}, '"" is not a valid choice.', "invalid_choice", "product_type"),
        (
            {"product_type": "surveys", "intent_context": "x"},
            '"x" is not a valid choice.',
            "invalid_choice",
            "intent_context",
        ),
        (
            {"product_type": "surveys", "metadata": "x"},
            'Expected a dictionary of items but got type "str".',
            "not_a_dict",
            "metadata",
        ),
    ],
)
async def test_intents_that_are_refused(sandbox: Sandbox, body: Any, detail: str, code: str, attr: str) -> None:
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/add_product_intent/", json=body)
    assert (response.status_code, response.json()) == (400, invalid(detail, code=code, attr=attr))


async def test_older_versions_take_any_product(sandbox: Sandbox) -> None:
    sandbox.play(checks_product_keys=False)
    for action, status in (("add_product_intent", 201), ("complete_product_onboarding", 200)):
        response = await sandbox.ask("PATCH", f"{PRODUCTION}/{action}/", json={"product_type": "anything"})
        assert response.status_code == status
    assert sandbox.world.projects[PRODUCTION_ID].intents["anything"].contexts == {"unknown": 2}


async def test_onboarding_is_completed(sandbox: Sandbox) -> None:
    path = f"{PRODUCTION}/complete_product_onboarding/"
    for time in ("12:00", "12:01"):
        response = await sandbox.ask("PATCH", path, json={"product_type": "surveys"}, key=READ_ONLY_KEY)
        assert response.status_code == 200
        assert "product_description" not in response.json()
        completed = response.json()["product_intents"][-1]["onboarding_completed_at"]
        assert completed == f"2026-10-05T{time}:00.000000Z"
        sandbox.clock.pass_(minutes=1)


async def test_onboarding_refuses_outside_the_envelope(sandbox: Sandbox) -> None:
    path = f"{PRODUCTION}/complete_product_onboarding/"
    for body in ({}, {"product_type": ""}, {"product_type": None}):
        response = await sandbox.ask("PATCH", path, json=body)
        assert (response.status_code, response.json()) == (400, {"error": "product_type is required"})
    response = await sandbox.ask("PATCH", path, json={"product_type": "x"})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error.startswith("invalid product_type, expected one of [<ProductKey.ACTIONS: 'actions'>, ")
    assert all(f"'{key}'" in error for key in PRODUCT_KEYS)
    response = await sandbox.ask("PATCH", path, json={"product_type": "surveys", "intent_context": "x"})
    assert response.json() == invalid('"x" is not a valid choice.', code="invalid_choice", attr="intent_context")


async def test_the_project_token_is_reset(sandbox: Sandbox) -> None:
    before = await sandbox.get(f"{PRODUCTION}/")
    sandbox.clock.pass_(minutes=1)
    after = await sandbox.act("PATCH", f"{PRODUCTION}/reset_token/")
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"api_token", "live_events_token", "updated_at"}
    assert after["api_token"].startswith("phc_")
    entry = (await sandbox.act("GET", f"{PRODUCTION}/activity/"))["results"][0]
    assert entry["detail"]["changes"] == [
        {
            "type": "Team",
            "action": "changed",
            "field": "api_token",
            "before": before["api_token"],
            "after": after["api_token"],
        }
    ]


def masked(token: str) -> str:
    return f"phs_...{token[-4:]}"


async def test_the_secret_token_is_rotated_with_one_generation_of_backup(sandbox: Sandbox) -> None:
    start = await sandbox.get(f"{PRODUCTION}/")
    first = await sandbox.act("PATCH", f"{PRODUCTION}/rotate_secret_token/")
    assert first["secret_api_token_backup"] == start["secret_api_token"]
    assert first["secret_api_token"] not in {start["secret_api_token"], start["secret_api_token_backup"]}
    entry = (await sandbox.act("GET", f"{PRODUCTION}/activity/"))["results"][0]
    assert entry["detail"]["changes"] == [
        {
            "type": "Team",
            "action": "changed",
            "field": "secret_api_token",
            "before": {
                "secret_api_token": masked(start["secret_api_token"]),
                "secret_api_token_backup": masked(start["secret_api_token_backup"]),
            },
            "after": {
                "secret_api_token": masked(first["secret_api_token"]),
                "secret_api_token_backup": masked(start["secret_api_token"]),
            },
        }
    ]
    second = await sandbox.act("PATCH", f"{PRODUCTION}/rotate_secret_token/")
    assert second["secret_api_token_backup"] == first["secret_api_token"]
    assert start["secret_api_token"] not in second.values()


async def test_a_first_secret_token_in_older_versions(sandbox: Sandbox) -> None:
    sandbox.play(first_secret=True)
    body = await sandbox.act("PATCH", f"{STAGING}/rotate_secret_token/")
    assert body["secret_api_token"].startswith("phs_")
    assert body["secret_api_token_backup"] is None
    entry = (await sandbox.act("GET", f"{STAGING}/activity/"))["results"][0]
    change = entry["detail"]["changes"][0]
    assert change["action"] == "created"
    assert change["before"] == {"secret_api_token": None}
    assert change["after"] == {"secret_api_token": masked(body["secret_api_token"])}


async def test_a_first_secret_token_is_deprecated(sandbox: Sandbox) -> None:
    response = await sandbox.by_session("PATCH", f"{STAGING}/rotate_secret_token/")
    detail = (
        "The feature flags secure API key is deprecated. "
        "Create a project secret API key with the feature_flag:read scope instead."
    )
    assert (response.status_code, response.json()) == (400, invalid(detail))
    assert await sandbox.act("PATCH", f"{MOBILE}/rotate_secret_token/")
    sandbox.world.projects[STAGING_ID].fields["secret_api_token_backup"] = "phs_onlyABackup"
    assert await sandbox.act("PATCH", f"{STAGING}/rotate_secret_token/")
    sandbox.world.projects[STAGING_ID].fields.update(secret_api_token=None, secret_api_token_backup=None)
    await sandbox.patch(f"{STAGING}/", conversations_enabled=True)
    assert await sandbox.act("PATCH", f"{STAGING}/rotate_secret_token/")


async def test_the_backup_is_deleted(sandbox: Sandbox) -> None:
    before = await sandbox.get(f"{PRODUCTION}/")
    after = await sandbox.act("PATCH", f"{PRODUCTION}/delete_secret_token_backup/")
    assert after["secret_api_token_backup"] is None
    assert after["secret_api_token"] == before["secret_api_token"]
    entry = (await sandbox.act("GET", f"{PRODUCTION}/activity/"))["results"][0]
    assert entry["detail"]["changes"] == [
        {
            "type": "Team",
            "action": "deleted",
            "field": "secret_api_token_backup",
            "before": masked(before["secret_api_token_backup"]),
            "after": None,
        }
    ]
    assert await sandbox.act("PATCH", f"{PRODUCTION}/delete_secret_token_backup/") == after
    assert (await sandbox.act("GET", f"{PRODUCTION}/activity/"))["total_count"] == 4
