"""Every writable project setting of PostHog's Projects API, one row each.

Types, ranges, nullability, merging and who may change a setting follow the serializers of PostHog's newest version.
`access_control` is missing on purpose: PostHog still names it and refuses every value of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from projects_mcp.api.settings_capture import CAPTURE, LESS_PRIVATE
from projects_mcp.api.settings_model import (
    NO_DEFAULT,
    Area,
    AtCreation,
    Merge,
    Role,
    Setting,
    lowered_tags,
    plain_filters,
    trimmed,
    without_empty,
)
from projects_mcp.api.settings_shapes import (
    BOOLEAN,
    INTEGER,
    OBJECT,
    OBJECTS,
    STRING,
    one_of,
    text,
    texts,
)

__all__ = ["SETTINGS"]

_CHARTS: Final = "Shifts the day boundaries of every chart of the project."

_ROWS: Final = (
    # Identity and display
    Setting("name", text(200, filled=True), Area.DISPLAY, "Project name", NO_DEFAULT, nullable=False, stored=trimmed),
    Setting("product_description", text(1000), Area.DISPLAY, "What the product does", stored=trimmed, who=Role.MEMBER),
    Setting(
        "tags",
        texts(255, filled=True),
        Area.DISPLAY,
        "A tag project-group:… needs an organization admin, and there is one at most",
        [],
        nullable=False,
        stored=lowered_tags,
        who=Role.MEMBER,
    ),
    Setting("timezone", STRING, Area.DISPLAY, "IANA time zone", "UTC", nullable=False, impact=_CHARTS),
    Setting("week_start_day", one_of(0, 1), Area.DISPLAY, "0 Sunday, 1 Monday", impact=_CHARTS, hinted=True),
    Setting("base_currency", STRING, Area.DISPLAY, "ISO currency code", "USD", nullable=False),
    Setting(
        "primary_dashboard",
        INTEGER,
        Area.DISPLAY,
        "Dashboard id",
        NO_DEFAULT,
        who=Role.MEMBER,
        at_creation=AtCreation.REFUSED,
    ),
    Setting("live_events_columns", texts(filled=True), Area.DISPLAY, "Columns of the live view", stored=trimmed),
    Setting(
        "person_display_name_properties",
        texts(400, filled=True),
        Area.DISPLAY,
        "Properties that name a person, in order",
        stored=trimmed,
    ),
    Setting("human_friendly_comparison_periods", BOOLEAN, Area.DISPLAY, "Compare whole weeks and years"),
    Setting("default_data_theme", INTEGER, Area.DISPLAY, "Chart theme id", NO_DEFAULT),
    Setting(
        "receive_org_level_activity_logs",
        BOOLEAN,
        Area.DISPLAY,
        "Show organization activity",
        who=Role.ORGANIZATION_ADMIN,
    ),
    *CAPTURE,
    # Feature flags
    Setting("flags_persistence_default", BOOLEAN, Area.FLAGS, "Persist flags over login"),
    Setting("feature_flag_confirmation_enabled", BOOLEAN, Area.FLAGS, "Confirm flag changes"),
    Setting("feature_flag_confirmation_message", STRING, Area.FLAGS, "Text of that question", stored=trimmed),
    Setting("default_evaluation_contexts_enabled", BOOLEAN, Area.FLAGS, "Default contexts"),
    Setting("require_evaluation_contexts", BOOLEAN, Area.FLAGS, "Contexts required"),
    Setting("feature_flag_policy_config", OBJECT, Area.FLAGS, "{require_tags}", nullable=False, merge=Merge.SHALLOW),
    # Web analytics
    Setting(
        "app_urls",
        texts(200, filled=True),
        Area.WEB_ANALYTICS,
        "Authorized URLs",
        [],
        nullable=False,
        stored=without_empty,
    ),
    Setting("path_cleaning_filters", OBJECTS, Area.WEB_ANALYTICS, "{alias, regex}", hinted=True),
    Setting("web_analytics_pre_aggregated_tables_enabled", BOOLEAN, Area.WEB_ANALYTICS, "Faster tables"),
    Setting(
        "marketing_analytics_config",
        OBJECT,
        Area.WEB_ANALYTICS,
        "{attribution_window_days: 1 to 90, attribution_mode, sources_map, conversion_goals, campaign_name_mappings, "
        "custom_source_mappings, campaign_field_preferences, filter_test_accounts}",
        {"attribution_window_days": 90, "attribution_mode": "last_touch"},
        nullable=False,
        merge=Merge.SOURCES,
        at_creation=AtCreation.DROPPED,
    ),
    Setting(
        "revenue_analytics_config",
        OBJECT,
        Area.WEB_ANALYTICS,
        "{base_currency, events, filter_test_accounts}",
        {"base_currency": "USD"},
        nullable=False,
        merge=Merge.SHALLOW,
        at_creation=AtCreation.DROPPED,
    ),
    # Privacy
    Setting("anonymize_ips", BOOLEAN, Area.PRIVACY, "Drop IPs", default=False, nullable=False, impact=LESS_PRIVATE),
    Setting(
        "cookieless_server_hash_mode",
        one_of(0, 1, 2),
        Area.PRIVACY,
        "0 off, 1 stateless, 2 stateful",
        impact="Changes how visitors without cookies are counted from now on.",
        hinted=True,
    ),
    # Product analytics and the rest
    Setting(
        "test_account_filters",
        OBJECTS,
        Area.PRODUCT,
        "Filters for internal users",
        [],
        nullable=False,
        bare=plain_filters,
        at_creation=AtCreation.OVERWRITTEN,
        impact="Changes the numbers of every chart that filters internal users out.",
    ),
    Setting("test_account_filters_default_checked", BOOLEAN, Area.PRODUCT, "Filter by default"),
    Setting("correlation_config", OBJECT, Area.PRODUCT, "Excluded names", {}),
    Setting("modifiers", OBJECT, Area.PRODUCT, "Query modifiers", merge=Merge.SHALLOW),
    Setting("business_model", one_of("b2b", "b2c", "other"), Area.PRODUCT, "Business model"),
    Setting("is_demo", BOOLEAN, Area.PRODUCT, "Demo project", default=False, nullable=False),
    Setting(
        "completed_snippet_onboarding",
        BOOLEAN,
        Area.PRODUCT,
        "Onboarded",
        default=False,
        nullable=False,
        who=Role.MEMBER,
    ),
    Setting("has_completed_onboarding_for", OBJECT, Area.PRODUCT, "{product: bool}", NO_DEFAULT, who=Role.MEMBER),
    Setting("onboarding_tasks", OBJECT, Area.PRODUCT, "Task states", who=Role.MEMBER),
    Setting(
        "logs_settings",
        OBJECT,
        Area.PRODUCT,
        "{retention_days: 14, or by plan 30, 60 and so on up to 2580}, changed once a day at most",
        {"retention_days": 14},
    ),
    Setting(
        "customer_analytics_config",
        OBJECT,
        Area.PRODUCT,
        "{activity_event, signup_pageview_event, signup_event, subscription_event, payment_event, "
        "account_group_type_index}",
        {"activity_event": {"event": "$pageview", "kind": "EventsNode", "name": "$pageview"}},
        nullable=False,
        merge=Merge.SHALLOW,
        at_creation=AtCreation.DROPPED,
    ),
    Setting(
        "workflows_config",
        OBJECT,
        Area.PRODUCT,
        "{capture_workflows_engagement_events, email_tracking_consent_mode: off|opt_out|opt_in, "
        "workflow_task_rate_limit_per_day, workflow_task_team_rate_limit_per_day}",
        {"email_tracking_consent_mode": "off"},
        nullable=False,
        merge=Merge.SHALLOW,
        at_creation=AtCreation.DROPPED,
    ),
    Setting("proactive_tasks_enabled", BOOLEAN, Area.PRODUCT, "Proactive tasks"),
    Setting("inject_web_apps", BOOLEAN, Area.PRODUCT, "Managed by PostHog"),
    Setting("extra_settings", OBJECT, Area.PRODUCT, "Internal"),
    Setting("slack_incoming_webhook", text(500), Area.PRODUCT, "Only older versions", stored=trimmed),
)

SETTINGS: Final[Mapping[str, Setting]] = {row.name: row for row in _ROWS}
"""Every writable setting by name, grouped by what it is about."""
