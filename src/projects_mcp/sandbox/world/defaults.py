"""The fields of a new project."""

from __future__ import annotations

from datetime import datetime

from projects_mcp.sandbox.world.catalogs import SETUP_TASKS
from projects_mcp.sandbox.world.state import Fields, World, timestamp

TEST_ACCOUNT_COHORT = 1
"""The number of the cohort "Internal / Test users", which PostHog creates with each project."""


def new_project_fields(*, project_id: int, organization_id: str, name: str, now: datetime) -> Fields:
    """Return the fields of a new project, in the order of PostHog's responses.

    Tokens and UUID are empty. Fields that depend on the user are missing.

    PostHog's behaviour: most settings are null at first; recordings are off, console logs and performance are captured.
    """
    written = timestamp(now)
    return {
        **_identity(project_id=project_id, organization_id=organization_id, name=name, written=written),
        **_classic_settings(project_id),
        **_newer_settings(),
    }


def _identity(*, project_id: int, organization_id: str, name: str, written: str) -> Fields:
    return {
        "id": project_id,
        "organization": organization_id,
        "project_id": project_id,
        "name": name,
        "product_description": None,
        "created_at": written,
        "has_group_types": False,
        "group_types": [],
        "updated_at": written,
        "uuid": "",
        "api_token": "",
        "secret_api_token": None,
        "secret_api_token_backup": None,
        "ingested_event": False,
        "is_pending_deletion": False,
        "deletion_scheduled_at": None,
        "person_on_events_querying_enabled": True,
        "default_modifiers": {
            "personsOnEventsMode": "person_id_override_properties_on_events",
            "inCohortVia": "auto",
            "materializationMode": "legacy_null_as_null",
            "optimizeJoinedFilters": False,
        },
        "available_setup_task_ids": list(SETUP_TASKS),
        "managed_viewsets": {"revenue_analytics": False},
        "flag_evaluations_mode": None,
    }


def _classic_settings(project_id: int) -> Fields:
    return {
        "slack_incoming_webhook": None,
        "app_urls": [],
        "anonymize_ips": False,
        "completed_snippet_onboarding": False,
        "test_account_filters": default_filters(project_id),
        "test_account_filters_default_checked": None,
        "path_cleaning_filters": [],
        "is_demo": False,
        "timezone": "UTC",
        "data_attributes": ["data-attr"],
        "person_display_name_properties": None,
        "correlation_config": {},
        "autocapture_opt_out": None,
        "autocapture_exceptions_opt_in": None,
        "autocapture_web_vitals_opt_in": None,
        "autocapture_web_vitals_allowed_metrics": None,
        "autocapture_exceptions_errors_to_ignore": [],
        "capture_console_log_opt_in": True,
        "capture_performance_opt_in": True,
        "session_recording_opt_in": False,
        "session_recording_sample_rate": None,
        "session_recording_minimum_duration_milliseconds": None,
        "session_recording_linked_flag": None,
        "session_recording_network_payload_capture_config": None,
        "session_recording_masking_config": None,
        "session_replay_config": None,
        "survey_config": None,
        "access_control": False,
        "week_start_day": None,
        "primary_dashboard": project_id * 10,
        "live_events_columns": None,
        "recording_domains": [],
        "inject_web_apps": None,
        "extra_settings": {"recorder_script": "posthog-recorder"},
        "modifiers": None,
        "has_completed_onboarding_for": None,
        "surveys_opt_in": None,
        "heatmaps_opt_in": None,
        "flags_persistence_default": False,
    }


def _newer_settings() -> Fields:
    return {
        "receive_org_level_activity_logs": False,
        "tags": [],
        "session_recording_url_trigger_config": [],
        "session_recording_url_blocklist_config": [],
        "session_recording_event_trigger_config": [],
        "session_recording_trigger_match_type_config": None,
        "session_recording_trigger_groups": None,
        "session_recording_retention_period": "30d",
        "capture_dead_clicks": False,
        "human_friendly_comparison_periods": False,
        "feature_flag_confirmation_enabled": False,
        "feature_flag_confirmation_message": None,
        "default_evaluation_contexts_enabled": False,
        "require_evaluation_contexts": False,
        "web_analytics_pre_aggregated_tables_enabled": False,
        "conversations_enabled": None,
        "proactive_tasks_enabled": None,
        "cookieless_server_hash_mode": 0,
        "default_data_theme": None,
        "base_currency": "USD",
        "business_model": None,
        "onboarding_tasks": None,
        "conversations_settings": None,
        "logs_settings": None,
        "revenue_analytics_config": {"base_currency": "USD", "events": [], "filter_test_accounts": False},
        "marketing_analytics_config": {
            "sources_map": {},
            "conversion_goals": [],
            "filter_test_accounts": False,
            "attribution_window_days": 90,
            "attribution_mode": "last_touch",
            "campaign_name_mappings": {},
            "custom_source_mappings": {},
            "campaign_field_preferences": {},
        },
        "customer_analytics_config": {
            "activity_event": {"event": "$pageview", "kind": "EventsNode", "name": "$pageview"},
            "signup_pageview_event": {},
            "signup_event": {},
            "subscription_event": {},
            "payment_event": {},
            "account_group_type_index": None,
        },
        "workflows_config": {
            "capture_workflows_engagement_events": False,
            "email_tracking_consent_mode": "off",
            "workflow_task_rate_limit_per_day": None,
            "workflow_task_team_rate_limit_per_day": None,
        },
        "feature_flag_policy_config": {"require_tags": False},
    }


def filters_of_new_project(world: World, fields: Fields) -> list[Fields]:
    """Return the filters of a new project.

    PostHog's behaviour: they exclude the cohort of internal and test users. Older versions exclude the address of the
    first member and local hosts, and filter nothing in a demo.
    """
    if world.behaviour.filters_by_cohort:
        return default_filters(int(fields["id"]))
    if fields["is_demo"]:
        return []
    members = [user for user, organization in world.memberships if organization == fields["organization"]]
    domain = world.users[min(members)].email.partition("@")[2]
    return [
        {"key": "email", "type": "person", "value": f"@{domain}", "operator": "not_icontains"},
        {"key": "$host", "type": "event", "value": "^(localhost|127\\.0\\.0\\.1)($|:)", "operator": "not_regex"},
    ]


def default_filters(project_id: int) -> list[Fields]:
    """Return the filter that excludes the cohort of internal and test users."""
    cohort = project_id * 10 + TEST_ACCOUNT_COHORT
    return [{"key": "id", "type": "cohort", "value": cohort, "operator": "not_in"}]
