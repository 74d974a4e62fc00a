"""A value for each setting that can be written, and what must be there first."""

from typing import Any

GOOD: dict[str, Any] = {
    "name": "  Another name  ",
    "product_description": "What it does",
    "tags": [" Web ", "shop", "NEW"],
    "timezone": "Asia/Tokyo",
    "week_start_day": 0,
    "base_currency": "CHF",
    "primary_dashboard": None,
    "live_events_columns": ["event"],
    "person_display_name_properties": ["name"],
    "default_data_theme": 3,
    "session_recording_sample_rate": 0.1,
    "session_recording_minimum_duration_milliseconds": 500,
    "session_recording_linked_flag": {"id": 7, "key": "flag"},
    "session_recording_network_payload_capture_config": {"recordHeaders": False, "recordBody": True},
    "session_recording_masking_config": {"maskAllInputs": False},
    "session_replay_config": {"record_canvas": True},
    "recording_domains": ["https://a.example", " https://b.example "],
    "session_recording_url_trigger_config": [{"url": "/x", "matching": "regex"}],
    "session_recording_url_blocklist_config": [{"url": "/y", "matching": "regex"}],
    "session_recording_event_trigger_config": ["signed up"],
    "session_recording_trigger_match_type_config": "any",
    "session_recording_trigger_groups": {"version": 2, "groups": []},
    "session_recording_retention_period": "30d",
    "autocapture_exceptions_errors_to_ignore": ["ResizeObserver"],
    "autocapture_web_vitals_allowed_metrics": ["LCP"],
    "data_attributes": ["data-test"],
    "survey_config": {"appearance": {"color": "red"}},
    "conversations_settings": {"color": "red"},
    "feature_flag_confirmation_message": "Sure?",
    "feature_flag_policy_config": {"require_tags": True},
    "app_urls": ["https://app.example"],
    "path_cleaning_filters": [{"alias": "/user/:id", "regex": "/user/\\d+"}],
    "marketing_analytics_config": {"attribution_window_days": 30},
    "revenue_analytics_config": {"base_currency": "EUR"},
    "cookieless_server_hash_mode": 2,
    "test_account_filters": [{"key": "email", "type": "person", "value": "@a.example", "operator": "not_icontains"}],
    "correlation_config": {"excluded_event_names": ["x"]},
    "modifiers": {"bounceRateDurationSeconds": 20},
    "business_model": "other",
    "has_completed_onboarding_for": {"surveys": True},
    "onboarding_tasks": {"a": "done"},
    "logs_settings": {"retention_days": 30},
    "customer_analytics_config": {"activity_event": {"event": "login"}},
    "workflows_config": {"email_tracking_consent_mode": "opt_in"},
    "extra_settings": {"recorder_script": "another"},
    "slack_incoming_webhook": "https://hooks.slack.com/services/x",
}

NEEDS_MORE = {"primary_dashboard", "slack_incoming_webhook", "proactive_tasks_enabled"}
"""Settings that no value can simply be written to: an object of the project, a former field, PostHog's own."""


def without_time(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "updated_at"}
