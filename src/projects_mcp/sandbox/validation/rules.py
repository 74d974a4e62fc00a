"""The settings of a project as one table: their types, the role to change them, and the way to store a change.

All other fields are read-only or unknown. PostHog's behaviour: those in a body have no effect, and the response is 200.
The order is that of PostHog's validation; the response is for the first refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from projects_mcp.sandbox.errors import InvalidValueError
from projects_mcp.sandbox.validation import field_types
from projects_mcp.sandbox.validation.field_types import FieldType
from projects_mcp.sandbox.validation.former import FORMER_URLS, validate_former_linked_flag
from projects_mcp.sandbox.validation.timezones import TIMEZONES
from projects_mcp.sandbox.validation.triggers import validate_trigger_groups
from projects_mcp.sandbox.validation.validators import (
    validate_dictionary,
    validate_linked_flag,
    validate_masking,
    validate_modifiers,
    validate_network_payload,
    validate_path_cleaning,
    validate_property_filters,
    validate_replay,
)
from projects_mcp.sandbox.world.behaviour import Behaviour
from projects_mcp.sandbox.world.catalogs import CURRENCIES, RETENTION_PERIODS

Merge = Literal["replace", "keys", "two levels", "partial"]
"""The way to store a sent object: replace the stored one, merge the keys, merge the keys of two levels, or ``partial``:
merge the keys as the configurations do, and in their ``sources_map`` the sources, of which null removes one.
"""

_MAX_INTEGER = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting.

    Attributes:
        name: The field.
        field_type: Parses a sent value other than null.
        nullable: It may be null.
        member_safe: Members may change it; otherwise only project admins may.
        merge: The way to store an object.
        creatable: A creation may set it; otherwise a creation drops it silently.
    """

    name: str
    field_type: FieldType
    nullable: bool = True
    member_safe: bool = False
    merge: Merge = "replace"
    creatable: bool = True


_URLS = field_types.list_of(field_types.text(max_length=200, blank=True), null_items=True)
_REVENUE = field_types.config(
    {
        "base_currency": field_types.choice(CURRENCIES),
        "events": field_types.anything,
        "filter_test_accounts": field_types.boolean,
    }
)
_MARKETING = field_types.config(
    {
        "sources_map": field_types.anything,
        "conversion_goals": field_types.anything,
        "filter_test_accounts": field_types.boolean,
        "attribution_window_days": field_types.integer(minimum=1, maximum=90),
        "attribution_mode": field_types.choice(("first_touch", "last_touch", "linear", "time_decay", "position_based")),
        "campaign_name_mappings": field_types.anything,
        "custom_source_mappings": field_types.anything,
        "campaign_field_preferences": field_types.anything,
    }
)
_CUSTOMER = field_types.config(
    {
        "activity_event": field_types.anything,
        "signup_pageview_event": field_types.anything,
        "signup_event": field_types.anything,
        "subscription_event": field_types.anything,
        "payment_event": field_types.anything,
        "account_group_type_index": field_types.integer(minimum=0, maximum=4),
    },
    nullable=frozenset({"account_group_type_index"}),
)
_WORKFLOWS = field_types.config(
    {
        "capture_workflows_engagement_events": field_types.boolean,
        "email_tracking_consent_mode": field_types.choice(("off", "opt_out", "opt_in")),
        "workflow_task_rate_limit_per_day": field_types.integer(minimum=0),
        "workflow_task_team_rate_limit_per_day": field_types.integer(minimum=0),
    },
    nullable=frozenset({"workflow_task_rate_limit_per_day", "workflow_task_team_rate_limit_per_day"}),
)
_FLAG_POLICY = field_types.config({"require_tags": field_types.boolean})


def _refuse_access_control(value: object) -> object:
    field_types.boolean(value)
    raise InvalidValueError(
        "The 'access_control' field has been deprecated and is no longer supported. "
        "Please use the new access control system instead. "
        "For more information, visit: https://posthog.com/docs/settings/access-control"
    )


WEBHOOK = Rule("slack_incoming_webhook", field_types.text(max_length=500, blank=True))
"""A setting of older versions."""

RULES: tuple[Rule, ...] = (
    Rule("name", field_types.text(max_length=200), nullable=False),
    Rule("product_description", field_types.text(max_length=1000, blank=True), member_safe=True),
    Rule(
        "app_urls", field_types.list_of(field_types.text(max_length=200, blank=True), null_items=True), nullable=False
    ),
    Rule("anonymize_ips", field_types.boolean, nullable=False),
    Rule("completed_snippet_onboarding", field_types.boolean, nullable=False, member_safe=True),
    Rule("test_account_filters", validate_property_filters, nullable=False),
    Rule("test_account_filters_default_checked", field_types.boolean),
    Rule("path_cleaning_filters", validate_path_cleaning),
    Rule("is_demo", field_types.boolean, nullable=False),
    Rule("timezone", field_types.choice(TIMEZONES), nullable=False),
    Rule("data_attributes", field_types.anything, nullable=False),
    Rule("person_display_name_properties", field_types.list_of(field_types.text(max_length=400))),
    Rule("correlation_config", field_types.anything),
    Rule("autocapture_opt_out", field_types.boolean),
    Rule("autocapture_exceptions_opt_in", field_types.boolean, member_safe=True),
    Rule("autocapture_web_vitals_opt_in", field_types.boolean, member_safe=True),
    Rule("autocapture_web_vitals_allowed_metrics", field_types.anything, member_safe=True),
    Rule("autocapture_exceptions_errors_to_ignore", field_types.anything),
    Rule("capture_console_log_opt_in", field_types.boolean),
    Rule("capture_performance_opt_in", field_types.boolean),
    Rule("session_recording_opt_in", field_types.boolean, nullable=False, member_safe=True),
    Rule("session_recording_sample_rate", field_types.rate),
    Rule("session_recording_minimum_duration_milliseconds", field_types.integer(minimum=0, maximum=30_000)),
    Rule("session_recording_linked_flag", validate_linked_flag),
    Rule("session_recording_network_payload_capture_config", validate_network_payload),
    Rule("session_recording_masking_config", validate_masking),
    Rule("session_recording_url_trigger_config", field_types.list_of(field_types.anything, null_items=True)),
    Rule("session_recording_url_blocklist_config", field_types.list_of(field_types.anything, null_items=True)),
    Rule("session_recording_event_trigger_config", field_types.list_of(field_types.text(blank=True), null_items=True)),
    Rule("session_recording_trigger_match_type_config", field_types.text(max_length=24, blank=True)),
    Rule("session_recording_trigger_groups", validate_trigger_groups),
    Rule("session_recording_retention_period", field_types.choice(RETENTION_PERIODS), nullable=False),
    Rule("session_replay_config", validate_replay, merge="two levels"),
    Rule("survey_config", validate_dictionary, merge="keys"),
    Rule("access_control", _refuse_access_control, nullable=False),
    Rule("week_start_day", field_types.choice((0, 1))),
    Rule("primary_dashboard", field_types.anything, member_safe=True),
    Rule("live_events_columns", field_types.list_of(field_types.text())),
    Rule("recording_domains", _URLS),
    Rule("inject_web_apps", field_types.boolean),
    Rule("extra_settings", field_types.anything),
    Rule("modifiers", validate_modifiers, merge="keys"),
    Rule("has_completed_onboarding_for", field_types.anything, member_safe=True),
    Rule("surveys_opt_in", field_types.boolean, member_safe=True),
    Rule("heatmaps_opt_in", field_types.boolean),
    Rule("flags_persistence_default", field_types.boolean),
    Rule("receive_org_level_activity_logs", field_types.boolean),
    Rule("business_model", field_types.choice(("b2b", "b2c", "other"), blank=True)),
    Rule("conversations_enabled", field_types.boolean),
    Rule("conversations_settings", validate_dictionary, merge="keys"),
    Rule("logs_settings", validate_dictionary),
    Rule("proactive_tasks_enabled", field_types.boolean),
    Rule("tags", field_types.list_of(field_types.text(max_length=255)), nullable=False, member_safe=True),
    Rule("revenue_analytics_config", _REVENUE, nullable=False, merge="partial", creatable=False),
    Rule("marketing_analytics_config", _MARKETING, nullable=False, merge="partial", creatable=False),
    Rule("customer_analytics_config", _CUSTOMER, nullable=False, merge="partial", creatable=False),
    Rule("workflows_config", _WORKFLOWS, nullable=False, merge="partial", creatable=False),
    Rule("feature_flag_policy_config", _FLAG_POLICY, nullable=False, merge="partial", creatable=False),
    Rule("base_currency", field_types.choice(CURRENCIES), nullable=False),
    Rule("capture_dead_clicks", field_types.boolean),
    Rule("cookieless_server_hash_mode", field_types.choice((0, 1, 2))),
    Rule("human_friendly_comparison_periods", field_types.boolean),
    Rule("feature_flag_confirmation_enabled", field_types.boolean),
    Rule("feature_flag_confirmation_message", field_types.text(blank=True)),
    Rule("default_evaluation_contexts_enabled", field_types.boolean),
    Rule("require_evaluation_contexts", field_types.boolean),
    Rule("default_data_theme", field_types.integer(minimum=-_MAX_INTEGER - 1, maximum=_MAX_INTEGER)),
    Rule("onboarding_tasks", field_types.anything, member_safe=True),
    Rule("web_analytics_pre_aggregated_tables_enabled", field_types.boolean),
)
"""The settings of today's PostHog."""

BY_NAME = {rule.name: rule for rule in (*RULES, WEBHOOK)}
"""The rules by the name of their setting."""

_FORMER: Mapping[str, Rule] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            Rule("app_urls", FORMER_URLS, nullable=False),
            Rule("recording_domains", FORMER_URLS),
            Rule("test_account_filters", field_types.anything, nullable=False),
            Rule("path_cleaning_filters", field_types.anything),
            Rule("session_recording_linked_flag", validate_former_linked_flag),
            Rule("survey_config", field_types.anything),
            Rule("access_control", field_types.boolean, nullable=False),
            Rule("modifiers", field_types.anything),
        )
    }
)
"""The settings that the version of August 2025 checked or stored in another way."""

_IDENTITY = frozenset({"name", "product_description", "access_control"})


def rule_of(name: str, behaviour: Behaviour) -> Rule:
    """Return the rule of a setting in a version of PostHog."""
    return _FORMER.get(name, BY_NAME[name]) if behaviour.former_rules else BY_NAME[name]


def active_rules(behaviour: Behaviour) -> Iterator[Rule]:
    """Yield the settings that a version of PostHog reads, in its order."""
    for rule in (*RULES, WEBHOOK) if behaviour.webhook_writable else RULES:
        if rule.name not in behaviour.ignored_fields | behaviour.absent_fields:
            yield rule_of(rule.name, behaviour)


def is_configuration(name: str, behaviour: Behaviour) -> bool:
    """Return whether a field belongs to the configuration of the team, and not to the identity of the project."""
    known = name in BY_NAME and name not in _IDENTITY
    return known and (name not in behaviour.absent_fields or name in behaviour.team_only_fields)
