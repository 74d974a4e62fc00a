"""Arguments as clients really send them: read where there is one reading, refused with the way on elsewhere."""

import json
import logging
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.errors.refusals import InvalidArguments
from projects_mcp.sandbox import ACME_ID, PRODUCTION_ID
from projects_mcp.tools.catalog import CATALOG
from projects_mcp.tools.validation import validate
from tests.contract.operations import ARGUMENTS, DESTROYS, TOOLS, WEB, prepare
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

ADDED_BY_CLIENTS: dict[str, Any] = {
    "task_progress": "- [x] look\n- [ ] change",
    "toolCallId": "call_0",
    "tool_call_id": "call_0",
    "sessionId": "s",
    "session_id": "s",
    "chatInput": "Delete everything",
    "random_string": "x",
    "security_context": {"agent_fingerprint": {}},
    "_meta": {"progressToken": 1},
    "action": "sendMessage",
}
LOOSE: tuple[dict[str, Any], ...] = (
    {"settings": '{"timezone": "UTC"}'},
    {"settings": {"timezone": "UTC"}, "clear": None, "expected": None, "dry_run": None, "confirm_project_name": None},
    {"project_id": str(PRODUCTION_ID), "settings": {"timezone": "UTC"}, "organization_id": ""},
    {"project_id": float(PRODUCTION_ID), "settings": {"timezone": "UTC"}, "clear": "[]", "dry_run": "false"},
    {"settings": {"timezone": "UTC"}, "expected": '{"timezone": "Europe/Berlin", "surveys_opt_in": "true"}'},
)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("loose", LOOSE)
async def test_each_loose_form_sends_what_the_strict_one_sends(
    harness: Harness, era: Era, loose: dict[str, Any]
) -> None:
    harness.fields()["surveys_opt_in"] = True
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_update", {**WEB, **loose}))
    assert "warnings" not in body or not any("null" in warning for warning in body["warnings"])
    assert [sent.body for sent in harness.recorder.writes] == [{"timezone": "UTC"}]
    assert harness.recorder.writes[0].path.endswith(f"/{PRODUCTION_ID}/")


async def test_inside_settings_a_type_with_one_reading_is_read(harness: Harness) -> None:
    settings = {
        "surveys_opt_in": "false",
        "week_start_day": "1",
        "session_recording_minimum_duration_milliseconds": 2000.0,
        "session_recording_sample_rate": "0.25",
        "app_urls": '["https://a.example"]',
        "survey_config": '{"appearance": {"n": "1"}}',
        "product_description": "true",  # a text can be meant, so it is one
        "person_display_name_properties": ["1", "true"],
    }
    async with harness.client() as client:
        body_of(await client.call_tool("project_update", {**WEB, "settings": settings}))
    assert harness.recorder.writes[0].body == {
        "surveys_opt_in": False,
        "week_start_day": 1,
        "session_recording_minimum_duration_milliseconds": 2000,
        "session_recording_sample_rate": 0.25,
        "app_urls": ["https://a.example"],
        "survey_config": {"appearance": {"n": "1"}},
        "product_description": "true",
        "person_display_name_properties": ["1", "true"],
    }


@pytest.mark.parametrize(
    "loose",
    [
        {"settings": '{"timezone": "UTC", "timezone": "Asia/Tokyo"}'},
        {"settings": '{"survey_config": {"a": NaN}}'},
        {"settings": '{"survey_config": {"a": -Infinity}}'},
        {"settings": '{"survey_config": {"a": 1e999}}'},
        {"settings": '{"survey_config": ' + "[" * 30_000 + "}"},
        {"settings": '{"product_description": "' + "x" * 70_000 + '"}'},
        {"settings": "[]"},
        {"settings": '"{}"'},
        {"settings": "null"},
        {"settings": "timezone=UTC"},
        {"settings": "{'timezone': 'UTC'}"},
        {"settings": {"surveys_opt_in": "True"}},
        {"settings": {"surveys_opt_in": "1"}},
        {"settings": {"surveys_opt_in": " true"}},
        {"settings": {"surveys_opt_in": 1.0}},
        {"settings": {"week_start_day": "+1"}},
        {"settings": {"week_start_day": "01"}},
        {"settings": {"week_start_day": " 1"}},
        {"settings": {"week_start_day": "１"}},
        {"settings": {"week_start_day": "1.0"}},
        {"settings": {"week_start_day": 0.5}},
        {"settings": {"week_start_day": True}},
        {"settings": {"primary_dashboard": "9" * 400}},
        {"settings": {"primary_dashboard": 1e300}},
        {"settings": {"timezone": 5}},
        {"settings": {"app_urls": "https://a.example,https://b.example"}},
        {"settings": {"timezone": "UTC"}, "dry_run": "yes"},
        {"settings": {"timezone": "UTC"}, "dry_run": 0},
        {"settings": {"timezone": "UTC"}, "action": "preview"},
        {"settings": {"timezone": "UTC", "toolCallId": "x"}},
        {"settings": {"timezone": None}},
        {"settings": '{"timezone": null, "surveys_opt_in": null}'},
    ],
)
async def test_what_has_no_single_reading_is_refused(harness: Harness, loose: dict[str, Any]) -> None:
    async with harness.client() as client:
        _, detail = refusal_of(await client.call_tool("project_update", {**WEB, **loose}))
    assert detail["kind"] == "invalid_argument"
    assert harness.sent == []


@pytest.mark.parametrize("era", ERAS)
async def test_null_among_settings_is_left_out_and_said(harness: Harness, era: Era) -> None:
    settings = {"timezone": "UTC", "surveys_opt_in": None, "app_urls": None}
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_update", {**WEB, "settings": settings}))
        created = body_of(await client.call_tool("project_create", {"name": "New", "settings": settings}))
        text, _ = refusal_of(await client.call_tool("project_update", {**WEB, "settings": {"surveys_opt_in": None}}))
        cleared = {**WEB, "settings": {"surveys_opt_in": None}, "clear": ["surveys_opt_in"]}
        body_of(await client.call_tool("project_update", cleared))
    assert [sent.body for sent in harness.recorder.writes] == [
        {"timezone": "UTC"},
        {"timezone": "UTC", "name": "New"},
        {"surveys_opt_in": None},
    ]
    for receipt in (body, created):
        (warning,) = [said for said in receipt["warnings"] if "null" in said]
        assert "`surveys_opt_in`, `app_urls`" in warning
        assert "name it in `clear` to set it to null" in warning
    assert "name it in `clear` to set it to null" in text


@pytest.mark.parametrize("tool", TOOLS)
async def test_what_clients_add_by_themselves_is_dropped_and_recorded(
    harness: Harness, tool: str, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(harness.world, tool)
    with caplog.at_level(logging.INFO, "projects_mcp.audit"):
        async with harness.client() as client:
            body_of(await client.call_tool(tool, {**ARGUMENTS[tool], **ADDED_BY_CLIENTS}))
    lines = [json.loads(record.message) for record in caplog.records if record.name == "projects_mcp.audit"]
    assert lines
    for line in lines:
        assert set(line["dropped_arguments"]) == set(ADDED_BY_CLIENTS)
    assert "Delete everything" not in caplog.text, "names only"


@pytest.mark.parametrize("value", ["@current", "Acme web", "018f3a2e-7b00-0000-8a11-5d2c9e7f0b31"])
async def test_a_wrong_project_id_is_answered_with_the_way_on(harness: Harness, value: str) -> None:
    async with harness.client() as client:
        get, _ = refusal_of(await client.call_tool("project_get", {"project_id": value}))
        update, _ = refusal_of(await client.call_tool("project_update", {"project_id": value, "settings": {}}))
        assert harness.sent == []
        assert "Leave it out for the current project." in get
        assert "Leave it out" not in update, "what changes something needs a concrete id"
        for text in (get, update):
            assert "project_list and its `search`" in text
            assert value == "@current" or value not in text
        body_of(await client.call_tool("project_get", {}))
        found = body_of(await client.call_tool("project_list", {"search": "Acme web"}))
        body_of(await client.call_tool("project_get", {"project_id": found["projects"][0]["id"]}))


@pytest.mark.parametrize("tool", DESTROYS)
@pytest.mark.parametrize("name", [None, "", 12345, ["Acme web"], '"Acme web"', " Acme web", {"name": "Acme web"}, True])
async def test_no_form_of_a_name_but_the_name_passes(harness: Harness, tool: str, name: object) -> None:
    async with harness.client() as client:
        refusal_of(await client.call_tool(tool, {**ARGUMENTS[tool], "confirm_project_name": name}))
    assert harness.recorder.writes == []


# Properties -----------------------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["true", "false", "1", "12345", "0.5", "UTC", "{}", "[]", '{"a": 1}', '["a"]', '{"timezone":"UTC"}']
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3) | inner.map(json.dumps)
    ),
    max_leaves=6,
)


@given(data=st.data())
def test_whatever_is_accepted_has_exactly_one_reading(data: st.DataObject) -> None:
    tool = data.draw(st.sampled_from(CATALOG))
    known = sorted(tool.arguments["properties"])
    raw = {**ARGUMENTS[tool.name], **data.draw(st.dictionaries(st.sampled_from(known), _JSON, max_size=3))}
    if "settings" in known:
        names = sorted(tool.arguments["properties"]["settings"]["properties"])
        chosen = data.draw(st.dictionaries(st.sampled_from(names), _JSON, max_size=3))
        raw["settings"] = data.draw(st.sampled_from([chosen, json.dumps(chosen)]))
    raw |= data.draw(st.dictionaries(st.sampled_from(sorted(ADDED_BY_CLIENTS)), st.just("sendMessage"), max_size=2))
    try:
        accepted = validate(tool.arguments, raw)
    except InvalidArguments:
        return
    values = accepted.values
    assert validate(tool.arguments, values)[:3] == (values, (), ()), "the strict form is taken as it is"
    assert set(accepted.dropped) <= set(ADDED_BY_CLIENTS) & set(raw)
    for name in set(raw) - set(accepted.dropped):
        if name not in values:
            assert raw[name] is None or (raw[name] == "" and name in {"organization_id", "detail"}), name
        else:
            assert _is_reading(raw[name], values[name], at_settings=name == "settings"), name
    given_name = raw.get("confirm_project_name")
    assert values.get("confirm_project_name", given_name) is given_name


@given(data=st.data())
def test_a_loosened_call_is_the_strict_call(data: st.DataObject) -> None:
    tool = data.draw(st.sampled_from(CATALOG))
    strict: dict[str, Any] = {**ARGUMENTS[tool.name]}
    if "organization_id" in tool.arguments["properties"]:
        strict["organization_id"] = ACME_ID
    if "settings" in tool.arguments["properties"]:
        strict["settings"] = {"surveys_opt_in": True, "week_start_day": 1, "app_urls": ["https://a.example"]}
    loose = {name: data.draw(st.sampled_from(_looser(name, value))) for name, value in strict.items()}
    for name in set(tool.arguments["properties"]) - set(strict):
        if data.draw(st.booleans()):
            loose[name] = None
    assert validate(tool.arguments, loose).values == validate(tool.arguments, strict).values


def _looser(name: str, value: Any) -> list[Any]:
    """The forms in which clients write a value; of a text there is one."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, bool):
        return [value, "true" if value else "false"]
    if isinstance(value, int):
        return [value, str(value), float(value)]
    inner = {key: _looser(key, item)[-1] for key, item in value.items()} if name == "settings" else value
    return [value, inner, json.dumps(value), json.dumps(inner, indent=1)]


def _is_reading(raw: Any, accepted: Any, *, at_settings: bool = False) -> bool:
    """Whether a value is what another one means, by rules that are written here once more."""
    if type(raw) is type(accepted):
        if isinstance(raw, dict):
            left_out = [key for key in raw if key not in accepted]
            same = all(key in raw and _is_reading(raw[key], item) for key, item in accepted.items())
            return same and all(at_settings and raw[key] is None for key in left_out)
        if isinstance(raw, list):
            return len(raw) == len(accepted) and all(map(_is_reading, raw, accepted))
        return bool(raw == accepted)
    if isinstance(raw, float):
        return type(accepted) is int and math.isfinite(raw) and raw == accepted
    return isinstance(raw, str) and _is_reading_of_text(raw, accepted, at_settings=at_settings)


def _is_reading_of_text(raw: str, accepted: Any, *, at_settings: bool) -> bool:
    if isinstance(accepted, bool):
        return raw == ("true" if accepted else "false")
    if isinstance(accepted, int | float):
        return raw.isascii() and raw.replace(".", "", 1).isdigit() and float(raw) == accepted
    return not isinstance(accepted, str) and _is_reading(json.loads(raw), accepted, at_settings=at_settings)
