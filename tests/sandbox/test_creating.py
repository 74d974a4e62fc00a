"""Creating a project: defaults, special fields, names and what moves with it."""

from typing import Any

import pytest

from projects_mcp.sandbox import (
    ACME_ID,
    ADMIN_ID,
    DEMO_ID,
    MEMBER_KEY,
    NORTHWIND_ID,
    PRODUCTION_ID,
    READ_WRITE_KEY,
)
from tests.support.sandbox import ACME, NO_ORGANIZATION, NORTHWIND, PRODUCTION, Sandbox, forbidden, invalid

pytestmark = pytest.mark.anyio


def name_taken(name: str) -> dict[str, str | None]:
    detail = f'There is already a project called "{name}" in this organization. Choose a different name.'
    return {"type": "server_error", "code": "conflict", "detail": detail, "attr": None}


async def test_what_a_new_project_is_like(sandbox: Sandbox) -> None:
    project = await sandbox.create(name="Fresh", timezone="Asia/Tokyo", tags=["New"])
    expected = {
        "id": 30001,
        "project_id": 30001,
        "organization": ACME_ID,
        "name": "Fresh",
        "timezone": "Asia/Tokyo",
        "tags": ["new"],
        "created_at": "2026-10-05T12:00:00.000000Z",
        "updated_at": "2026-10-05T12:00:00.000000Z",
        "ingested_event": False,
        "is_pending_deletion": False,
        "deletion_scheduled_at": None,
        "anonymize_ips": False,
        "week_start_day": 1,
        "base_currency": "USD",
        "primary_dashboard": 300010,
        "product_intents": [],
        "secret_api_token": None,
        "secret_api_token_backup": None,
        "effective_membership_level": 8,
        "extra_settings": {"recorder_script": "posthog-recorder"},
    }
    assert {name: project[name] for name in expected} == expected
    assert project["api_token"].startswith("phc_")
    assert project == await sandbox.get(f"{ACME}/30001/")
    assert (await sandbox.create(name="Next"))["id"] == 30002


async def test_nothing_is_required(sandbox: Sandbox) -> None:
    names = [(await sandbox.create())["name"] for _ in range(3)]
    assert names == ["Default project", "Default project 2", "Default project 3"]
    assert (await sandbox.ask("POST", f"{ACME}/")).json()["name"] == "Default project 4"


@pytest.mark.parametrize("name", ["Acme web", "ACME WEB", "  acme Web  "])
async def test_names_are_unique_in_an_organization(sandbox: Sandbox, name: str) -> None:
    response = await sandbox.ask("POST", f"{ACME}/", json={"name": name})
    assert (response.status_code, response.json()) == (409, name_taken(name.strip()))
    assert (await sandbox.ask("POST", f"{NORTHWIND}/", json={"name": name})).status_code == 201


async def test_a_taken_name_wins_over_other_refusals(sandbox: Sandbox) -> None:
    response = await sandbox.ask("POST", f"{ACME}/", json={"name": "Acme web", "timezone": "Mars/X"})
    assert response.status_code == 409


async def test_the_name_of_a_project_that_is_being_deleted_is_taken(sandbox: Sandbox) -> None:
    assert (await sandbox.ask("DELETE", f"{PRODUCTION}/")).status_code == 204
    response = await sandbox.ask("POST", f"{ACME}/", json={"name": "acme web"})
    assert (response.status_code, response.json()) == (409, name_taken("acme web"))
    sandbox.play(pending_names_count=False)
    assert (await sandbox.create(name="Acme web"))["name"] == "Acme web"


async def test_older_versions_accept_twins(sandbox: Sandbox) -> None:
    sandbox.play(unique_names=False)
    assert (await sandbox.create(name="Acme web"))["name"] == "Acme web"
    assert [(await sandbox.create())["name"] for _ in range(2)] == ["Default project", "Default project"]


async def test_renaming_to_a_taken_name(sandbox: Sandbox) -> None:
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"name": "acme MOBILE"})
    assert (response.status_code, response.json()) == (409, name_taken("acme MOBILE"))
    assert (await sandbox.patch(f"{PRODUCTION}/", name="Acme web"))["name"] == "Acme web"
    assert (await sandbox.patch(f"{PRODUCTION}/", name="ACME web"))["name"] == "ACME web"


async def test_a_primary_dashboard_is_refused(sandbox: Sandbox) -> None:
    response = await sandbox.ask("POST", f"{ACME}/", json={"primary_dashboard": PRODUCTION_ID * 10})
    detail = "Primary dashboard cannot be set on project creation."
    assert (response.status_code, response.json()) == (400, invalid(detail, attr="primary_dashboard"))


async def test_access_control_is_refused(sandbox: Sandbox) -> None:
    response = await sandbox.ask("POST", f"{ACME}/", json={"access_control": False})
    assert response.status_code == 400
    assert response.json()["attr"] == "access_control"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("revenue_analytics_config", {"base_currency": "EUR"}),
        ("marketing_analytics_config", {"attribution_window_days": 7}),
        ("customer_analytics_config", {"account_group_type_index": 1}),
        ("workflows_config", {"email_tracking_consent_mode": "opt_in"}),
    ],
)
async def test_configurations_are_dropped(sandbox: Sandbox, field: str, value: Any) -> None:
    default = (await sandbox.create())[field]
    project = await sandbox.create(**{field: value})
    assert project[field] == default != value


async def test_the_filter_of_test_users_overwrites_what_was_sent(sandbox: Sandbox) -> None:
    project = await sandbox.create(test_account_filters=[])
    assert project["test_account_filters"] == [
        {"key": "id", "type": "cohort", "value": 300011, "operator": "not_in", "cohort_name": "Internal / Test users"},
    ]


async def test_anonymizing_follows_the_organization(sandbox: Sandbox) -> None:
    path = f"{NORTHWIND}/"
    assert (await sandbox.ask("POST", path, json={"name": "a"})).json()["anonymize_ips"] is True
    assert (await sandbox.ask("POST", path, json={"name": "b", "anonymize_ips": False})).json()[
        "anonymize_ips"
    ] is False


async def test_the_week_starts_as_in_the_callers_country(sandbox: Sandbox) -> None:
    assert (await sandbox.create())["week_start_day"] == 1
    sandbox.play(ip_country="US")
    assert (await sandbox.create())["week_start_day"] == 0
    assert (await sandbox.create(week_start_day=1))["week_start_day"] == 1


async def test_the_caller_moves_to_the_new_project(sandbox: Sandbox) -> None:
    response = await sandbox.ask("POST", f"{NORTHWIND}/", json={"name": "Elsewhere"})
    number = response.json()["id"]
    assert (await sandbox.get("/api/organizations/@current/projects/@current/"))["id"] == number
    assert sandbox.world.users[ADMIN_ID].current_organization_id == NORTHWIND_ID


async def test_an_organization_of_others(sandbox: Sandbox) -> None:
    for organization in (NORTHWIND_ID, "00000000-0000-0000-0000-000000000000", "northwind"):
        path = f"/api/organizations/{organization}/projects/"
        response = await sandbox.ask("POST", path, json={"name": "x"}, key=MEMBER_KEY)
        assert (response.status_code, response.json()) == (404, NO_ORGANIZATION)


async def test_a_demo_project_makes_its_data(sandbox: Sandbox) -> None:
    sandbox.world.projects[DEMO_ID].fields["is_demo"] = False
    sandbox.world.organizations[ACME_ID].members_can_create_projects = False
    response = await sandbox.ask("POST", f"{ACME}/", json={"name": "Demo", "is_demo": True}, key=MEMBER_KEY)
    assert response.status_code == 201
    path = f"{ACME}/{response.json()['id']}/is_generating_demo_data/"
    assert (await sandbox.by_session("GET", path)).json() == {"is_generating_demo_data": True}
    sandbox.clock.pass_(minutes=1)
    assert (await sandbox.by_session("GET", path)).json() == {"is_generating_demo_data": False}


async def test_unknown_and_read_only_fields_do_nothing(sandbox: Sandbox) -> None:
    project = await sandbox.create(id=1, api_token="phc_mine", timezon="UTC", ingested_event=True)
    assert project["id"] == 30001
    assert project["ingested_event"] is False
    assert project["api_token"] != "phc_mine"
    assert "timezon" not in project


async def test_a_body_that_cannot_be_read(sandbox: Sandbox) -> None:
    headers = {"content-type": "application/json"}
    response = await sandbox.ask("POST", f"{ACME}/", content=b"{", headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "parse_error")
    response = await sandbox.ask("POST", f"{ACME}/", content=b"[]", headers=headers)
    assert response.json() == invalid("Invalid data. Expected a dictionary, but got list.")


async def test_logs_retention_above_the_plan(sandbox: Sandbox) -> None:
    sandbox.world.organizations[ACME_ID].logs_retention_days = 14
    assert (await sandbox.create(logs_settings={"retention_days": 14}))["logs_settings"] == {"retention_days": 14}
    response = await sandbox.ask("POST", f"{ACME}/", json={"logs_settings": {"retention_days": 30}})
    detail = "This organization does not have permission to set Logs retention to 30 days."
    assert (response.status_code, response.json()) == (403, forbidden(detail))


async def test_no_project_is_made_when_one_is_refused(sandbox: Sandbox) -> None:
    before = set(sandbox.world.projects)
    for body in ({"name": "Acme web"}, {"timezone": "x"}, {"primary_dashboard": 1}):
        await sandbox.ask("POST", f"{ACME}/", json=body, key=READ_WRITE_KEY)
    assert set(sandbox.world.projects) == before
