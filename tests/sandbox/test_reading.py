"""List, retrieve, ``@current``, addresses, and what a key finds out about itself."""

import base64
import json
from typing import Any

import pytest

from projects_mcp.sandbox import (
    ACME_ID,
    ALL_ACCESS_KEY,
    DEMO_ID,
    MEMBER_KEY,
    MOBILE_ID,
    NO_SCOPE_KEY,
    NORTHWIND_PROJECT_ID,
    OAUTH_TOKEN,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    READ_ONLY_KEY,
    STAGING_ID,
)
from tests.support.sandbox import (
    ACME,
    NO_ORGANIZATION,
    NORTHWIND,
    NOT_FOUND,
    ORIGIN,
    PRODUCTION,
    Sandbox,
    forbidden,
)

pytestmark = pytest.mark.anyio

LIST_FIELDS = {
    "id",
    "uuid",
    "organization",
    "project_id",
    "api_token",
    "name",
    "completed_snippet_onboarding",
    "has_completed_onboarding_for",
    "ingested_event",
    "is_demo",
    "timezone",
    "access_control",
}

FIELDS = set(
    """
    id organization uuid name product_description created_at updated_at effective_membership_level has_group_types
    group_types live_events_token api_token app_urls anonymize_ips completed_snippet_onboarding ingested_event
    test_account_filters test_account_filters_default_checked path_cleaning_filters is_demo timezone data_attributes
    person_display_name_properties correlation_config autocapture_opt_out autocapture_exceptions_opt_in
    autocapture_web_vitals_opt_in autocapture_web_vitals_allowed_metrics autocapture_exceptions_errors_to_ignore
    capture_console_log_opt_in capture_performance_opt_in session_recording_opt_in session_recording_sample_rate
    session_recording_minimum_duration_milliseconds session_recording_linked_flag
    session_recording_network_payload_capture_config session_recording_masking_config session_replay_config
    survey_config access_control week_start_day primary_dashboard live_events_columns recording_domains
    person_on_events_querying_enabled inject_web_apps extra_settings modifiers default_modifiers
    has_completed_onboarding_for surveys_opt_in heatmaps_opt_in flags_persistence_default product_intents
    secret_api_token secret_api_token_backup
    receive_org_level_activity_logs project_id user_access_level is_pending_deletion deletion_scheduled_at tags
    heatmaps_screenshot_secret session_recording_url_trigger_config session_recording_url_blocklist_config
    session_recording_event_trigger_config session_recording_trigger_match_type_config
    session_recording_trigger_groups session_recording_retention_period capture_dead_clicks
    human_friendly_comparison_periods feature_flag_confirmation_enabled default_evaluation_contexts_enabled
    require_evaluation_contexts web_analytics_pre_aggregated_tables_enabled conversations_enabled
    proactive_tasks_enabled feature_flag_confirmation_message cookieless_server_hash_mode default_data_theme
    base_currency business_model onboarding_tasks conversations_settings logs_settings revenue_analytics_config
    marketing_analytics_config customer_analytics_config workflows_config feature_flag_policy_config
    available_setup_task_ids managed_viewsets flag_evaluations_mode
    """.split()  # noqa: SIM905 -- ninety names read better as a paragraph
)


async def test_list(sandbox: Sandbox) -> None:
    body = await sandbox.get(f"{ACME}/")
    assert {name: body[name] for name in ("count", "next", "previous")} == {"count": 4, "next": None, "previous": None}
    assert [row["id"] for row in body["results"]] == [PRODUCTION_ID, STAGING_ID, MOBILE_ID, DEMO_ID]
    assert all(row.keys() == LIST_FIELDS for row in body["results"])
    assert body["results"][0] == {
        "id": PRODUCTION_ID,
        "uuid": sandbox.world.projects[PRODUCTION_ID].fields["uuid"],
        "organization": ACME_ID,
        "project_id": PRODUCTION_ID,
        "api_token": sandbox.world.projects[PRODUCTION_ID].fields["api_token"],
        "name": "Acme web",
        "completed_snippet_onboarding": True,
        "has_completed_onboarding_for": {"product_analytics": True, "session_replay": True},
        "ingested_event": True,
        "is_demo": False,
        "timezone": "Europe/Berlin",
        "access_control": False,
    }


@pytest.mark.parametrize(
    ("query", "ids", "following", "previous"),
    [
        ("limit=2", [PRODUCTION_ID, STAGING_ID], "limit=2&offset=2", None),
        ("limit=2&offset=2", [MOBILE_ID, DEMO_ID], None, "limit=2"),
        ("limit=1&offset=2", [MOBILE_ID], "limit=1&offset=3", "limit=1&offset=1"),
        ("limit=2&offset=1", [STAGING_ID, MOBILE_ID], "limit=2&offset=3", "limit=2"),
        ("offset=9", [], None, "limit=100"),
        ("limit=0", [PRODUCTION_ID, STAGING_ID, MOBILE_ID, DEMO_ID], None, None),
        ("limit=-1&offset=-1", [PRODUCTION_ID, STAGING_ID, MOBILE_ID, DEMO_ID], None, None),
        ("limit=many&offset=some", [PRODUCTION_ID, STAGING_ID, MOBILE_ID, DEMO_ID], None, None),
        ("limit=100000", [PRODUCTION_ID, STAGING_ID, MOBILE_ID, DEMO_ID], None, None),
        ("search=WEB&limit=1", [PRODUCTION_ID], "limit=1&offset=1&search=WEB", None),
        ("search=acme%20web%20st", [STAGING_ID], None, None),
        ("search=web%20acme", [], None, None),
        ("search=%22acme%22", [], None, None),
        ("search=", [PRODUCTION_ID, STAGING_ID, MOBILE_ID, DEMO_ID], None, None),
    ],
)
async def test_pages_and_search(
    sandbox: Sandbox, query: str, ids: list[int], following: str | None, previous: str | None
) -> None:
    body = await sandbox.get(f"{ACME}/?{query}")
    assert [row["id"] for row in body["results"]] == ids
    assert body["next"] == (following and f"{ORIGIN}{ACME}/?{following}")
    assert body["previous"] == (previous and f"{ORIGIN}{ACME}/?{previous}")


async def test_a_hundred_items_are_a_page(sandbox: Sandbox) -> None:
    for number in range(97):
        await sandbox.create(name=f"Project {number}")
    body = await sandbox.get(f"{ACME}/")
    assert (body["count"], len(body["results"])) == (101, 100)
    assert body["next"] == f"{ORIGIN}{ACME}/?limit=100&offset=100"


async def test_addresses_of_pages_are_made_from_the_requests_host(sandbox: Sandbox) -> None:
    response = await sandbox.http.get(
        f"http://elsewhere.test:8010{ACME}?limit=1", headers={"authorization": f"Bearer {READ_ONLY_KEY}"}
    )
    assert response.json()["next"] == f"http://elsewhere.test:8010{ACME}?limit=1&offset=1"


async def test_an_organization_of_others_shows_nothing(sandbox: Sandbox) -> None:
    body = await sandbox.get(f"{NORTHWIND}/", key=MEMBER_KEY)
    assert body == {"count": 0, "next": None, "previous": None, "results": []}


@pytest.mark.parametrize("organization", ["00000000-0000-0000-0000-000000000000", "acme-analytics", "0"])
async def test_an_organization_that_does_not_exist(sandbox: Sandbox, organization: str) -> None:
    for path in ("/", f"/{PRODUCTION_ID}/"):
        response = await sandbox.ask("GET", f"/api/organizations/{organization}/projects{path}")
        assert (response.status_code, response.json()) == (404, NO_ORGANIZATION)


async def test_pending_projects_are_listed(sandbox: Sandbox) -> None:
    assert (await sandbox.ask("DELETE", f"{PRODUCTION}/")).status_code == 204
    body = await sandbox.get(f"{ACME}/")
    assert body["results"][0]["id"] == PRODUCTION_ID
    assert body["results"][0].keys() == LIST_FIELDS


async def test_retrieve(sandbox: Sandbox) -> None:
    project = await sandbox.get(f"{PRODUCTION}/")
    assert project.keys() == FIELDS
    assert project["id"] == project["project_id"] == PRODUCTION_ID
    assert project["organization"] == ACME_ID
    assert project["session_recording_sample_rate"] == "0.50"
    assert project["secret_api_token"].startswith("phs_")
    assert project["secret_api_token_backup"].startswith("phs_")
    assert project["api_token"].startswith("phc_")
    assert project["conversations_settings"]["widget_public_token"]
    assert [intent["product_type"] for intent in project["product_intents"]] == ["product_analytics", "session_replay"]


async def test_every_project_has_every_field(sandbox: Sandbox) -> None:
    for number in (STAGING_ID, MOBILE_ID, DEMO_ID):
        assert (await sandbox.get(f"{ACME}/{number}/")).keys() == FIELDS
    assert (await sandbox.get(f"{NORTHWIND}/{NORTHWIND_PROJECT_ID}/")).keys() == FIELDS
    assert (await sandbox.create()).keys() == FIELDS


async def test_what_depends_on_who_asks(sandbox: Sandbox) -> None:
    for key, level, access in ((READ_ONLY_KEY, 8, "admin"), (MEMBER_KEY, 1, "member")):
        project = await sandbox.get(f"{PRODUCTION}/", key=key)
        assert (project["effective_membership_level"], project["user_access_level"]) == (level, access)
        assert bool(project["heatmaps_screenshot_secret"]) is (level == 8)
        assert project["secret_api_token"].startswith("phs_")


async def test_the_live_events_token_is_for_those_who_may_query(sandbox: Sandbox) -> None:
    assert (await sandbox.get(f"{PRODUCTION}/"))["live_events_token"] is None
    for key in sandbox.world.api_keys.values():
        key.scopes = ("project:read", "query:read")
    token = (await sandbox.get(f"{PRODUCTION}/"))["live_events_token"]
    header, claims, signature = token.split(".")
    assert header.startswith("eyJ")
    assert signature
    assert _decoded(claims)["team_id"] == PRODUCTION_ID
    assert (await sandbox.get(f"{PRODUCTION}/"))["live_events_token"] == token
    assert (await sandbox.get(f"{PRODUCTION}/", key=MEMBER_KEY))["live_events_token"] != token
    sandbox.clock.pass_(days=1)
    assert (await sandbox.get(f"{PRODUCTION}/"))["live_events_token"] != token


def _decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


async def test_what_a_key_finds_out_about_itself(sandbox: Sandbox) -> None:
    assert await sandbox.get("/api/personal_api_keys/@current/", key=READ_ONLY_KEY) == {
        "id": "sandboxkey01",
        "label": "Dashboards, reading",
        "value": None,
        "mask_value": "phx_...0001",
        "created_at": "2026-01-13T09:30:00.000000Z",
        "last_used_at": "2026-10-05T12:00:00.000000Z",
        "user_id": 1,
        "scopes": ["project:read"],
        "scoped_teams": None,
        "scoped_organizations": None,
    }


@pytest.mark.parametrize(
    ("key", "scopes", "teams", "organizations"),
    [
        (NO_SCOPE_KEY, ["insight:read"], None, None),
        (ALL_ACCESS_KEY, ["*"], None, None),
        (ONE_PROJECT_KEY, ["project:read", "project:write"], [PRODUCTION_ID], None),
        (ONE_ORGANIZATION_KEY, ["project:read", "project:write"], None, [ACME_ID]),
    ],
)
async def test_what_restricted_keys_find_out(
    sandbox: Sandbox, key: str, scopes: list[str], teams: list[int] | None, organizations: list[str] | None
) -> None:
    found = await sandbox.get("/api/personal_api_keys/@current/", key=key)
    assert (found["scopes"], found["scoped_teams"], found["scoped_organizations"]) == (scopes, teams, organizations)


async def test_who_finds_out_nothing(sandbox: Sandbox) -> None:
    path = "/api/personal_api_keys/@current/"
    response = await sandbox.ask("GET", path, key=OAUTH_TOKEN)
    assert response.json() == forbidden("You do not have permission to perform this action.")
    assert response.status_code == 403
    assert (await sandbox.by_session("GET", path)).status_code == 404
    assert (await sandbox.ask("GET", path, key=None)).status_code == 401
    sandbox.play(key_introspection=False)
    response = await sandbox.ask("GET", path)
    assert (response.status_code, response.json()) == (404, NOT_FOUND)
