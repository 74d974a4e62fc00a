"""What the newest code does beside, or otherwise than, the versions before it."""

from typing import Any

import pytest

from projects_mcp.sandbox import (
    ALL_ACCESS_KEY,
    LEGACY_KEY,
    MEMBER_ID,
    MEMBER_KEY,
    MOBILE_ID,
    PRODUCTION_ID,
    READ_ONLY_KEY,
    READ_WRITE_KEY,
    STAGING_ID,
    TEAM_READ_KEY,
)
from tests.support.sandbox import ACME, MOBILE, PRODUCTION, STAGING, Sandbox, forbidden, invalid

pytestmark = pytest.mark.anyio

CANCEL = "cancel-deletion/"


async def test_a_pending_deletion_is_cancelled(sandbox: Sandbox) -> None:
    for path in (PRODUCTION, STAGING):
        assert (await sandbox.ask("DELETE", f"{path}/")).status_code == 204
        body = await sandbox.act("POST", f"{path}/{CANCEL}")
        assert (body["is_pending_deletion"], body["deletion_scheduled_at"]) == (False, None)
        assert body.keys() <= {
            "id", "organization_id", "name", "product_description", "created_at",
            "is_pending_deletion", "deletion_scheduled_at",
        }  # fmt: skip
    sandbox.clock.pass_(hours=49)
    assert (await sandbox.get(f"{ACME}/"))["count"] == 4


async def test_what_cannot_be_cancelled(sandbox: Sandbox) -> None:
    async def refusal() -> str:
        response = await sandbox.by_session("POST", f"{PRODUCTION}/{CANCEL}")
        body = response.json()
        assert (response.status_code, body) == (400, invalid(body["detail"]))
        return str(body["detail"])

    said = [await refusal()]
    sandbox.play(deletion_lasts_s=60)
    await sandbox.ask("DELETE", f"{PRODUCTION}/")
    sandbox.play(cancelling_fails=True)
    said.append(await refusal())
    sandbox.clock.pass_(hours=48)
    said.append(await refusal())
    sandbox.world.projects[PRODUCTION_ID].deletion_at = None
    said.append(await refusal())
    assert said == [
        "This project is not pending deletion.",
        "The deletion of this project could not be cancelled. Please try again.",
        "The deletion of this project has already started.",
        "The deletion of this project can no longer be cancelled.",
    ]


async def test_a_deletion_ends_when_its_time_is_over(sandbox: Sandbox) -> None:
    sandbox.play(deletion_lasts_s=60)
    await sandbox.ask("DELETE", f"{STAGING}/")
    sandbox.clock.pass_(hours=1, seconds=59)
    assert (await sandbox.get(f"{STAGING}/"))["is_pending_deletion"] is True
    sandbox.clock.pass_(seconds=1)
    assert (await sandbox.ask("GET", f"{STAGING}/")).status_code == 404


@pytest.mark.parametrize("key", [ALL_ACCESS_KEY, READ_WRITE_KEY, TEAM_READ_KEY])
async def test_what_is_newer_is_session_only_too(sandbox: Sandbox, key: str) -> None:
    for method, name in (("POST", CANCEL), ("GET", "settings_as_of/")):
        response = await sandbox.ask(method, f"{PRODUCTION}/{name}", key=key)
        assert (response.status_code, response.json()) == (
            403,
            forbidden("This action does not support personal API key access"),
        )


async def test_only_an_admin_cancels(sandbox: Sandbox) -> None:
    await sandbox.ask("DELETE", f"{PRODUCTION}/")
    session = next(iter(sandbox.world.sessions.values()))
    session.user_id = MEMBER_ID
    response = await sandbox.by_session("POST", f"{PRODUCTION}/{CANCEL}")
    assert response.json() == forbidden("You don't have sufficient permissions in the project.")


async def test_settings_as_of_a_moment(sandbox: Sandbox) -> None:
    for timezone in ("UTC", "Asia/Tokyo"):
        sandbox.clock.pass_(hours=1)
        await sandbox.patch(f"{PRODUCTION}/", timezone=timezone, anonymize_ips=timezone == "UTC")
    path = f"{PRODUCTION}/settings_as_of/?at="
    moments = {"11:59:00Z": "Europe/Berlin", "13:30:00": "UTC", "13:30:00Z": "UTC", "15:00:00Z": "Asia/Tokyo"}
    for moment, timezone in moments.items():
        body = await sandbox.act("GET", f"{path}2026-10-05T{moment}&scope=timezone")
        assert body == {"timezone": timezone}
    body = await sandbox.act("GET", f"{path}2026-10-05T13:30:00Z")
    assert (body["timezone"], body["anonymize_ips"], body["base_currency"]) == ("UTC", True, "EUR")
    for query, attr in (("", "at"), ("?at=yesterday", "at"), ("?at=2026-10-05T13:30:00Z&scope=id", "scope")):
        response = await sandbox.by_session("GET", f"{PRODUCTION}/settings_as_of/{query}")
        assert (response.status_code, response.json()["attr"]) == (400, attr)


async def test_restrictions_of_ingestion(sandbox: Sandbox) -> None:
    path = f"{PRODUCTION}/event_ingestion_restrictions/"
    assert await sandbox.get(path, key=READ_ONLY_KEY) == []
    restriction = {"restriction_type": "drop_event_from_ingestion", "distinct_ids": ["robot"]}
    sandbox.world.projects[PRODUCTION_ID].restrictions.append(restriction)
    assert await sandbox.get(path, key=READ_ONLY_KEY) == [restriction]


PARTIAL: list[tuple[str, Any]] = [
    ("marketing_analytics_config", {"filter_test_accounts": True}),
    ("marketing_analytics_config", {"attribution_window_days": 30}),
    ("revenue_analytics_config", {"filter_test_accounts": True}),
    ("customer_analytics_config", {"account_group_type_index": 2}),
    ("workflows_config", {"workflow_task_rate_limit_per_day": 5}),
    ("workflows_config", {"workflow_task_team_rate_limit_per_day": 7}),
    ("feature_flag_policy_config", {}),
    ("feature_flag_policy_config", {"require_tags": True}),
]


@pytest.mark.parametrize(("field", "sent"), PARTIAL)
async def test_keys_of_a_configuration_that_are_not_sent_stay(sandbox: Sandbox, field: str, sent: Any) -> None:
    before = (await sandbox.get(f"{MOBILE}/"))[field]
    assert (await sandbox.patch(f"{MOBILE}/", **{field: sent}))[field] == {**before, **sent}


async def test_sources_are_merged_one_by_one(sandbox: Sandbox) -> None:
    async def write(**sources: Any) -> Any:
        body = await sandbox.patch(f"{MOBILE}/", marketing_analytics_config={"sources_map": sources})
        return body["marketing_analytics_config"]["sources_map"]

    first = {"campaign": "c", "cost": "x"}
    assert await write(google=first, bing={"cost": "y"}) == {"google": first, "bing": {"cost": "y"}}
    assert await write(google={"cost": "z"}) == {"google": {"cost": "z"}, "bing": {"cost": "y"}}
    assert await write(bing=None) == {"google": {"cost": "z"}}
    body = await sandbox.patch(f"{MOBILE}/", marketing_analytics_config={"attribution_mode": "linear"})
    assert body["marketing_analytics_config"]["sources_map"] == {"google": {"cost": "z"}}


async def test_tags_are_for_members_and_groups_for_admins(sandbox: Sandbox) -> None:
    async def tag(key: str, *tags: str) -> tuple[int, Any]:
        response = await sandbox.ask("PATCH", f"{MOBILE}/", json={"tags": tags}, key=key)
        return response.status_code, response.json().get("tags", response.json().get("detail"))

    assert await tag(MEMBER_KEY, " A ", "b", "a") == (200, ["a", "b"])
    only_admins = (403, "Only organization admins can change the project group of a project.")
    assert await tag(MEMBER_KEY, "a", "project-group:web") == only_admins
    assert await tag(READ_WRITE_KEY, "a", "Project-Group:web") == (200, ["a", "project-group:web"])
    assert await tag(MEMBER_KEY, "c", "project-group:web") == (200, ["c", "project-group:web"])
    assert await tag(MEMBER_KEY, "c") == only_admins
    assert (await tag(READ_WRITE_KEY, "project-group:a", "project-group:b"))[0] == 400


async def test_settings_that_are_gone_are_ignored(sandbox: Sandbox) -> None:
    body = await sandbox.patch(f"{MOBILE}/", data_management_config={"stale_event_days": 10}, event_retention_months=1)
    assert not {"data_management_config", "event_retention_months", "events_retention_enforced"} & body.keys()
    assert "flag_evaluations_mode" in body


RETENTION = [
    (14, False, 200),
    (30, False, 200),
    (60, False, 400),
    (60, True, 200),
    (2_580, True, 200),
    (2_610, True, 400),
    (45, True, 400),
    (True, True, 400),
]


@pytest.mark.parametrize(("days", "flag", "status"), RETENTION)
async def test_retention_of_logs_in_days(sandbox: Sandbox, days: int, status: int, *, flag: bool) -> None:
    for organization in sandbox.world.organizations.values():
        organization.long_log_retention, organization.logs_retention_days = flag, 2_580
    response = await sandbox.ask("PATCH", f"{MOBILE}/", json={"logs_settings": {"retention_days": days}})
    assert response.status_code == status, response.text


async def test_a_plan_for_longer_logs(sandbox: Sandbox) -> None:
    for organization in sandbox.world.organizations.values():
        organization.long_log_retention, organization.logs_retention_days = True, 90
    assert await sandbox.patch(f"{MOBILE}/", logs_settings={"retention_days": 90})
    response = await sandbox.ask("PATCH", f"{STAGING}/", json={"logs_settings": {"retention_days": 120}})
    assert response.status_code == 403


async def test_clearing_conversations_keeps_what_posthog_manages(sandbox: Sandbox) -> None:
    project = sandbox.world.projects[PRODUCTION_ID]
    project.fields["conversations_settings"] |= {"github_enabled": True, "github_repos": ["a/b"]}
    body = await sandbox.patch(f"{PRODUCTION}/", conversations_settings=None)
    kept = {"widget_public_token", "slack_bot_token", "github_enabled", "github_repos"}
    assert body["conversations_settings"].keys() == kept


@pytest.mark.parametrize("scopes", [None, ()])
async def test_a_key_without_scopes_may_do_nothing(sandbox: Sandbox, scopes: tuple[str, ...] | None) -> None:
    sandbox.world.api_keys[LEGACY_KEY].scopes = scopes
    response = await sandbox.ask("GET", f"{PRODUCTION}/", key=LEGACY_KEY)
    assert response.json() == forbidden("API key missing required scope 'project:read'")
    body = await sandbox.get("/api/personal_api_keys/@current/", key=LEGACY_KEY)
    assert body["scopes"] == []


async def test_the_name_of_a_cohort_is_added_to_answers_only(sandbox: Sandbox) -> None:
    cohort = {"key": "id", "type": "cohort", "value": 3, "operator": "in"}
    person = {"key": "email", "type": "person", "value": "@a", "operator": "icontains"}
    body = await sandbox.patch(f"{MOBILE}/", test_account_filters=[cohort, person])
    assert body["test_account_filters"] == [{**cohort, "cohort_name": "Internal / Test users"}, person]
    assert sandbox.world.projects[MOBILE_ID].fields["test_account_filters"] == [cohort, person]
    renamed = {**cohort, "cohort_name": "Mine"}
    body = await sandbox.patch(f"{MOBILE}/", test_account_filters=[renamed])
    assert body["test_account_filters"][0]["cohort_name"] == "Internal / Test users"


async def test_a_form_says_no_to_every_box_that_is_absent(sandbox: Sandbox) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response = await sandbox.ask("POST", f"{ACME}/", content=b"name=Form", headers=headers)
    assert (response.status_code, response.json()["attr"]) == (400, "access_control")
    response = await sandbox.ask("PATCH", f"{STAGING}/", content=b"timezone=Asia/Tokyo", headers=headers)
    assert (response.status_code, response.json()["timezone"]) == (200, "Asia/Tokyo")
    response = await sandbox.ask("PATCH", f"{STAGING}/", content=b"&".join([b"a=1"] * 1_001), headers=headers)
    assert response.status_code == 400
    assert sandbox.world.projects[STAGING_ID].fields["timezone"] == "Asia/Tokyo"
