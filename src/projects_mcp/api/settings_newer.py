"""The settings that PostHog takes and its page of the API does not list: their rows are in `settings_table`."""

from __future__ import annotations

from typing import Final

__all__ = ["NEWER"]

NEWER: Final = frozenset(
    {
        "base_currency",
        "business_model",
        "capture_dead_clicks",
        "conversations_enabled",
        "conversations_settings",
        "cookieless_server_hash_mode",
        "customer_analytics_config",
        "data_management_config",
        "default_data_theme",
        "default_evaluation_contexts_enabled",
        "feature_flag_confirmation_enabled",
        "feature_flag_confirmation_message",
        "feature_flag_policy_config",
        "human_friendly_comparison_periods",
        "logs_settings",
        "marketing_analytics_config",
        "onboarding_tasks",
        "proactive_tasks_enabled",
        "receive_org_level_activity_logs",
        "require_evaluation_contexts",
        "revenue_analytics_config",
        "session_recording_event_trigger_config",
        "session_recording_retention_period",
        "session_recording_trigger_groups",
        "session_recording_trigger_match_type_config",
        "session_recording_url_blocklist_config",
        "session_recording_url_trigger_config",
        "tags",
        "web_analytics_pre_aggregated_tables_enabled",
        "workflows_config",
    }
)
"""Settings that PostHog takes although its page of the API does not list them."""
