"""The initial world of the sandbox, with its ids and credentials. They are invented and work nowhere else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from projects_mcp.sandbox.world.activity_log import describe_change, record
from projects_mcp.sandbox.world.behaviour import Behaviour
from projects_mcp.sandbox.world.defaults import filters_of_new_project, new_project_fields
from projects_mcp.sandbox.world.state import (
    ApiKey,
    Fields,
    Level,
    Organization,
    ProductIntent,
    Project,
    Session,
    User,
    World,
    timestamp,
    utc_now,
)

READ_ONLY_KEY = "phx_sandboxReadOnlyKey000000000000001"
"""The admin's key with ``project:read``."""
READ_WRITE_KEY = "phx_sandboxReadWriteKey00000000000002"
"""The admin's key with ``project:read``, ``project:write`` and ``organization:read``."""
ALL_ACCESS_KEY = "phx_sandboxAllAccessKey00000000000003"
"""The admin's key with every scope (``*``)."""
NO_SCOPE_KEY = "phx_sandboxNoProjectScopeKey000000004"
"""The admin's key with ``insight:read`` only: it may not call any operation on projects."""
ONE_PROJECT_KEY = "phx_sandboxOneProjectKey0000000000005"
"""The admin's read and write key for the production project only."""
ONE_ORGANIZATION_KEY = "phx_sandboxOneOrganizationKey00000006"
"""The admin's read and write key for Acme Analytics only."""
MEMBER_KEY = "phx_sandboxMemberKey00000000000000007"
"""The member's key with ``project:read`` and ``project:write``: a member's role, in one organization."""
LEGACY_KEY = "phx_sandboxLegacyKey000000000000000009"
"""The admin's key that is older than scopes: it may do everything in older versions, and nothing today."""
TEAM_READ_KEY = "phx_sandboxTeamReadKey00000000000010"
"""The admin's read and write key with ``team:read`` too, a scope that no person can choose."""
OAUTH_TOKEN = "pha_sandboxOAuthToken0000000000000008"
"""The admin's OAuth access token with ``project:read`` and ``project:write``: no rate limit, no introspection."""
SESSION_ID = "sandboxsessionadmin0000000000001"
"""The value of the admin's cookie ``sessionid``."""
CSRF_TOKEN = "sandboxcsrftokenadmin00000000001"
"""The CSRF token of that session: cookie ``posthog_csrftoken`` and header ``X-CSRFToken``."""

ADMIN_ID = 1
"""The id of admin@example.com, admin of Acme Analytics and owner of Northwind."""
MEMBER_ID = 2
"""The id of member@example.com, member of Acme Analytics."""
ACME_ID = "018f3a2e-7b00-0000-8a11-5d2c9e7f0b31"
"""The UUID of Acme Analytics."""
NORTHWIND_ID = "018f9c40-1d55-0000-b7c2-3e8a6f104d92"
"""The UUID of Northwind."""
PRODUCTION_ID = 12345
"""Acme web: in use, much configured, with a secret token and its backup."""
STAGING_ID = 12346
"""Acme web staging: never received an event."""
MOBILE_ID = 12347
"""Acme mobile: in use, its only secret token has no backup."""
DEMO_ID = 12348
"""Acme demo: PostHog's demonstration data."""
NORTHWIND_PROJECT_ID = 20001
"""Northwind shop: the only project of the other organization."""

_READ_WRITE = ("project:read", "project:write")
_CREATED_AT = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)


def seed(*, clock: Callable[[], datetime] = utc_now, behaviour: Behaviour | None = None) -> World:
    """Create a world with two organizations, two users and five projects. Two worlds share nothing.

    Args:
        clock: The world's only source of time, with a time zone.
        behaviour: The imitated version of PostHog; today's Cloud by default.
    """
    world = World(clock=clock, behaviour=behaviour or Behaviour(), next_project_id=30001)
    world.organizations = {
        ACME_ID: Organization(id=ACME_ID, name="Acme Analytics"),
        NORTHWIND_ID: Organization(id=NORTHWIND_ID, name="Northwind", default_anonymize_ips=True),
    }
    world.users = {
        ADMIN_ID: User(ADMIN_ID, "admin@example.com", "Admin", ACME_ID, PRODUCTION_ID),
        MEMBER_ID: User(MEMBER_ID, "member@example.com", "Member", ACME_ID, MOBILE_ID),
    }
    world.memberships = {
        (ADMIN_ID, ACME_ID): Level.ADMIN,
        (ADMIN_ID, NORTHWIND_ID): Level.OWNER,
        (MEMBER_ID, ACME_ID): Level.MEMBER,
    }
    world.api_keys = {key.value: key for key in _keys()}
    world.sessions = {SESSION_ID: Session(SESSION_ID, ADMIN_ID, CSRF_TOKEN)}
    for project in (_production(world), _staging(world), _mobile(world), _demo(world), _northwind(world)):
        world.projects[project.id] = project
    return world


def _keys() -> list[ApiKey]:
    return [
        _key(1, READ_ONLY_KEY, "Dashboards, reading", ("project:read",)),
        _key(2, READ_WRITE_KEY, "Automation", (*_READ_WRITE, "organization:read")),
        _key(3, ALL_ACCESS_KEY, "Everything", ("*",)),
        _key(4, NO_SCOPE_KEY, "Insights only", ("insight:read",)),
        _key(5, ONE_PROJECT_KEY, "Production only", _READ_WRITE, scoped_teams=(PRODUCTION_ID,)),
        _key(6, ONE_ORGANIZATION_KEY, "Acme only", _READ_WRITE, scoped_organizations=(ACME_ID,)),
        _key(7, MEMBER_KEY, "Scripts", _READ_WRITE, user_id=MEMBER_ID),
        _key(9, LEGACY_KEY, "Older than scopes", None),
        _key(10, TEAM_READ_KEY, "With a scope of the browser", (*_READ_WRITE, "team:read")),
        ApiKey(OAUTH_TOKEN, ADMIN_ID, "Editor", _READ_WRITE, _CREATED_AT, kind="oauth", id="sandboxkey08"),
    ]


def _key(
    number: int,
    value: str,
    label: str,
    scopes: tuple[str, ...] | None,
    *,
    user_id: int = ADMIN_ID,
    scoped_teams: tuple[int, ...] = (),
    scoped_organizations: tuple[str, ...] = (),
) -> ApiKey:
    return ApiKey(
        value=value,
        user_id=user_id,
        label=label,
        scopes=scopes,
        created_at=_CREATED_AT + timedelta(days=number),
        scoped_teams=scoped_teams,
        scoped_organizations=scoped_organizations,
        id=f"sandboxkey{number:02}",
    )


def make_project(
    world: World, project_id: int, organization_id: str, name: str, created_days_ago: int, **fields: object
) -> Project:
    """Return a project with tokens of its own, the defaults of PostHog, and the fields that are given."""
    created_at = world.clock() - timedelta(days=created_days_ago)
    values = new_project_fields(project_id=project_id, organization_id=organization_id, name=name, now=created_at)
    values.update(copy.deepcopy(dict(world.behaviour.defaults)))
    values["test_account_filters"] = filters_of_new_project(world, values)
    values["uuid"] = world.new_uuid()
    values["api_token"] = world.new_token("phc_")
    values["updated_at"] = timestamp(world.clock() - timedelta(days=2))
    values.update(fields)
    return Project(fields=values, dashboards={project_id * 10}, screenshot_secret=world.new_token(""))


def _production(world: World) -> Project:
    project = make_project(
        world,
        PRODUCTION_ID,
        ACME_ID,
        "Acme web",
        600,
        product_description="The web shop of Acme: catalogue, basket and checkout.",
        secret_api_token=world.new_token("phs_"),
        secret_api_token_backup=world.new_token("phs_"),
        ingested_event=True,
        completed_snippet_onboarding=True,
        has_completed_onboarding_for={"product_analytics": True, "session_replay": True},
        has_group_types=True,
        group_types=[_company_group(PRODUCTION_ID)],
        app_urls=["https://www.acme.example", "https://*.acme.example"],
        recording_domains=["https://www.acme.example", "https://checkout.acme.example"],
        timezone="Europe/Berlin",
        week_start_day=1,
        base_currency="EUR",
        business_model="b2c",
        anonymize_ips=True,
        tags=["shop", "web"],
        person_display_name_properties=["email", "name"],
        live_events_columns=["event", "person", "timestamp", "properties.$current_url"],
        path_cleaning_filters=[{"alias": "/product/<id>", "regex": "^/product/\\d+"}],
        test_account_filters_default_checked=True,
        session_recording_opt_in=True,
        session_recording_sample_rate="0.50",
        session_recording_minimum_duration_milliseconds=2000,
        session_recording_masking_config={"maskAllInputs": True, "maskTextSelector": ".private"},
        session_recording_network_payload_capture_config={"recordHeaders": True, "recordBody": False},
        session_recording_retention_period="90d",
        session_replay_config={"record_canvas": False},
        autocapture_exceptions_opt_in=True,
        autocapture_web_vitals_opt_in=True,
        autocapture_web_vitals_allowed_metrics=["LCP", "CLS"],
        heatmaps_opt_in=True,
        surveys_opt_in=True,
        survey_config={"appearance": {"backgroundColor": "#ffffff"}},
        conversations_enabled=True,
        conversations_settings={
            "widget_public_token": world.new_token("")[:32],
            "slack_bot_token": "xoxb-sandbox-0000000000-invented",
            "widget_greeting_text": "How can we help?",
            "widget_domains": ["https://www.acme.example"],
        },
        logs_settings={"capture_console_logs": True, "retention_days": 14},
    )
    project.intents = {
        product: ProductIntent(
            product_type=product,
            created_at=world.clock() - timedelta(days=590),
            updated_at=world.clock() - timedelta(days=500),
            onboarding_completed_at=world.clock() - timedelta(days=589),
            contexts={"onboarding product selected - primary": 1},
        )
        for product in ("product_analytics", "session_replay")
    }
    _write_activity(world, project)
    return project


def _write_activity(world: World, project: Project) -> None:
    created_at = world.clock() - timedelta(days=600)
    record(world, project, ADMIN_ID, "created", at=created_at)
    moved = [describe_change("timezone", "UTC", "Europe/Berlin"), describe_change("base_currency", "USD", "EUR")]
    record(world, project, ADMIN_ID, "updated", changes=moved, at=created_at + timedelta(hours=2))
    recorded = [describe_change("session_recording_opt_in", False, True)]
    record(world, project, MEMBER_ID, "updated", changes=recorded, at=created_at + timedelta(days=200))


def _company_group(project_id: int) -> Fields:
    return {
        "group_type": "company",
        "group_type_index": 0,
        "name_singular": "Company",
        "name_plural": "Companies",
        "default_columns": None,
        "detail_dashboard": project_id * 10,
    }


def _staging(world: World) -> Project:
    return make_project(world, STAGING_ID, ACME_ID, "Acme web staging", 30)


def _mobile(world: World) -> Project:
    return make_project(
        world,
        MOBILE_ID,
        ACME_ID,
        "Acme mobile",
        300,
        product_description="The iOS and Android apps.",
        secret_api_token=world.new_token("phs_"),
        ingested_event=True,
        completed_snippet_onboarding=True,
        timezone="America/New_York",
        capture_performance_opt_in=False,
        flags_persistence_default=True,
        tags=["mobile"],
    )


def _demo(world: World) -> Project:
    return make_project(world, DEMO_ID, ACME_ID, "Acme demo", 90, is_demo=True, ingested_event=True)


def _northwind(world: World) -> Project:
    return make_project(
        world,
        NORTHWIND_PROJECT_ID,
        NORTHWIND_ID,
        "Northwind shop",
        400,
        ingested_event=True,
        completed_snippet_onboarding=True,
        anonymize_ips=True,
        timezone="Europe/London",
        base_currency="GBP",
    )
