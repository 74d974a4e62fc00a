"""The settings of a project as one table: what each accepts, who may change it, and how a change is stored.

Fields that are not in the table are read-only or unknown. PostHog's behaviour: sending those does nothing, with 200.
The order is that in which PostHog reads a body; the first refusal is the one that is answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from projects_mcp.sandbox.errors import InvalidValueError
from projects_mcp.sandbox.validation import checks, kinds
from projects_mcp.sandbox.validation.kinds import Check
from projects_mcp.sandbox.validation.timezones import TIMEZONES
from projects_mcp.sandbox.validation.triggers import trigger_groups
from projects_mcp.sandbox.world.behaviour import Behaviour
from projects_mcp.sandbox.world.catalogs import CURRENCIES, RETENTION_PERIODS

Merge = Literal["replace", "keys", "two levels"]
"""How a sent object meets the stored one: instead of it, key by key, or key by key one level further down too."""

_MOST_INTEGER = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting.

    Attributes:
        name: The field.
        check: What it accepts and stores, null aside.
        nullable: It may be null.
        member_safe: A plain member may change it; everything else needs a project admin.
        merge: How an object is stored.
        creatable: It is read when a project is created; otherwise it is silently dropped then.
    """

    name: str
    check: Check
    nullable: bool = True
    member_safe: bool = False
    merge: Merge = "replace"
    creatable: bool = True


_REVENUE = kinds.config(
    {
        "base_currency": kinds.choice(CURRENCIES),
        "events": kinds.anything,
        "filter_test_accounts": kinds.boolean,
    }
)
_MARKETING = kinds.config(
    {
        "sources_map": kinds.anything,
        "conversion_goals": kinds.anything,
        "attribution_window_days": kinds.integer(least=1, most=90),
        "attribution_mode": kinds.choice(("first_touch", "last_touch", "linear", "time_decay", "position_based")),
        "campaign_name_mappings": kinds.anything,
        "custom_source_mappings": kinds.anything,
        "campaign_field_preferences": kinds.anything,
    }
)
_CUSTOMER = kinds.config(
    {
        "activity_event": kinds.anything,
        "signup_pageview_event": kinds.anything,
        "signup_event": kinds.anything,
        "subscription_event": kinds.anything,
        "payment_event": kinds.anything,
        "account_group_type_index": kinds.integer(least=0, most=4),
    },
    nullable=frozenset({"account_group_type_index"}),
)
_WORKFLOWS = kinds.config(
    {
        "capture_workflows_engagement_events": kinds.boolean,
        "email_tracking_consent_mode": kinds.choice(("off", "opt_out", "opt_in")),
    }
)
_FLAG_POLICY = kinds.config({"require_tags": kinds.boolean})
_DATA_MANAGEMENT = kinds.config({"stale_event_days": kinds.integer(least=1, most=365)})


def _refuse_access_control(value: object) -> object:
    kinds.boolean(value)
    raise InvalidValueError(
        "The 'access_control' field has been deprecated and is no longer supported. "
        "Please use the new access control system instead. "
        "For more information, visit: https://posthog.com/docs/settings/access-control"
    )


WEBHOOK = Rule("slack_incoming_webhook", kinds.text(most=500, blank=True))
"""A setting of older versions only."""

RULES: tuple[Rule, ...] = (
    Rule("name", kinds.text(most=200), nullable=False),
    Rule("product_description", kinds.text(most=1000, blank=True), member_safe=True),
    Rule("app_urls", kinds.list_of(kinds.text(most=200, blank=True), null_items=True), nullable=False),
    Rule("anonymize_ips", kinds.boolean, nullable=False),
    Rule("completed_snippet_onboarding", kinds.boolean, nullable=False, member_safe=True),
    Rule("test_account_filters", checks.property_filters, nullable=False),
    Rule("test_account_filters_default_checked", kinds.boolean),
    Rule("path_cleaning_filters", checks.path_cleaning),
    Rule("is_demo", kinds.boolean, nullable=False),
    Rule("timezone", kinds.choice(TIMEZONES), nullable=False),
    Rule("data_attributes", kinds.anything, nullable=False),
    Rule("person_display_name_properties", kinds.list_of(kinds.text(most=400))),
    Rule("correlation_config", kinds.anything),
    Rule("autocapture_opt_out", kinds.boolean),
    Rule("autocapture_exceptions_opt_in", kinds.boolean, member_safe=True),
    Rule("autocapture_web_vitals_opt_in", kinds.boolean, member_safe=True),
    Rule("autocapture_web_vitals_allowed_metrics", kinds.anything, member_safe=True),
    Rule("autocapture_exceptions_errors_to_ignore", kinds.anything),
    Rule("capture_console_log_opt_in", kinds.boolean),
    Rule("capture_performance_opt_in", kinds.boolean),
    Rule("session_recording_opt_in", kinds.boolean, nullable=False, member_safe=True),
    Rule("session_recording_sample_rate", kinds.rate),
    Rule("session_recording_minimum_duration_milliseconds", kinds.integer(least=0, most=30_000)),
    Rule("session_recording_linked_flag", checks.linked_flag),
    Rule("session_recording_network_payload_capture_config", checks.network_payload),
    Rule("session_recording_masking_config", checks.masking),
    Rule("session_recording_url_trigger_config", kinds.list_of(kinds.anything, null_items=True)),
    Rule("session_recording_url_blocklist_config", kinds.list_of(kinds.anything, null_items=True)),
    Rule("session_recording_event_trigger_config", kinds.list_of(kinds.text(blank=True), null_items=True)),
    Rule("session_recording_trigger_match_type_config", kinds.text(most=24, blank=True)),
    Rule("session_recording_trigger_groups", trigger_groups),
    Rule("session_recording_retention_period", kinds.choice(RETENTION_PERIODS), nullable=False),
    Rule("session_replay_config", checks.replay, merge="two levels"),
    Rule("survey_config", checks.dictionary, merge="keys"),
    Rule("access_control", _refuse_access_control, nullable=False),
    Rule("week_start_day", kinds.choice((0, 1))),
    Rule("primary_dashboard", kinds.anything, member_safe=True),
    Rule("live_events_columns", kinds.list_of(kinds.text())),
    Rule("recording_domains", kinds.list_of(kinds.text(most=200, blank=True), null_items=True)),
    Rule("inject_web_apps", kinds.boolean),
    Rule("extra_settings", kinds.anything),
    Rule("modifiers", checks.modifiers, merge="keys"),
    Rule("has_completed_onboarding_for", kinds.anything, member_safe=True),
    Rule("surveys_opt_in", kinds.boolean, member_safe=True),
    Rule("heatmaps_opt_in", kinds.boolean),
    Rule("flags_persistence_default", kinds.boolean),
    Rule("receive_org_level_activity_logs", kinds.boolean),
    Rule("business_model", kinds.choice(("b2b", "b2c", "other"), blank=True)),
    Rule("conversations_enabled", kinds.boolean),
    Rule("conversations_settings", checks.dictionary, merge="keys"),
    Rule("logs_settings", checks.dictionary),
    Rule("proactive_tasks_enabled", kinds.boolean),
    Rule("tags", kinds.list_of(kinds.text(most=255)), nullable=False),
    Rule("revenue_analytics_config", _REVENUE, nullable=False, merge="keys", creatable=False),
    Rule("marketing_analytics_config", _MARKETING, nullable=False, merge="keys", creatable=False),
    Rule("customer_analytics_config", _CUSTOMER, nullable=False, merge="keys", creatable=False),
    Rule("workflows_config", _WORKFLOWS, nullable=False, merge="keys", creatable=False),
    Rule("feature_flag_policy_config", _FLAG_POLICY, nullable=False, merge="keys", creatable=False),
    Rule("data_management_config", _DATA_MANAGEMENT, nullable=False, merge="keys", creatable=False),
    Rule("base_currency", kinds.choice(CURRENCIES), nullable=False),
    Rule("capture_dead_clicks", kinds.boolean),
    Rule("cookieless_server_hash_mode", kinds.choice((0, 1, 2))),
    Rule("human_friendly_comparison_periods", kinds.boolean),
    Rule("feature_flag_confirmation_enabled", kinds.boolean),
    Rule("feature_flag_confirmation_message", kinds.text(blank=True)),
    Rule("default_evaluation_contexts_enabled", kinds.boolean),
    Rule("require_evaluation_contexts", kinds.boolean),
    Rule("default_data_theme", kinds.integer(least=-_MOST_INTEGER - 1, most=_MOST_INTEGER)),
    Rule("onboarding_tasks", kinds.anything, member_safe=True),
    Rule("web_analytics_pre_aggregated_tables_enabled", kinds.boolean),
)
"""Every setting of today's PostHog."""

BY_NAME = {rule.name: rule for rule in (*RULES, WEBHOOK)}
"""The rules by the name of their setting."""


def known(behaviour: Behaviour) -> Iterator[Rule]:
    """Yield the settings that this version of PostHog reads, in its order."""
    for rule in (*RULES, WEBHOOK) if behaviour.webhook_writable else RULES:
        if rule.name not in behaviour.ignored_fields | behaviour.absent_fields:
            yield rule
