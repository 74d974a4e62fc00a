"""The versions of PostHog that the sandbox plays, each as one set of switches."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from projects_mcp.sandbox.world.behaviour import Behaviour

CURRENT: Final = "current"
"""The newest code: what PostHog's Cloud runs."""

_TEAM_ONLY: Final = frozenset(
    {
        "base_currency",
        "capture_dead_clicks",
        "cookieless_server_hash_mode",
        "default_data_theme",
        "feature_flag_confirmation_enabled",
        "feature_flag_confirmation_message",
        "human_friendly_comparison_periods",
        "marketing_analytics_config",
        "onboarding_tasks",
        "project_id",
        "revenue_analytics_config",
        "session_recording_event_trigger_config",
        "session_recording_trigger_match_type_config",
        "session_recording_url_blocklist_config",
        "session_recording_url_trigger_config",
        "user_access_level",
    }
)
_NOT_YET: Final = frozenset(
    {
        "available_setup_task_ids",
        "business_model",
        "conversations_enabled",
        "conversations_settings",
        "customer_analytics_config",
        "default_evaluation_contexts_enabled",
        "deletion_scheduled_at",
        "feature_flag_policy_config",
        "flag_evaluations_mode",
        "heatmaps_screenshot_secret",
        "is_pending_deletion",
        "logs_settings",
        "managed_viewsets",
        "proactive_tasks_enabled",
        "receive_org_level_activity_logs",
        "require_evaluation_contexts",
        "session_recording_retention_period",
        "session_recording_trigger_groups",
        "tags",
        "web_analytics_pre_aggregated_tables_enabled",
        "workflows_config",
    }
)
_MODIFIERS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "bounceRateDurationSeconds": None,
        "bounceRatePageViewMode": "count_pageviews",
        "convertToProjectTimezone": True,
        "customChannelTypeRules": None,
        "dataWarehouseEventsModifiers": None,
        "debug": None,
        "formatCsvAllowDoubleQuotes": None,
        "inCohortVia": "auto",
        "materializationMode": "legacy_null_as_null",
        "optimizeJoinedFilters": False,
        "personsArgMaxVersion": "auto",
        "personsJoinMode": None,
        "personsOnEventsMode": "person_id_override_properties_joined",
        "propertyGroupsMode": None,
        "s3TableUseInvalidColumns": None,
        "sessionTableVersion": "auto",
        "sessionsV2JoinMode": "string",
        "useMaterializedViews": True,
        "usePresortedEventsTable": False,
        "useWebAnalyticsPreAggregatedTables": None,
    }
)

_AUGUST_2025: Final = Behaviour(
    legacy_keys=True,
    refusal_of_keys="This action does not support Personal API Key access",
    tells_token_kinds=False,
    www_authenticate_header=False,
    patch_with_read_scope=True,
    intents_scope="team:read",
    members_change_settings=True,
    only_admins_create=True,
    plan_limit="You must upgrade your PostHog plan to be able to create and manage more projects.",
    rate_limits=None,  # a self-hosted installation
    introspects_last_roll=True,
    absent_operations=frozenset({"cancel_deletion", "settings_as_of", "event_ingestion_restrictions"}),
    fails_on_odd_requests=True,
    checks_activity_query=False,
    names_activity_entries=False,
    searches=False,
    moves_edited_rows=True,
    unique_names=False,
    pending_names_count=False,
    deletion="immediate",
    moves_in_place=True,
    moves_repair_users=False,
    first_secret=True,
    ip_country="",
    former_rules=True,
    checks_product_keys=False,
    absent_fields=_NOT_YET | _TEAM_ONLY,
    team_only_fields=_TEAM_ONLY,
    project_id_in_answers=False,
    webhook_writable=True,
    manages_conversations=False,
    names_cohorts=False,
    live_events_for_readers=False,
    filters_by_cohort=False,
    defaults={
        "autocapture_exceptions_errors_to_ignore": None,
        "recording_domains": None,
        "person_on_events_querying_enabled": False,
        "extra_settings": None,
        "default_modifiers": dict(_MODIFIERS),
        "revenue_analytics_config": {
            "base_currency": "USD",
            "events": [],
            "goals": [],
            "filter_test_accounts": False,
        },
        "marketing_analytics_config": {"sources_map": {}, "conversion_goals": []},
    },
)

VERSIONS: Final[Mapping[str, Behaviour]] = MappingProxyType({CURRENT: Behaviour(), "2025-08": _AUGUST_2025})
"""Each version by its name: ``2025-08`` is the self-hosted code of that month, held to exchanges with the real one."""
