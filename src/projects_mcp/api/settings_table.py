"""Every writable project setting of PostHog's Projects API, one row each.

Types, ranges, nullability, merging and who may change a setting follow PostHog's serializers. `access_control` is
missing on purpose: PostHog still names it and refuses every value of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from projects_mcp.api.settings_model import (
    NO_DEFAULT,
    Area,
    AtCreation,
    Merge,
    Setting,
    decimal_text,
    lowered_tags,
    trimmed,
    without_empty,
)

__all__ = ["SETTINGS"]

_BOOLEAN: Final = {"type": "boolean"}
_INTEGER: Final = {"type": "integer"}
_STRING: Final = {"type": "string"}
_OBJECT: Final = {"type": "object"}
_STRINGS: Final = {"type": "array", "items": _STRING}
_OBJECTS: Final = {"type": "array", "items": _OBJECT}


def _text(longest: int, shortest: int = 0) -> dict[str, Any]:
    return {"type": "string", **({"minLength": shortest} if shortest else {}), "maxLength": longest}


def _texts(longest: int, shortest: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": _text(longest, shortest)}


def _one_of(*values: str | int) -> dict[str, Any]:
    return {"type": "integer" if isinstance(values[0], int) else "string", "enum": list(values)}


def _keys(required: Iterable[str] = (), **properties: Mapping[str, Any]) -> dict[str, Any]:
    closed: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required := list(required):
        closed["required"] = required
    return closed


_SITES: Final = "Takes effect on every site and app that uses this project within minutes."
_CHARTS: Final = "Shifts the day boundaries of every chart of the project."
_LESS_PRIVATE: Final = "Stores more about the people who visit than before."

_ROWS: Final = (
    # Identity and display
    Setting("name", _text(200, 1), Area.DISPLAY, "Project name", NO_DEFAULT, nullable=False, stored=trimmed),
    Setting("product_description", _text(1000), Area.DISPLAY, "What the product does", member=True),
    Setting("tags", _texts(255, 1), Area.DISPLAY, "Tags", [], nullable=False, stored=lowered_tags),
    Setting("timezone", _STRING, Area.DISPLAY, "IANA time zone", "UTC", nullable=False, impact=_CHARTS),
    Setting("week_start_day", _one_of(0, 1), Area.DISPLAY, "0 Sunday, 1 Monday", impact=_CHARTS, hinted=True),
    Setting("base_currency", _STRING, Area.DISPLAY, "ISO currency code", "USD", nullable=False),
    Setting(
        "primary_dashboard",
        _INTEGER,
        Area.DISPLAY,
        "Dashboard id",
        NO_DEFAULT,
        member=True,
        at_creation=AtCreation.REFUSED,
    ),
    Setting("live_events_columns", _STRINGS, Area.DISPLAY, "Columns of the live view"),
    Setting("person_display_name_properties", _texts(400), Area.DISPLAY, "Properties that name a person, in order"),
    Setting("human_friendly_comparison_periods", _BOOLEAN, Area.DISPLAY, "Compare whole weeks and years"),
    Setting("default_data_theme", _INTEGER, Area.DISPLAY, "Chart theme id", NO_DEFAULT),
    Setting("receive_org_level_activity_logs", _BOOLEAN, Area.DISPLAY, "Show organization activity"),
    # Recording
    Setting(
        "session_recording_opt_in",
        _BOOLEAN,
        Area.RECORDING,
        "Record sessions",
        default=False,
        nullable=False,
        member=True,
        impact=_SITES,
    ),
    Setting(
        "session_recording_sample_rate",
        {"type": "number", "minimum": 0, "maximum": 1, "decimals": 2},
        Area.RECORDING,
        "Share of sessions, 2 decimals",
        stored=decimal_text,
        impact=_SITES,
    ),
    Setting(
        "session_recording_minimum_duration_milliseconds",
        {"type": "integer", "minimum": 0, "maximum": 30000},
        Area.RECORDING,
        "Shortest recording, ms",
        impact=_SITES,
    ),
    Setting(
        "session_recording_linked_flag",
        _keys(["id", "key"], id=_INTEGER, key=_STRING, variant=_STRING),
        Area.RECORDING,
        "Record only with this flag: {id, key, variant}",
        impact=_SITES,
    ),
    Setting(
        "session_recording_network_payload_capture_config",
        _keys(recordHeaders=_BOOLEAN, recordBody=_BOOLEAN),
        Area.PRIVACY,
        "Record network payloads: {recordHeaders, recordBody}",
        impact=_LESS_PRIVATE,
    ),
    Setting(
        "session_recording_masking_config",
        _keys(maskAllInputs=_BOOLEAN, maskTextSelector=_STRING, blockSelector=_STRING),
        Area.PRIVACY,
        "Masking in recordings: {maskAllInputs, maskTextSelector, blockSelector}",
        impact=_LESS_PRIVATE,
    ),
    Setting(
        "session_replay_config",
        _keys(record_canvas=_BOOLEAN, ai_config=_OBJECT),
        Area.RECORDING,
        "Canvas and AI, merged",
        merge=Merge.TWO_LEVELS,
    ),
    Setting(
        "recording_domains",
        _texts(200),
        Area.RECORDING,
        "Empty: every origin",
        stored=without_empty,
        impact="Recordings stop on origins that are no longer listed.",
        hinted=True,
    ),
    Setting(
        "session_recording_url_trigger_config",
        _OBJECTS,
        Area.RECORDING,
        "{url, matching: regex}",
        impact=_SITES,
    ),
    Setting(
        "session_recording_url_blocklist_config",
        _OBJECTS,
        Area.RECORDING,
        "{url, matching: regex}",
        impact=_SITES,
    ),
    Setting("session_recording_event_trigger_config", _STRINGS, Area.RECORDING, "Events that start one", impact=_SITES),
    Setting("session_recording_trigger_match_type_config", _text(24), Area.RECORDING, "all or any", impact=_SITES),
    Setting("session_recording_trigger_groups", _OBJECT, Area.RECORDING, "{version: 2, groups}", impact=_SITES),
    Setting(
        "session_recording_retention_period",
        _one_of("30d", "90d", "1y", "5y"),
        Area.RECORDING,
        "How long to keep",
        "30d",
        nullable=False,
        impact="It concerns recordings from now on; existing ones keep the period that they had.",
    ),
    Setting("capture_console_log_opt_in", _BOOLEAN, Area.RECORDING, "Console logs", default=True, impact=_SITES),
    Setting("capture_performance_opt_in", _BOOLEAN, Area.RECORDING, "Network timings", default=True, impact=_SITES),
    # Autocapture and errors
    Setting("autocapture_opt_out", _BOOLEAN, Area.AUTOCAPTURE, "true = off", impact=_SITES),
    Setting("autocapture_exceptions_opt_in", _BOOLEAN, Area.AUTOCAPTURE, "Exceptions", member=True, impact=_SITES),
    Setting(
        "autocapture_exceptions_errors_to_ignore",
        _STRINGS,
        Area.AUTOCAPTURE,
        "Error texts, 300 chars in all",
        [],
        nullable=False,
        impact=_SITES,
    ),
    Setting("autocapture_web_vitals_opt_in", _BOOLEAN, Area.AUTOCAPTURE, "Web vitals", member=True, impact=_SITES),
    Setting(
        "autocapture_web_vitals_allowed_metrics",
        _STRINGS,
        Area.AUTOCAPTURE,
        "LCP, CLS, FCP, INP",
        member=True,
        impact=_SITES,
    ),
    Setting("capture_dead_clicks", _BOOLEAN, Area.AUTOCAPTURE, "Dead clicks", impact=_SITES),
    Setting("heatmaps_opt_in", _BOOLEAN, Area.AUTOCAPTURE, "Heatmaps", impact=_SITES),
    Setting(
        "data_attributes", _STRINGS, Area.AUTOCAPTURE, "HTML attributes for actions", ["data-attr"], nullable=False
    ),
    # Surveys and conversations
    Setting("surveys_opt_in", _BOOLEAN, Area.SURVEYS, "Surveys", member=True, impact=_SITES),
    Setting("survey_config", _OBJECT, Area.SURVEYS, "Appearance, merged", merge=Merge.SHALLOW, impact=_SITES),
    Setting(
        "conversations_enabled",
        _BOOLEAN,
        Area.SURVEYS,
        "Support widget",
        impact="Switching it off invalidates the public token of widgets that are deployed.",
    ),
    Setting("conversations_settings", _OBJECT, Area.SURVEYS, "Widget, merged", merge=Merge.SHALLOW),
    # Feature flags
    Setting("flags_persistence_default", _BOOLEAN, Area.FLAGS, "Persist flags over login"),
    Setting("feature_flag_confirmation_enabled", _BOOLEAN, Area.FLAGS, "Confirm flag changes"),
    Setting("feature_flag_confirmation_message", _STRING, Area.FLAGS, "Text of that question"),
    Setting("default_evaluation_contexts_enabled", _BOOLEAN, Area.FLAGS, "Default contexts"),
    Setting("require_evaluation_contexts", _BOOLEAN, Area.FLAGS, "Contexts required"),
    Setting("feature_flag_policy_config", _OBJECT, Area.FLAGS, "{require_tags}", nullable=False),
    # Web analytics
    Setting("app_urls", _texts(200), Area.WEB_ANALYTICS, "Authorized URLs", [], nullable=False, stored=without_empty),
    Setting("path_cleaning_filters", _OBJECTS, Area.WEB_ANALYTICS, "{alias, regex}", hinted=True),
    Setting("web_analytics_pre_aggregated_tables_enabled", _BOOLEAN, Area.WEB_ANALYTICS, "Faster tables"),
    Setting(
        "marketing_analytics_config",
        _OBJECT,
        Area.WEB_ANALYTICS,
        "Attribution",
        {"attribution_window_days": 90, "attribution_mode": "last_touch"},
        nullable=False,
        at_creation=AtCreation.DROPPED,
    ),
    Setting(
        "revenue_analytics_config",
        _OBJECT,
        Area.WEB_ANALYTICS,
        "Revenue",
        {"base_currency": "USD"},
        nullable=False,
        at_creation=AtCreation.DROPPED,
    ),
    # Privacy
    Setting("anonymize_ips", _BOOLEAN, Area.PRIVACY, "Drop IPs", default=False, nullable=False, impact=_LESS_PRIVATE),
    Setting(
        "cookieless_server_hash_mode",
        _one_of(0, 1, 2),
        Area.PRIVACY,
        "0 off, 1 stateless, 2 stateful",
        impact="Changes how visitors without cookies are counted from now on.",
        hinted=True,
    ),
    # Product analytics and the rest
    Setting(
        "test_account_filters",
        _OBJECTS,
        Area.PRODUCT,
        "Filters for internal users",
        [],
        nullable=False,
        at_creation=AtCreation.OVERWRITTEN,
        impact="Changes the numbers of every chart that filters internal users out.",
    ),
    Setting("test_account_filters_default_checked", _BOOLEAN, Area.PRODUCT, "Filter by default"),
    Setting("correlation_config", _OBJECT, Area.PRODUCT, "Excluded names", {}),
    Setting("modifiers", _OBJECT, Area.PRODUCT, "Query modifiers, merged", merge=Merge.SHALLOW),
    Setting("business_model", _one_of("b2b", "b2c", "other"), Area.PRODUCT, "Business model"),
    Setting("is_demo", _BOOLEAN, Area.PRODUCT, "Demo project", default=False, nullable=False),
    Setting(
        "completed_snippet_onboarding", _BOOLEAN, Area.PRODUCT, "Onboarded", default=True, nullable=False, member=True
    ),
    Setting("has_completed_onboarding_for", _OBJECT, Area.PRODUCT, "{product: bool}", NO_DEFAULT, member=True),
    Setting("onboarding_tasks", _OBJECT, Area.PRODUCT, "Task states", member=True),
    Setting("logs_settings", _OBJECT, Area.PRODUCT, "{retention_days: 14|30}", {"retention_days": 14}),
    Setting(
        "customer_analytics_config",
        _OBJECT,
        Area.PRODUCT,
        "Customers",
        {"activity_event": {"event": "$pageview", "kind": "EventsNode", "name": "$pageview"}},
        nullable=False,
        at_creation=AtCreation.DROPPED,
    ),
    Setting(
        "workflows_config",
        _OBJECT,
        Area.PRODUCT,
        "Workflows",
        {"email_tracking_consent_mode": "off"},
        nullable=False,
        at_creation=AtCreation.DROPPED,
    ),
    Setting(
        "data_management_config", _OBJECT, Area.PRODUCT, "{stale_event_days}", {"stale_event_days": 30}, nullable=False
    ),
    Setting("proactive_tasks_enabled", _BOOLEAN, Area.PRODUCT, "Proactive tasks"),
    Setting("inject_web_apps", _BOOLEAN, Area.PRODUCT, "Managed by PostHog"),
    Setting("extra_settings", _OBJECT, Area.PRODUCT, "Internal"),
    Setting("slack_incoming_webhook", _text(500), Area.PRODUCT, "Only old versions"),
)

SETTINGS: Final[Mapping[str, Setting]] = {row.name: row for row in _ROWS}
"""Every writable setting by name, grouped by what it is about."""
