"""Updating a project: what is ignored, merged and refused, by whom, and what the log says."""

from typing import Any

import pytest

from projects_mcp.sandbox import ACME_ID, MEMBER_KEY, MOBILE_ID, PRODUCTION_ID
from projects_mcp.sandbox.validation.rules import RULES
from tests.support.sandbox import ACME, MOBILE, PRODUCTION, SERVER_ERROR, Sandbox, forbidden, invalid

pytestmark = pytest.mark.anyio

MEMBER_SAFE: dict[str, Any] = {
    "completed_snippet_onboarding": True,
    "has_completed_onboarding_for": {"surveys": True},
    "onboarding_tasks": {"a": "b"},
    "session_recording_opt_in": True,
    "autocapture_exceptions_opt_in": True,
    "autocapture_web_vitals_opt_in": True,
    "autocapture_web_vitals_allowed_metrics": ["LCP"],
    "surveys_opt_in": True,
    "primary_dashboard": None,
    "product_description": "By a member",
    "tags": ["by a member"],
}

ADMIN_ONLY: dict[str, Any] = {
    "name": "x",
    "timezone": "UTC",
    "is_demo": True,
    "app_urls": [],
    "extra_settings": None,
    "conversations_enabled": True,
    "workflows_config": {},
}


async def activity(sandbox: Sandbox, path: str = PRODUCTION) -> list[Any]:
    response = await sandbox.by_session("GET", f"{path}/activity/")
    assert response.status_code == 200
    results: list[Any] = response.json()["results"]
    return results


async def test_unknown_and_read_only_fields_are_ignored(sandbox: Sandbox) -> None:
    before = await sandbox.get(f"{PRODUCTION}/")
    sandbox.clock.pass_(minutes=1)
    ignored = {
        "timezon": "UTC",
        "id": 1,
        "organization": "x",
        "api_token": "phc_mine",
        "ingested_event": False,
        "secret_api_token": None,
        "is_pending_deletion": True,
        "effective_membership_level": 15,
        "slack_incoming_webhook": "https://hooks.example/x",
    }
    assert await sandbox.patch(f"{PRODUCTION}/", **ignored) == before
    assert len(await activity(sandbox)) == 3


async def test_only_sent_fields_change(sandbox: Sandbox) -> None:
    before = await sandbox.get(f"{PRODUCTION}/")
    sandbox.clock.pass_(minutes=1)
    after = await sandbox.patch(f"{PRODUCTION}/", timezone="UTC", anonymize_ips=False)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"timezone", "anonymize_ips", "updated_at"}
    assert after["updated_at"] == "2026-10-05T12:01:00.000000Z"


async def test_when_updated_at_moves(sandbox: Sandbox) -> None:
    before = await sandbox.get(f"{PRODUCTION}/")
    after = await sandbox.patch(f"{PRODUCTION}/", product_description="New words")
    assert after["updated_at"] == before["updated_at"]
    after = await sandbox.patch(f"{PRODUCTION}/", timezone=before["timezone"])
    assert after["updated_at"] == "2026-10-05T12:00:00.000000Z"


async def test_an_update_of_the_current_project(sandbox: Sandbox) -> None:
    body = await sandbox.patch("/api/organizations/@current/projects/@current/", timezone="UTC")
    assert (body["id"], body["timezone"]) == (PRODUCTION_ID, "UTC")


@pytest.mark.parametrize("field", MEMBER_SAFE)
async def test_what_members_may_change(sandbox: Sandbox, field: str) -> None:
    response = await sandbox.ask("PATCH", f"{MOBILE}/", json={field: MEMBER_SAFE[field]}, key=MEMBER_KEY)
    assert response.status_code == 200
    assert response.json()[field] == MEMBER_SAFE[field]


def test_nothing_else_is_safe_for_members() -> None:
    assert {rule.name for rule in RULES if rule.member_safe} == MEMBER_SAFE.keys()


@pytest.mark.parametrize("field", ADMIN_ONLY)
async def test_what_members_may_not_change(sandbox: Sandbox, field: str) -> None:
    body = {field: ADMIN_ONLY[field], "surveys_opt_in": True}
    response = await sandbox.ask("PATCH", f"{MOBILE}/", json=body, key=MEMBER_KEY)
    detail = f"Only project admins can modify these settings: {field}"
    assert (response.status_code, response.json()) == (403, forbidden(detail))


async def test_all_forbidden_settings_are_named(sandbox: Sandbox) -> None:
    body = {"timezone": "UTC", "anonymize_ips": True, "name": "x"}
    response = await sandbox.ask("PATCH", f"{MOBILE}/", json=body, key=MEMBER_KEY)
    assert response.json() == forbidden("Only project admins can modify these settings: anonymize_ips, name, timezone")


async def test_values_are_checked_before_roles(sandbox: Sandbox) -> None:
    response = await sandbox.ask("PATCH", f"{MOBILE}/", json={"timezone": "Mars/X"}, key=MEMBER_KEY)
    assert response.status_code == 400


async def test_older_versions_let_members_change_settings(sandbox: Sandbox) -> None:
    sandbox.play(members_change_settings=True)
    response = await sandbox.ask("PATCH", f"{MOBILE}/", json=ADMIN_ONLY, key=MEMBER_KEY)
    assert response.status_code == 200


async def test_settings_of_organization_admins(sandbox: Sandbox) -> None:
    body = {"receive_org_level_activity_logs": True}
    response = await sandbox.ask("PATCH", f"{MOBILE}/", json=body, key=MEMBER_KEY)
    detail = "Only organization owners and admins can modify the receive_org_level_activity_logs setting."
    assert (response.status_code, response.json()) == (403, forbidden(detail))
    response = await sandbox.ask("PATCH", f"{MOBILE}/", json={"receive_org_level_activity_logs": None}, key=MEMBER_KEY)
    assert response.json()["detail"].startswith("Only project admins")


async def test_proactive_tasks_are_for_posthog_only(sandbox: Sandbox) -> None:
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"proactive_tasks_enabled": True})
    detail = "Proactive tasks can only be enabled for authorized teams."
    assert (response.status_code, response.json()) == (403, forbidden(detail))


async def test_conversations_mint_and_clear_a_widget_token(sandbox: Sandbox) -> None:
    body = await sandbox.patch(f"{MOBILE}/", conversations_enabled=True, conversations_settings={"widget_color": "a"})
    token = body["conversations_settings"].pop("widget_public_token")
    assert len(token) > 20
    assert body["conversations_settings"] == {"widget_color": "a"}
    body = await sandbox.patch(f"{MOBILE}/", conversations_enabled=True)
    assert body["conversations_settings"]["widget_public_token"] == token
    body = await sandbox.patch(f"{MOBILE}/", conversations_enabled=False)
    assert body["conversations_settings"] == {"widget_color": "a", "widget_public_token": None}
    body = await sandbox.patch(f"{MOBILE}/", conversations_enabled=True)
    assert body["conversations_settings"]["widget_public_token"] not in {None, token}


async def test_a_widget_token_that_exists_is_kept(sandbox: Sandbox) -> None:
    sandbox.world.projects[MOBILE_ID].fields["conversations_settings"] = {"widget_public_token": "kept"}
    body = await sandbox.patch(f"{MOBILE}/", conversations_enabled=True)
    assert body["conversations_settings"] == {"widget_public_token": "kept"}


async def test_tokens_in_conversations_belong_to_posthog(sandbox: Sandbox) -> None:
    before = (await sandbox.get(f"{PRODUCTION}/"))["conversations_settings"]
    sent = {"widget_public_token": "mine", "slack_bot_token": "mine", "widget_greeting_text": "Hello"}
    after = (await sandbox.patch(f"{PRODUCTION}/", conversations_settings=sent))["conversations_settings"]
    assert after == {**before, "widget_greeting_text": "Hello"}
    cleared = (await sandbox.patch(f"{PRODUCTION}/", conversations_settings=None))["conversations_settings"]
    assert cleared == {name: before[name] for name in ("widget_public_token", "slack_bot_token")}


async def test_older_versions_let_clients_write_conversation_tokens(sandbox: Sandbox) -> None:
    sandbox.play(manages_conversations=False)
    sent = {"widget_public_token": "mine"}
    after = (await sandbox.patch(f"{PRODUCTION}/", conversations_settings=sent))["conversations_settings"]
    assert after["widget_public_token"] == "mine"
    assert (await sandbox.patch(f"{PRODUCTION}/", conversations_settings=None))["conversations_settings"] is None


async def test_retention_of_recordings_and_the_plan(sandbox: Sandbox) -> None:
    organization = sandbox.world.organizations[ACME_ID]
    organization.longest_retention = "90d"
    body = {"session_recording_retention_period": "1y", "timezone": "UTC"}
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json=body)
    detail = (
        "This organization does not have permission to set retention period of length '1y' - "
        "longest allowable retention period is '90d'."
    )
    assert (response.status_code, response.json()) == (403, forbidden(detail))
    assert (await sandbox.get(f"{PRODUCTION}/"))["timezone"] == "Europe/Berlin"
    organization.longest_retention = None
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json=body)
    assert (response.status_code, response.json()) == (
        500,
        {**SERVER_ERROR, "detail": "Invalid retention entitlement."},
    )


async def test_retention_of_logs(sandbox: Sandbox) -> None:
    body = (await sandbox.patch(f"{PRODUCTION}/", logs_settings={"retention_days": 30}))["logs_settings"]
    assert body == {"retention_days": 30, "retention_last_updated": "2026-10-05T12:00:00.000000Z"}
    sandbox.clock.pass_(hours=1)
    assert await sandbox.patch(f"{PRODUCTION}/", logs_settings=body)
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"logs_settings": {"retention_days": 14}})
    detail = "You can only update retention settings once per 24 hours. Please wait 23 more hour(s)."
    assert (response.status_code, response.json()) == (400, invalid(detail, attr="logs_settings"))
    sandbox.clock.pass_(hours=23)
    body = (await sandbox.patch(f"{PRODUCTION}/", logs_settings={"retention_days": 14}))["logs_settings"]
    assert body["retention_days"] == 14


async def test_logs_retention_and_the_plan(sandbox: Sandbox) -> None:
    sandbox.world.organizations[ACME_ID].logs_retention_days = 14
    response = await sandbox.ask("PATCH", f"{MOBILE}/", json={"logs_settings": {"retention_days": 30}})
    detail = "This organization does not have permission to set Logs retention to 30 days."
    assert (response.status_code, response.json()) == (403, forbidden(detail))


async def test_the_colour_theme_follows_the_plan(sandbox: Sandbox) -> None:
    assert (await sandbox.patch(f"{PRODUCTION}/", default_data_theme=7))["default_data_theme"] == 7
    sandbox.world.organizations[ACME_ID].has_color_themes = False
    assert (await sandbox.patch(f"{PRODUCTION}/", default_data_theme=8))["default_data_theme"] == 1


async def test_the_log_of_an_update(sandbox: Sandbox) -> None:
    await sandbox.patch(f"{PRODUCTION}/", timezone="UTC", week_start_day=None, business_model="b2c", modifiers={})
    entry = (await activity(sandbox))[0]
    assert entry["activity"] == "updated"
    assert entry["detail"]["name"] == "Acme web"
    changes = {change["field"]: change for change in entry["detail"]["changes"]}
    assert changes == {
        "timezone": {
            "type": "Team",
            "action": "changed",
            "field": "timezone",
            "before": "Europe/Berlin",
            "after": "UTC",
        },
        "week_start_day": {
            "type": "Team",
            "action": "deleted",
            "field": "week_start_day",
            "before": 1,
            "after": None,
        },
        "modifiers": {"type": "Team", "action": "created", "field": "modifiers", "before": None, "after": {}},
    }


async def test_what_the_log_does_not_show(sandbox: Sandbox) -> None:
    await sandbox.patch(f"{PRODUCTION}/", timezone="Europe/Berlin")
    await sandbox.patch(f"{PRODUCTION}/", name="Renamed", product_description="Other")
    assert len(await activity(sandbox)) == 3
    hidden = sandbox.world.projects[PRODUCTION_ID].activity[-1]
    assert (hidden.scope, [change["field"] for change in hidden.changes]) == (
        "Project",
        ["name", "product_description"],
    )


async def test_the_webhook_of_older_versions(sandbox: Sandbox) -> None:
    sandbox.play(webhook_writable=True)
    body = await sandbox.patch(f"{PRODUCTION}/", slack_incoming_webhook="https://hooks.example/x")
    assert body["slack_incoming_webhook"] == "https://hooks.example/x"
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"slack_incoming_webhook": "x" * 501})
    detail = "Ensure this field has no more than 500 characters."
    assert response.json() == invalid(detail, code="max_length", attr="slack_incoming_webhook")


async def test_versions_that_ignore_lack_or_rename_settings(sandbox: Sandbox) -> None:
    sandbox.play(
        ignored_fields=frozenset({"timezone"}),
        absent_fields=frozenset({"tags", "business_model"}),
        renamed_values={"base_currency": "GBP"},
    )
    body = await sandbox.patch(f"{PRODUCTION}/", timezone="Mars/X", tags=None, base_currency="USD")
    assert body["timezone"] == "Europe/Berlin"
    assert body["base_currency"] == "GBP"
    assert not {"tags", "business_model"} & body.keys()
    assert (await sandbox.create(base_currency="USD"))["base_currency"] == "GBP"
    assert (await sandbox.create())["base_currency"] == "USD"


async def test_versions_without_project_id(sandbox: Sandbox) -> None:
    sandbox.play(project_id_in_answers=False)
    assert "project_id" not in await sandbox.get(f"{PRODUCTION}/")
    assert "project_id" not in (await sandbox.get(f"{ACME}/"))["results"][0]
