"""Every writable field: something that it accepts, and what it says to something that it does not."""

from typing import Any

import pytest

from projects_mcp.sandbox.validation.rules import RULES
from tests.support.sandbox import PRODUCTION, Sandbox, invalid
from tests.support.sandbox_accepted import GOOD, GROUP, PERSON
from tests.support.sandbox_refused import BAD, DICTIONARY, NOT_NULL

pytestmark = pytest.mark.anyio


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
    for media_type in ("multipart/form-data; boundary=x", "text/plain", ""):
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
