"""Each tool through a real client, in both protocol eras, with the sandbox's state as the witness."""

from dataclasses import replace

import pytest

from projects_mcp.sandbox import ACME_ID, DEMO_ID, MOBILE_ID, NORTHWIND_ID, PRODUCTION_ID, READ_WRITE_KEY, STAGING_ID
from tests.contract.operations import ACME, CURRENT
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ERAS)]


async def test_a_setting_that_creation_does_not_name_is_taken_all_the_same(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_create", {"name": "Euro", "settings": {"base_currency": "EUR"}}))
        assert body["changed"]["base_currency"]["after"] == "EUR"
        refused = await client.call_tool("project_create", {"name": "Euro 2", "settings": {"base_currency": 1}})
    assert refusal_of(refused)[1]["kind"] == "invalid_argument"
    assert len(harness.recorder.writes) == 1


async def test_list(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_list", {}))
        assert body["organization_id"] == ACME_ID
        assert body["total"] == 4
        assert body["projects"] == [
            {"id": PRODUCTION_ID, "name": "Acme web", "timezone": "Europe/Berlin"},
            {"id": STAGING_ID, "name": "Acme web staging", "ingested_event": False},
            {"id": MOBILE_ID, "name": "Acme mobile", "timezone": "America/New_York"},
            {"id": DEMO_ID, "name": "Acme demo", "is_demo": True},
        ]
        assert "next_offset" not in body
        body = body_of(
            await client.call_tool(
                "project_list",
                {
                    "organization_id": ACME_ID,
                    "search": "web",
                    "limit": 1,
                    "offset": 1,
                    "fields": ["timezone", "nonsense"],
                },
            )
        )
        assert body["projects"] == [
            {"id": STAGING_ID, "name": "Acme web staging", "ingested_event": False, "timezone": "UTC"}
        ]
        assert body["not_in_list"] == {"fields": ["nonsense"], "use": "project_get"}
        body = body_of(await client.call_tool("project_list", {"limit": 3}))
        assert body["next_offset"] == 3
    assert [(sent.line, sent.query) for sent in harness.recorder.requests] == [
        (f"GET {CURRENT}", {"limit": "100"}),
        (f"GET {ACME}", {"limit": "500", "search": "web"}),  # whole: `total` is the number of matches
        (f"GET {CURRENT}", {"limit": "3"}),
    ]


async def test_list_of_an_organization_that_one_is_not_in(harness: Harness, era: Era) -> None:
    async with harness.client(era, POSTHOG_PERSONAL_API_KEY=_member_key(harness)) as client:
        body = body_of(await client.call_tool("project_list", {"organization_id": NORTHWIND_ID}))
    assert body == {"organization_id": NORTHWIND_ID, "total": 0, "projects": []}


def _member_key(harness: Harness) -> str:
    return next(
        key.value for key in harness.world.api_keys.values() if harness.world.users[key.user_id].first_name == "Member"
    )


async def test_get_compact(harness: Harness, era: Era) -> None:
    harness.fields()["invented_tomorrow"] = [{"odd": None}]
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_get", {}))
    assert harness.sent == [f"GET {CURRENT}@current/"]
    assert (body["id"], body["name"], body["organization_id"]) == (PRODUCTION_ID, "Acme web", ACME_ID)
    assert body["api_token"] == harness.fields()["api_token"]
    assert body["your_role"] == "admin"
    assert body["url"] == f"https://posthog.test/project/{PRODUCTION_ID}"
    assert body["settings"]["recording"]["session_recording_sample_rate"] == "0.50"
    assert "capture_console_log_opt_in" not in body["settings"]["recording"], "it has PostHog's default"
    assert "invented_tomorrow" not in body


async def test_get_full_has_every_field_but_the_withheld(harness: Harness, era: Era) -> None:
    harness.fields()["invented_tomorrow"] = [{"odd": None}]
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_get", {"project_id": PRODUCTION_ID, "detail": "full"}))
    assert harness.sent == [f"GET {CURRENT}{PRODUCTION_ID}/"]
    assert body["invented_tomorrow"] == [{"odd": None}]
    assert len(body) > 80
    # PostHog gives the first to nobody whose key may not query.
    assert body["withheld"] == {"live_events_token": "absent", "heatmaps_screenshot_secret": "present"}
    assert not {"live_events_token", "heatmaps_screenshot_secret"} & set(body)


async def test_get_exactly_these_fields(harness: Harness, era: Era) -> None:
    asked = ["name", "timezone", "secret_api_token", "live_events_token", "nonsense"]
    harness.world.api_keys[READ_WRITE_KEY].scopes = ("project:read", "query:read")
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_get", {"project_id": PRODUCTION_ID, "fields": asked}))
    secret = harness.fields()["secret_api_token"]
    assert body == {
        "name": "Acme web",
        "timezone": "Europe/Berlin",
        "secret_api_token": f"phs_...{secret[-4:]}",
        "withheld": {"live_events_token": "present"},
        "not_returned_by_posthog": ["nonsense"],
    }


async def test_activity(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        await client.call_tool("project_update", {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}})
        body = body_of(await client.call_tool("project_activity", {"project_id": PRODUCTION_ID, "limit": 1, "page": 1}))
    assert harness.recorder.requests[-1].line == f"GET {CURRENT}{PRODUCTION_ID}/activity/"
    assert harness.recorder.requests[-1].query == {"limit": "1", "page": "1"}
    (entry,) = body["activity"]
    assert entry["by"] == "Admin <admin@example.com>"
    assert entry["changes"] == [{"field": "timezone", "before": "Europe/Berlin", "after": "UTC"}]
    assert body["next_page"] == 2


async def test_is_generating_demo_data(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_is_generating_demo_data", {"project_id": DEMO_ID}))
    assert body == {"project_id": DEMO_ID, "is_generating_demo_data": False}
    assert harness.sent == [f"GET {CURRENT}{DEMO_ID}/is_generating_demo_data/"]


async def test_create(harness: Harness, era: Era) -> None:
    settings = {"timezone": "Asia/Tokyo", "test_account_filters": [], "revenue_analytics_config": {"events": []}}
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_create", {"name": "Données 分析", "settings": settings}))
        current = body_of(await client.call_tool("project_get", {}))
    created = harness.fields(body["project"]["id"])
    assert [request.line for request in harness.recorder.writes] == [f"POST {ACME}"], (
        "a concrete organization, whatever is current then"
    )
    assert harness.recorder.writes[0].body == {**settings, "name": "Données 分析"}
    assert created["name"] == body["project"]["name"] == "Données 分析"
    assert created["timezone"] == "Asia/Tokyo"
    assert body["outcome"] == "applied"
    assert body["api_token"] == created["api_token"]
    assert "test_account_filters" in body["ignored"], "PostHog overwrites it at creation"
    assert current["id"] == body["project"]["id"], "the new project has become the current one"


async def test_update_reports_before_after_and_the_way_back(harness: Harness, era: Era) -> None:
    before = dict(harness.fields())
    settings = {"timezone": "Asia/Tokyo", "surveys_opt_in": before["surveys_opt_in"], "slack_incoming_webhook": "x"}
    arguments = {"project_id": PRODUCTION_ID, "settings": settings, "clear": ["session_recording_sample_rate"]}
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_update", arguments))
        assert harness.fields()["timezone"] == "Asia/Tokyo"
        assert harness.fields()["session_recording_sample_rate"] is None
        again = body_of(await client.call_tool("project_update", {"project_id": PRODUCTION_ID, **body["revert"]}))
    write = harness.recorder.writes[0]
    assert write.line == f"PATCH {ACME}{PRODUCTION_ID}/"
    assert write.body == {**settings, "session_recording_sample_rate": None}
    assert body["outcome"] == again["outcome"] == "applied"
    assert body["changed"] == {
        "timezone": {"before": "Europe/Berlin", "after": "Asia/Tokyo"},
        "session_recording_sample_rate": {"before": "0.50", "after": None},
    }
    assert body["ignored"] == ["slack_incoming_webhook"]
    assert body["unchanged"] == ["surveys_opt_in"]
    assert {**harness.fields(), "updated_at": None} == {**before, "updated_at": None}


async def test_update_dry_run_sends_nothing_but_a_read(harness: Harness, era: Era) -> None:
    arguments = {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}, "dry_run": True}
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_update", arguments))
    assert body["outcome"] == "preview"
    assert body["changed"] == {"timezone": {"before": "Europe/Berlin", "after": "UTC"}}
    assert harness.sent == [f"GET {CURRENT}{PRODUCTION_ID}/"]


@pytest.mark.parametrize("tool", ["project_add_product_intent", "project_complete_product_onboarding"])
async def test_product_intents(harness: Harness, era: Era, tool: str) -> None:
    arguments = {
        "product_type": "error_tracking",
        "intent_context": "onboarding product selected - primary",
        "metadata": {"from": "chat"},
    }
    async with harness.client(era) as client:
        body = body_of(await client.call_tool(tool, {"project_id": MOBILE_ID, **arguments}))
    (write,) = harness.recorder.writes
    assert write.line == f"PATCH {ACME}{MOBILE_ID}/{tool.removeprefix('project_')}/"
    assert write.body == arguments
    intent = harness.world.projects[MOBILE_ID].intents["error_tracking"]
    assert (intent.onboarding_completed_at is not None) is (tool == "project_complete_product_onboarding")
    assert body["outcome"] == "applied"
    assert body["changed"]["product_intents.error_tracking"]["before"] is None


async def test_delete_waits_where_events_were_ingested(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        body = body_of(
            await client.call_tool("project_delete", {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"})
        )
    assert [sent.line for sent in harness.recorder.writes] == [f"DELETE {ACME}{MOBILE_ID}/"]
    assert harness.recorder.writes[0].body is None
    assert harness.fields(MOBILE_ID)["is_pending_deletion"] is True
    assert body["outcome"] == "applied"
    assert str(harness.fields(MOBILE_ID)["deletion_scheduled_at"])[:10] in body["note"]


async def test_delete_is_immediate_where_a_version_does_not_wait(harness: Harness, era: Era) -> None:
    harness.world.behaviour = replace(harness.world.behaviour, unused_deleted_at_once=True)
    async with harness.client(era) as client:
        body = body_of(
            await client.call_tool(
                "project_delete", {"project_id": STAGING_ID, "confirm_project_name": "Acme web staging"}
            )
        )
    assert STAGING_ID not in harness.world.projects
    assert "cannot be cancelled" in body["note"]


async def test_change_organization(harness: Harness, era: Era) -> None:
    arguments = {"project_id": MOBILE_ID, "target_organization_id": NORTHWIND_ID, "confirm_project_name": "Acme mobile"}
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_change_organization", arguments))
    (write,) = harness.recorder.writes
    assert write.line == f"POST {ACME}{MOBILE_ID}/change_organization/"
    assert write.body == {"organization_id": NORTHWIND_ID}
    assert harness.fields(MOBILE_ID)["organization"] == NORTHWIND_ID
    assert body["changed"] == {"organization_id": {"before": ACME_ID, "after": NORTHWIND_ID}}


async def test_reset_token(harness: Harness, era: Era) -> None:
    before = harness.fields()["api_token"]
    arguments = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_reset_token", arguments))
    assert [sent.line for sent in harness.recorder.writes] == [f"PATCH {ACME}{PRODUCTION_ID}/reset_token/"]
    after = harness.fields()["api_token"]
    assert after != before
    assert body["changed"] == {"api_token": {"before": before, "after": after}}


async def test_secret_rotation_keeps_one_generation_and_shows_no_secret(harness: Harness, era: Era) -> None:
    first = harness.fields()["secret_api_token"]
    arguments = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}
    async with harness.client(era) as client:
        rotated = body_of(await client.call_tool("project_rotate_secret_token", arguments))
        second = harness.fields()["secret_api_token"]
        assert harness.fields()["secret_api_token_backup"] == first
        dropped = body_of(await client.call_tool("project_delete_secret_token_backup", arguments))
    assert harness.fields()["secret_api_token_backup"] is None
    assert [sent.line for sent in harness.recorder.writes] == [
        f"PATCH {ACME}{PRODUCTION_ID}/rotate_secret_token/",
        f"PATCH {ACME}{PRODUCTION_ID}/delete_secret_token_backup/",
    ]
    assert rotated["changed"]["secret_api_token"]["after"] == f"phs_...{second[-4:]}"
    assert dropped["changed"] == {"secret_api_token_backup": {"before": f"phs_...{first[-4:]}", "after": None}}
    for body in (rotated, dropped):
        assert first not in str(body)
        assert second not in str(body)
