"""Every writable field: something that it accepts, and what it says to something that it does not."""

from typing import Any

import pytest

from projects_mcp.sandbox import PRODUCTION_ID
from projects_mcp.sandbox.validation.rules import RULES
from tests.support.sandbox import PRODUCTION, Sandbox, invalid

pytestmark = pytest.mark.anyio

BOOLEAN = "Must be a valid boolean."
NOT_NULL = "This field may not be null."
DICTIONARY = "Must provide a dictionary or None."
GROUP = {"id": "g", "sampleRate": 0.5, "conditions": {"matchType": "any", "events": ["buy"]}}
PERSON = {"key": "email", "type": "person", "value": "@acme.example", "operator": "icontains"}
FLAG = {"id": 7, "key": "beta"}
ACCESS_CONTROL = (
    "The 'access_control' field has been deprecated and is no longer supported. "
    "Please use the new access control system instead. "
    "For more information, visit: https://posthog.com/docs/settings/access-control"
)
ONLY_IDS = "Must provide a dictionary with only 'id' and 'key' keys. _or_ only 'id', 'key', and 'variant' keys."
ONLY_REPLAY = "Must provide a dictionary with only known keys. One or more of record_canvas, ai_config."

GOOD: dict[str, list[Any]] = {
    "name": ["Renamed", "x", "x" * 200],
    "product_description": ["A shop.", "", None],
    "app_urls": [
        [],
        ["https://a.example", "https://*.*.*.*.*.example.com", "*.*.*.*.*.*.*.x", "https://x/*/*/*/*/*/*"],
    ],
    "anonymize_ips": [True, False],
    "completed_snippet_onboarding": [True, False],
    "test_account_filters": [[], [PERSON, {"key": "id", "type": "cohort", "value": 3, "operator": "in"}]],
    "test_account_filters_default_checked": [True, None],
    "path_cleaning_filters": [[{"alias": "/u/\\1", "regex": "^/u/(\\d+)"}, "not an object"], [], None],
    "is_demo": [True, False],
    "timezone": ["UTC", "America/Argentina/Buenos_Aires", "US/Pacific"],
    "data_attributes": [["data-id"], {"any": "thing"}],
    "person_display_name_properties": [["email"], ["x" * 400], None],
    "correlation_config": [{"excluded_event_names": ["a"]}, None],
    "autocapture_opt_out": [True, None],
    "autocapture_exceptions_opt_in": [True, None],
    "autocapture_web_vitals_opt_in": [False, None],
    "autocapture_web_vitals_allowed_metrics": [["LCP"], None],
    "autocapture_exceptions_errors_to_ignore": [["ResizeObserver"], []],
    "capture_console_log_opt_in": [False, None],
    "capture_performance_opt_in": [False, None],
    "session_recording_opt_in": [False],
    "session_recording_minimum_duration_milliseconds": [0, 30000, None],
    "session_recording_linked_flag": [FLAG, {**FLAG, "variant": "test"}, None],
    "session_recording_network_payload_capture_config": [{"recordBody": True}, {}, None],
    "session_recording_masking_config": [{"maskAllInputs": False, "blockSelector": ".x"}, None],
    "session_recording_url_trigger_config": [[{"url": "x", "matching": "regex"}], None],
    "session_recording_url_blocklist_config": [[{"url": "x"}, None], None],
    "session_recording_event_trigger_config": [["buy", "", None], None],
    "session_recording_trigger_match_type_config": ["all", "", None],
    "session_recording_trigger_groups": [{"version": 2, "groups": [GROUP], "fallbackSampleRate": 0}, None],
    "session_recording_retention_period": ["30d", "5y"],
    "session_replay_config": [{"record_canvas": True, "ai_config": None}, None],
    "survey_config": [{"appearance": {"position": "left"}}, None],
    "access_control": [],
    "week_start_day": [0, 1, None],
    "primary_dashboard": [PRODUCTION_ID * 10, None],
    "live_events_columns": [["event"], None],
    "recording_domains": [["https://a.example"], [], None],
    "inject_web_apps": [True, None],
    "extra_settings": [{"recorder_script": "x"}, None],
    "modifiers": [{"bounceRateDurationSeconds": 120}, {"debug": True}, None],
    "has_completed_onboarding_for": [{"surveys": True}, None],
    "surveys_opt_in": [False, None],
    "heatmaps_opt_in": [False, None],
    "flags_persistence_default": [True, None],
    "receive_org_level_activity_logs": [True, None],
    "business_model": ["b2b", "other", "", None],
    "conversations_enabled": [True],
    "conversations_settings": [{"widget_color": "#fff", "widget_domains": ["https://a.example"]}],
    "logs_settings": [{"retention_days": 14, "capture_console_logs": False}, None],
    "proactive_tasks_enabled": [False, None],
    "session_recording_sample_rate": ["0.10", "1.00", None],
    "tags": [["one", "two"], []],
    "revenue_analytics_config": [{"base_currency": "EUR", "filter_test_accounts": True}],
    "marketing_analytics_config": [{"attribution_window_days": 90, "attribution_mode": "time_decay"}],
    "customer_analytics_config": [{"account_group_type_index": 0}, {"account_group_type_index": None}],
    "workflows_config": [{"email_tracking_consent_mode": "opt_in"}],
    "feature_flag_policy_config": [{"require_tags": True}],
    "data_management_config": [{"stale_event_days": 365}],
    "base_currency": ["EUR", "BTC"],
    "capture_dead_clicks": [True, None],
    "cookieless_server_hash_mode": [0, 2, None],
    "human_friendly_comparison_periods": [True, None],
    "feature_flag_confirmation_enabled": [True, None],
    "feature_flag_confirmation_message": ["Sure?", "", None],
    "default_evaluation_contexts_enabled": [True, None],
    "require_evaluation_contexts": [True, None],
    "default_data_theme": [4, None],
    "onboarding_tasks": [{"ingest_first_event": "completed"}, None],
    "web_analytics_pre_aggregated_tables_enabled": [True, None],
}

BAD: list[tuple[str, Any, str, str, str | None]] = [
    # field, value, detail, code, what follows the field in `attr`
    ("name", "", "This field may not be blank.", "blank", ""),
    ("name", "   ", "This field may not be blank.", "blank", ""),
    ("name", None, NOT_NULL, "null", ""),
    ("name", "x" * 201, "Ensure this field has no more than 200 characters.", "max_length", ""),
    ("name", ["x"], "Not a valid string.", "invalid_input", ""),
    ("name", True, "Not a valid string.", "invalid_input", ""),
    ("name", "a\0b", "Null characters are not allowed.", "null_characters_not_allowed", ""),
    ("product_description", "x" * 1001, "Ensure this field has no more than 1000 characters.", "max_length", ""),
    ("app_urls", ["x" * 201], "Ensure this field has no more than 200 characters.", "max_length", "__0"),
    ("app_urls", ["ok", 1.5, {}], "Not a valid string.", "invalid_input", "__2"),
    ("app_urls", "https://x", 'Expected a list of items but got type "str".', "not_a_list", ""),
    ("app_urls", {"a": 1}, 'Expected a list of items but got type "dict".', "not_a_list", ""),
    ("app_urls", None, NOT_NULL, "null", ""),
    ("recording_domains", ["x", "x" * 201], "Ensure this field has no more than 200 characters.", "max_length", "__1"),
    ("timezone", "Mars/X", '"Mars/X" is not a valid choice.', "invalid_choice", ""),
    ("timezone", "utc", '"utc" is not a valid choice.', "invalid_choice", ""),
    ("timezone", None, NOT_NULL, "null", ""),
    ("data_attributes", None, NOT_NULL, "null", ""),
    ("test_account_filters", None, NOT_NULL, "null", ""),
    ("path_cleaning_filters", {"a": 1}, "Must provide a list of path cleaning rules.", "invalid_input", ""),
    (
        "path_cleaning_filters",
        [{"alias": "x"}],
        "A path cleaning rule needs a regex. Remove the rule or give it one.",
        "invalid_input",
        "",
    ),
    (
        "path_cleaning_filters",
        [{"alias": "x", "regex": "("}],
        "Invalid path cleaning regex '(': missing ), unterminated subpattern at position 0",
        "invalid_input",
        "",
    ),
    (
        "path_cleaning_filters",
        [{"alias": "x", "regex": "(?=x)"}],
        "Invalid path cleaning regex '(?=x)': invalid perl operator",
        "invalid_input",
        "",
    ),
    (
        "path_cleaning_filters",
        [{"alias": "\\2 \\\\9", "regex": "(x)"}],
        "The alias '\\2 \\\\9' references capture group \\2, but its regex has 1 capture group(s). "
        "Add the group to the regex or fix the reference.",
        "invalid_input",
        "",
    ),
    (
        "person_display_name_properties",
        ["x" * 401],
        "Ensure this field has no more than 400 characters.",
        "max_length",
        "__0",
    ),
    ("person_display_name_properties", [None], NOT_NULL, "null", "__0"),
    ("live_events_columns", [""], "This field may not be blank.", "blank", "__0"),
    (
        "autocapture_exceptions_errors_to_ignore",
        None,
        "Must provide a list for field: autocapture_exceptions_errors_to_ignore.",
        "invalid_input",
        None,
    ),
    (
        "autocapture_exceptions_errors_to_ignore",
        [1],
        "Must provide a list of strings to field: autocapture_exceptions_errors_to_ignore.",
        "invalid_input",
        None,
    ),
    (
        "autocapture_exceptions_errors_to_ignore",
        ["x" * 300],
        "Field autocapture_exceptions_errors_to_ignore must be less than 300 characters. "
        "Complex config should be provided in posthog-js initialization.",
        "invalid_input",
        None,
    ),
    ("session_recording_sample_rate", "a", "A valid number is required.", "invalid_input", ""),
    ("session_recording_sample_rate", True, "A valid number is required.", "invalid_input", ""),
    ("session_recording_sample_rate", "NaN", "A valid number is required.", "invalid_input", ""),
    ("session_recording_sample_rate", "1" * 1001, "String value too large.", "max_string_length", ""),
    ("session_recording_sample_rate", 1.5, "Ensure this value is less than or equal to 1.", "max_value", ""),
    ("session_recording_sample_rate", -0.1, "Ensure this value is greater than or equal to 0.", "min_value", ""),
    (
        "session_recording_sample_rate",
        0.123,
        "Ensure that there are no more than 2 decimal places.",
        "max_decimal_places",
        "",
    ),
    (
        "session_recording_sample_rate",
        "0.1234",
        "Ensure that there are no more than 3 digits in total.",
        "max_digits",
        "",
    ),
    (
        "session_recording_sample_rate",
        10,
        "Ensure that there are no more than 1 digits before the decimal point.",
        "max_whole_digits",
        "",
    ),
    (
        "session_recording_minimum_duration_milliseconds",
        30001,
        "Ensure this value is less than or equal to 30000.",
        "max_value",
        "",
    ),
    (
        "session_recording_minimum_duration_milliseconds",
        -1,
        "Ensure this value is greater than or equal to 0.",
        "min_value",
        "",
    ),
    ("session_recording_minimum_duration_milliseconds", True, "A valid integer is required.", "invalid_input", ""),
    ("session_recording_minimum_duration_milliseconds", 1.5, "A valid integer is required.", "invalid_input", ""),
    ("session_recording_minimum_duration_milliseconds", "1" * 1001, "String value too large.", "max_string_length", ""),
    ("session_recording_linked_flag", [], DICTIONARY, "invalid_input", ""),
    ("session_recording_linked_flag", {"id": 1}, ONLY_IDS, "invalid_input", ""),
    ("session_recording_linked_flag", {**FLAG, "x": 1}, ONLY_IDS, "invalid_input", ""),
    ("session_recording_linked_flag", {**FLAG, "id": True}, "Must provide an integer 'id'.", "invalid_input", ""),
    ("session_recording_linked_flag", {**FLAG, "id": 1.5}, "Must provide an integer 'id'.", "invalid_input", ""),
    ("session_recording_linked_flag", {**FLAG, "id": "x"}, "Must provide an integer 'id'.", "invalid_input", ""),
    (
        "session_recording_network_payload_capture_config",
        {"body": True},
        "Must provide a dictionary with only 'recordHeaders' and/or 'recordBody' keys.",
        "invalid_input",
        "",
    ),
    (
        "session_recording_masking_config",
        {"mask": True},
        "Must provide a dictionary with only known keys: maskAllInputs, maskTextSelector, blockSelector.",
        "invalid_input",
        "",
    ),
    ("session_recording_masking_config", {"maskAllInputs": 1}, "maskAllInputs must be a boolean.", "invalid_input", ""),
    ("session_recording_masking_config", {"blockSelector": 1}, "blockSelector must be a string.", "invalid_input", ""),
    ("session_recording_url_trigger_config", {}, 'Expected a list of items but got type "dict".', "not_a_list", ""),
    ("session_recording_url_blocklist_config", 1, 'Expected a list of items but got type "int".', "not_a_list", ""),
    ("session_recording_event_trigger_config", [{}], "Not a valid string.", "invalid_input", "__0"),
    (
        "session_recording_trigger_match_type_config",
        "x" * 25,
        "Ensure this field has no more than 24 characters.",
        "max_length",
        "",
    ),
    ("session_recording_retention_period", "7d", '"7d" is not a valid choice.', "invalid_choice", ""),
    ("session_recording_retention_period", None, NOT_NULL, "null", ""),
    ("session_replay_config", {"x": 1}, ONLY_REPLAY, "invalid_input", ""),
    ("session_replay_config", {"ai_config": 1}, DICTIONARY, "invalid_input", ""),
    (
        "session_replay_config",
        {"ai_config": {"x": 1}},
        "Must provide a dictionary with only allowed keys: included_event_properties, opt_in, preferred_events, "
        "excluded_events, important_user_properties.",
        "invalid_input",
        "",
    ),
    ("survey_config", [], DICTIONARY, "invalid_input", ""),
    ("access_control", True, ACCESS_CONTROL, "invalid_input", ""),
    ("access_control", False, ACCESS_CONTROL, "invalid_input", ""),
    ("access_control", "x", BOOLEAN, "invalid_input", ""),
    ("access_control", None, NOT_NULL, "null", ""),
    ("week_start_day", 6, '"6" is not a valid choice.', "invalid_choice", ""),
    ("week_start_day", True, '"True" is not a valid choice.', "invalid_choice", ""),
    ("primary_dashboard", 99, 'Invalid pk "99" - object does not exist.', "does_not_exist", ""),
    ("primary_dashboard", "x", "Incorrect type. Expected pk value, received str.", "incorrect_type", ""),
    ("primary_dashboard", True, "Incorrect type. Expected pk value, received bool.", "incorrect_type", ""),
    ("primary_dashboard", [], "Incorrect type. Expected pk value, received list.", "incorrect_type", ""),
    ("primary_dashboard", 123470, "Dashboard does not belong to this team.", "invalid_input", ""),
    ("modifiers", {"unknown": 1}, "Invalid modifier key.", "invalid_input", ""),
    ("modifiers", [], DICTIONARY, "invalid_input", ""),
    (
        "modifiers",
        {"bounceRateDurationSeconds": "x"},
        "Must be a number.",
        "invalid_input",
        "__bounceRateDurationSeconds",
    ),
    (
        "modifiers",
        {"bounceRateDurationSeconds": 121},
        "Must be between 1 and 120 seconds.",
        "invalid_input",
        "__bounceRateDurationSeconds",
    ),
    ("business_model", "b2g", '"b2g" is not a valid choice.', "invalid_choice", ""),
    ("conversations_settings", "x", DICTIONARY, "invalid_input", ""),
    (
        "conversations_settings",
        {"widget_domains": ["https://*.*.*.*.*.*.x"]},
        "'https://*.*.*.*.*.*.x' has too many wildcards: at most 5 are allowed.",
        "invalid_input",
        "",
    ),
    ("app_urls", ["http://["], "'http://[' is not a valid URL.", "invalid_input", ""),
    ("logs_settings", [], DICTIONARY, "invalid_input", ""),
    ("logs_settings", {"retention_days": 7}, "retention_days must be one of [14, 30]", "invalid_input", ""),
    ("tags", ["x" * 256], "Ensure this field has no more than 255 characters.", "max_length", "__0"),
    ("tags", [" "], "This field may not be blank.", "blank", "__0"),
    ("tags", None, NOT_NULL, "null", ""),
    (
        "revenue_analytics_config",
        [],
        "Invalid data. Expected a dictionary, but got list.",
        "invalid_input",
        "__non_field_errors",
    ),
    (
        "revenue_analytics_config",
        {"base_currency": "X"},
        '"X" is not a valid choice.',
        "invalid_choice",
        "__base_currency",
    ),
    ("revenue_analytics_config", {"filter_test_accounts": 2}, BOOLEAN, "invalid_input", "__filter_test_accounts"),
    ("revenue_analytics_config", None, NOT_NULL, "null", ""),
    (
        "marketing_analytics_config",
        {"attribution_window_days": 91},
        "Ensure this value is less than or equal to 90.",
        "max_value",
        "__attribution_window_days",
    ),
    (
        "marketing_analytics_config",
        {"attribution_mode": "guess"},
        '"guess" is not a valid choice.',
        "invalid_choice",
        "__attribution_mode",
    ),
    (
        "customer_analytics_config",
        {"account_group_type_index": 5},
        "Ensure this value is less than or equal to 4.",
        "max_value",
        "__account_group_type_index",
    ),
    (
        "workflows_config",
        {"email_tracking_consent_mode": None},
        NOT_NULL,
        "null",
        "__email_tracking_consent_mode",
    ),
    ("feature_flag_policy_config", {"require_tags": "maybe"}, BOOLEAN, "invalid_input", "__require_tags"),
    (
        "data_management_config",
        {"stale_event_days": 366},
        "Ensure this value is less than or equal to 365.",
        "max_value",
        "__stale_event_days",
    ),
    ("base_currency", "EURO", '"EURO" is not a valid choice.', "invalid_choice", ""),
    ("cookieless_server_hash_mode", 3, '"3" is not a valid choice.', "invalid_choice", ""),
    ("feature_flag_confirmation_message", {}, "Not a valid string.", "invalid_input", ""),
    ("default_data_theme", "x", "A valid integer is required.", "invalid_input", ""),
    *[(rule.name, "maybe", BOOLEAN, "invalid_input", "") for rule in RULES if rule.field_type.__name__ == "boolean"],
    *[(rule.name, [], BOOLEAN, "invalid_input", "") for rule in RULES if rule.field_type.__name__ == "boolean"],
    *[
        (rule.name, None, NOT_NULL, "null", "")
        for rule in RULES
        if rule.field_type.__name__ == "boolean" and not rule.nullable
    ],
]


def test_every_field_is_tried() -> None:
    names = {rule.name for rule in RULES}
    assert GOOD.keys() == names
    anything = {"correlation_config", "autocapture_web_vitals_allowed_metrics", "extra_settings"}
    anything |= {"has_completed_onboarding_for", "onboarding_tasks"}
    assert names - {bad[0] for bad in BAD} == anything | {"session_recording_trigger_groups"}


@pytest.mark.parametrize("field", GOOD)
async def test_what_a_field_accepts(sandbox: Sandbox, field: str) -> None:
    merged = {rule.name for rule in RULES if rule.merge != "replace"}
    for value in GOOD[field]:
        stored = (await sandbox.patch(f"{PRODUCTION}/", **{field: value}))[field]
        if field in merged and isinstance(value, dict):
            assert value.items() <= stored.items()
        else:
            assert stored == value
        assert (await sandbox.get(f"{PRODUCTION}/"))[field] == stored


@pytest.mark.parametrize(("field", "value", "detail", "code", "attr"), BAD)
async def test_what_a_field_refuses(
    sandbox: Sandbox, field: str, value: Any, detail: str, code: str, attr: str | None
) -> None:
    before = await sandbox.get(f"{PRODUCTION}/")
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"capture_dead_clicks": True, field: value})
    assert response.status_code == 400
    assert response.json() == invalid(detail, code=code, attr=None if attr is None else field + attr)
    assert await sandbox.get(f"{PRODUCTION}/") == before


@pytest.mark.parametrize(
    ("field", "sent", "stored"),
    [
        ("name", "  Acme shop ", "Acme shop"),
        ("name", 42, "42"),
        ("app_urls", ["", None, " https://a.example "], ["https://a.example"]),
        ("recording_domains", [None, "https://a.example", ""], ["https://a.example"]),
        ("tags", [" Shop ", "shop", "WEB"], ["shop", "web"]),
        ("session_recording_sample_rate", 0.1, "0.10"),
        ("session_recording_sample_rate", 1, "1.00"),
        ("session_recording_sample_rate", "0", "0.00"),
        ("session_recording_minimum_duration_milliseconds", "500", 500),
        ("session_recording_minimum_duration_milliseconds", 500.0, 500),
        ("session_recording_linked_flag", {"id": "12", "key": "beta"}, {"id": 12, "key": "beta"}),
        ("week_start_day", "1", 1),
        ("primary_dashboard", "123450", 123450),
        ("anonymize_ips", "yes", True),
        ("anonymize_ips", 0, False),
        ("surveys_opt_in", "off", False),
    ],
)
async def test_what_is_stored_differs_from_what_was_sent(sandbox: Sandbox, field: str, sent: Any, stored: Any) -> None:
    assert (await sandbox.patch(f"{PRODUCTION}/", **{field: sent}))[field] == stored


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({}, "Input should be a valid list"),
        (["x"], "0: Input should be a valid dictionary"),
        ([PERSON, {**PERSON, "negation": True}], "1: negation: Extra inputs are not permitted"),
        ([{**PERSON, "type": "planet"}], "0: type: Input should be a known property filter type"),
        ([{**PERSON, "key": 1}], "0: key: Input should be a valid string"),
        ([{**PERSON, "operator": "about"}], "0: operator: Input should be a known operator"),
        ([{"key": "x", "type": "cohort", "value": 1}], "0: key: Input should be 'id'"),
        ([{"key": "id", "type": "cohort", "value": "x"}], "0: value: Input should be a valid integer"),
        (
            [{"key": "id", "type": "cohort", "value": 1, "operator": "exact"}],
            "0: operator: Input should be 'in' or 'not_in'",
        ),
    ],
)
async def test_test_account_filters(sandbox: Sandbox, value: Any, problem: str) -> None:
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"test_account_filters": value})
    detail = f"Must provide an array of valid property filters. {problem}"
    assert (response.status_code, response.json()) == (400, invalid(detail, attr="test_account_filters"))


def group(**changes: Any) -> dict[str, Any]:
    return {"version": 2, "groups": [{**GROUP, **changes}]}


def conditions(**changes: Any) -> dict[str, Any]:
    return group(conditions=changes)


PROPERTY = {"key": "k", "type": "event", "value": 1}
TRIGGERS: list[tuple[Any, str]] = [
    ([], DICTIONARY),
    ({}, "Missing required field: 'version'."),
    ({"version": 1}, "Invalid version: 1. Only version 2 is supported."),
    ({"version": 2}, "Missing required field: 'groups'."),
    ({"version": 2, "groups": {}}, "Field 'groups' must be an array."),
    ({"version": 2, "groups": ["x"]}, "Group 0: must be a dictionary."),
    ({"version": 2, "groups": [GROUP, {"id": "x"}]}, "Group 1: missing required field 'sampleRate'."),
    (group(sampleRate=2), "Group 0: invalid sampleRate '2'. Must be a number between 0 and 1."),
    (group(sampleRate=True), "Group 0: invalid sampleRate 'True'. Must be a number between 0 and 1."),
    (group(minDurationMs="x"), "Group 0: 'minDurationMs' must be an integer, got str."),
    (group(minDurationMs=30001), "Group 0: 'minDurationMs' must be between 0 and 30000 (30 seconds). Got: 30001."),
    (group(conditions=[]), "Group 0: field 'conditions' must be a dictionary."),
    (conditions(matchType="none"), "Group 0: invalid matchType 'none'. Must be 'any' or 'all'."),
    (conditions(events={}), "Group 0: field 'events' must be an array."),
    (conditions(events=[1]), "Group 0: event 0 must be a string or object with 'name'."),
    (conditions(events=[{}]), "Group 0: event 0 object must have a string 'name' field."),
    (
        conditions(events=[{"name": "buy", "properties": {}}]),
        "Group 0, event 'buy': 'properties' must be an array.",
    ),
    (conditions(urls="x"), "Group 0: field 'urls' must be an array."),
    (conditions(urls=["x"]), "Group 0: URL config must be a dictionary."),
    (conditions(urls=[{"url": "x"}]), "Group 0: URL config must have 'url' and 'matching' fields."),
    (conditions(urls=[{"url": "x", "matching": "exact"}]), "Group 0: URL matching must be 'regex'. Got: 'exact'."),
    (conditions(urls=[{"url": "(", "matching": "regex"}]), "Group 0: invalid regex pattern in URL: '('."),
    (conditions(flag=1), "Group 0: 'flag' must be a string (flag key), object (LinkedFeatureFlag), or null."),
    (conditions(flag={}), "Group 0: flag object must have 'key' field."),
    (conditions(flag={"key": 1}), "Group 0: flag 'key' must be a string."),
    (conditions(properties=[1]), "Group 0: property 0 must be a dictionary."),
    (conditions(properties=[{}]), "Group 0: property 0 must have a string 'key' field."),
    (
        conditions(properties=[{**PROPERTY, "type": "x"}]),
        "Group 0: property 0 must have a 'type' field with value: event, person.",
    ),
    (
        conditions(properties=[{**PROPERTY, "operator": "in"}]),
        "Group 0: property 0 has invalid operator 'in'. Valid operators: "
        "exact, gt, icontains, is_not, lt, not_icontains, not_regex, regex.",
    ),
    (conditions(properties=[{"key": "k", "type": "event"}]), "Group 0: property 0 must have a 'value' field."),
    ({**group(), "fallbackSampleRate": 2}, "Invalid fallbackSampleRate: 2. Must be a number between 0 and 1."),
]


@pytest.mark.parametrize(("value", "detail"), TRIGGERS)
async def test_trigger_groups(sandbox: Sandbox, value: Any, detail: str) -> None:
    field = "session_recording_trigger_groups"
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={field: value})
    assert (response.status_code, response.json()) == (400, invalid(detail, attr=field))


async def test_trigger_groups_with_everything(sandbox: Sandbox) -> None:
    value = conditions(
        matchType="all",
        events=["buy", {"name": "look"}, {"name": "pay", "properties": [{**PROPERTY, "operator": "gt"}]}],
        urls=[{"url": "^/x", "matching": "regex"}],
        flag={"id": 1, "key": "beta"},
        properties=[PROPERTY],
    )
    value["groups"][0] |= {"minDurationMs": 0, "name": "Buyers"}
    changed = await sandbox.patch(f"{PRODUCTION}/", session_recording_trigger_groups=value)
    assert changed["session_recording_trigger_groups"] == value


async def test_only_the_first_refusal_is_answered(sandbox: Sandbox) -> None:
    body = {"week_start_day": 9, "tags": None, "timezone": "Mars/X", "anonymize_ips": None}
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json=body)
    assert response.json() == invalid(NOT_NULL, code="null", attr="anonymize_ips")


BODIES = [
    (b"[]", "Invalid data. Expected a dictionary, but got list."),
    (b'"x"', "Invalid data. Expected a dictionary, but got str."),
    (b"null", "Invalid data. Expected a dictionary, but got NoneType."),
]


@pytest.mark.parametrize(("body", "detail"), BODIES)
async def test_bodies_that_are_not_objects(sandbox: Sandbox, body: bytes, detail: str) -> None:
    headers = {"content-type": "application/json; charset=utf-8"}
    for method, path in (("PATCH", f"{PRODUCTION}/"), ("PATCH", f"{PRODUCTION}/add_product_intent/")):
        response = await sandbox.ask(method, path, content=body, headers=headers)
        assert (response.status_code, response.json()) == (400, invalid(detail))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"{'a': 1}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"{} x", "Extra data: line 1 column 4 (char 3)"),
        (b'{"a": NaN}', "Out of range float values are not JSON compliant: NaN"),
    ],
)
async def test_bodies_that_are_not_json(sandbox: Sandbox, body: bytes, reason: str) -> None:
    headers = {"content-type": "application/json"}
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json() == {
        "type": "invalid_request",
        "code": "parse_error",
        "detail": f"JSON parse error - {reason}",
        "attr": None,
    }


async def test_a_body_that_is_nested_too_deep_is_not_json(sandbox: Sandbox) -> None:
    """PostHog passes on what its Python says, and each version says it in other words."""
    headers = {"content-type": "application/json"}
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", content=b"[" * 100_000, headers=headers)
    body = response.json()
    said = body.pop("detail")
    assert (response.status_code, body) == (400, {"type": "invalid_request", "code": "parse_error", "attr": None})
    assert said.startswith("JSON parse error - ")
    assert said.endswith(" while decoding a JSON array from a unicode string")


async def test_other_media_types(sandbox: Sandbox) -> None:
    for media_type in ("application/x-www-form-urlencoded", "text/plain", ""):
        headers = {"content-type": media_type}
        response = await sandbox.ask("PATCH", f"{PRODUCTION}/", content=b"a=1", headers=headers)
        assert response.status_code == 415
        assert response.json() == {
            "type": "invalid_request",
            "code": "unsupported_media_type",
            "detail": f'Unsupported media type "{media_type}" in request.',
            "attr": None,
        }


async def test_no_body_changes_nothing(sandbox: Sandbox) -> None:
    before = await sandbox.get(f"{PRODUCTION}/")
    assert (await sandbox.ask("PATCH", f"{PRODUCTION}/")).json() == before
