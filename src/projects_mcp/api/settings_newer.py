"""What newer versions of PostHog have: settings that its page of the API does not list, and merging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["NEWER", "keys_at_risk"]

NEWER: Final = frozenset(
    {
        "base_currency",
        "business_model",
        "capture_dead_clicks",
        "conversations_enabled",
        "conversations_settings",
        "cookieless_server_hash_mode",
        "customer_analytics_config",
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
_MERGED_LATE: Final = frozenset({"modifiers"})
"""Settings that newer versions merge, and those of 2025 replaced whole."""


def keys_at_risk(sent: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the keys that a change loses if this PostHog, which lacks some setting, is older than merging.

    Args:
        sent: setting -> value.
        before: the project as it was read before.
    """
    if before.keys() >= NEWER:
        return {}
    pairs = {name: (before.get(name), sent[name]) for name in _MERGED_LATE.intersection(sent)}
    lost = {
        name: [key for key in old if key not in new]
        for name, (old, new) in pairs.items()
        if isinstance(old, dict) and isinstance(new, dict)
    }
    return {name: keys for name, keys in lost.items() if keys}
