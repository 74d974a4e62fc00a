"""Whatever a caller sends, no request leaves that the tool does not own."""

import math
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.sandbox import ACME_ID, PRODUCTION_ID
from projects_mcp.tools.catalog import CATALOG
from tests.contract.operations import ARGUMENTS, IN_ORGANIZATION, ON_PROJECT, WEB
from tests.support.harness import ERAS, Era, Harness, refusal_of, text_of

pytestmark = pytest.mark.anyio

HOSTILE: tuple[Any, ...] = (
    "../",
    "..%2f..%2f",
    "%2e%2e",
    "1/activity",
    "1/../2",
    "@current",
    "@current/../1",
    "",
    " ",
    "１２３",
    "²",
    "1e3",
    "0x10",
    "12345\n",
    "12345 ",
    "1,2",
    "null",
    -1,
    0,
    10**30,
    10**400,
    1.5,
    12345.0,
    float("nan"),
    float("inf"),
    True,
    False,
    None,
    [],
    [12345],
    {},
    {"id": 1},
    "x" * 10_000_000,
    "\ud800",
    "\x00",
    "12345?admin=1",
    "12345#",
    "12345;",
)


def _is_null(value: object) -> bool:
    """Whether it arrives as null: JSON has no other way to write these numbers."""
    return value is None or (isinstance(value, float) and not math.isfinite(value))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", ON_PROJECT)
async def test_hostile_project_ids_leave_no_request(harness: Harness, era: Era, tool: str) -> None:
    async with harness.client(era) as client:
        for value in HOSTILE:
            if era == "legacy" and value == "\ud800":
                continue  # cannot be written in the UTF-8 of a framed message
            if value == 12345.0 or (_is_null(value) and tool == "project_get"):
                continue  # has one reading: an id, or no id at all
            text, detail = refusal_of(await client.call_tool(tool, {**ARGUMENTS[tool], "project_id": value}))
            assert detail["kind"] == "invalid_argument"
            assert detail["request_sent"] is False
            assert "Nothing was changed." in text
            assert "project_id" in text
            assert len(text) < 500
            assert "http" not in text
    assert harness.sent == []


@pytest.mark.parametrize("tool", IN_ORGANIZATION)
async def test_hostile_organizations_leave_no_request(harness: Harness, tool: str) -> None:
    async with harness.client() as client:
        for value in (*HOSTILE, "{" + ACME_ID + "}", "urn:uuid:" + ACME_ID, ACME_ID.replace("-", ""), "no-such-slug"):
            if value in ("@current", "") or _is_null(value):
                continue  # has one reading: the current organization, or none at all
            text, detail = refusal_of(await client.call_tool(tool, {**ARGUMENTS[tool], "organization_id": value}))
            assert detail["kind"] == "invalid_argument"
            assert "organization_id" in text
    assert harness.sent == []


async def test_hostile_targets_of_a_move_leave_no_write(harness: Harness) -> None:
    async with harness.client() as client:
        for value in (*HOSTILE, "@current", "acme"):
            arguments = {**ARGUMENTS["project_change_organization"], "target_organization_id": value}
            refusal_of(await client.call_tool("project_change_organization", arguments))
    assert harness.recorder.writes == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("tool", IN_ORGANIZATION)
async def test_unknown_arguments_are_refused_with_the_valid_ones(harness: Harness, era: Era, tool: str) -> None:
    async with harness.client(era) as client:
        text, _ = refusal_of(await client.call_tool(tool, {**ARGUMENTS[tool], "organisation_id": ACME_ID}))
        assert "`organization_id`" in text, "the nearest valid name"
        text, _ = refusal_of(await client.call_tool(tool, {**ARGUMENTS[tool], "qqq": 1}))
        assert "organization_id" in text, "all valid names"
    assert harness.sent == []


async def test_digits_written_as_text_are_an_id(harness: Harness) -> None:
    async with harness.client() as client:
        result = await client.call_tool("project_get", {"project_id": str(PRODUCTION_ID)})
    assert not result.is_error
    assert harness.sent == [f"GET /api/organizations/@current/projects/{PRODUCTION_ID}/"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"settings": {"time_zone": "UTC"}}, "Did you mean `timezone`?"),
        ({"settings": {"access_control": False}}, "access_control"),
        ({"settings": {"api_token": "phc_x"}}, "api_token"),
        ({"settings": {"session_recording_sample_rate": 1.5}}, "at most 1"),
        ({"settings": {"session_recording_minimum_duration_milliseconds": 30001}}, "at most 30000"),
        ({"settings": {"week_start_day": 2}}, "must be one of 0, 1"),
        ({"settings": {"week_start_day": True}}, "must be an integer"),
        ({"settings": {"surveys_opt_in": "yes"}}, "must be true or false"),
        ({"settings": {"surveys_opt_in": 1}}, "must be true or false"),
        ({"settings": {"app_urls": "https://a.example"}}, "must be a list"),
        ({"settings": {"app_urls": [1]}}, "`settings.app_urls[0]` must be a text"),
        ({"settings": {"name": ""}}, "must not be empty"),
        ({"settings": {"name": "x" * 201}}, "at most 200 characters"),
        (
            {"settings": {"session_recording_linked_flag": {"id": 1}}},
            "`settings.session_recording_linked_flag.key` is req",
        ),
        ({"settings": {"timezone": None}}, "name it in `clear` to set it to null"),
        ({"settings": {"timezone": None, "time_zone": "UTC"}}, "Did you mean `timezone`?"),
        ({"settings": []}, "`settings` must be an object"),
        ({"settings": {"survey_config": {"a": [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}}}, "nested deeper"),
        ({"clear": ["timezone"]}, "cannot be cleared"),
        ({"clear": ["time_zone"]}, "Did you mean `timezone`?"),
        ({"clear": ["tags"], "settings": {"tags": ["a"]}}, "in both"),
        ({}, "nothing to change"),
        ({"settings": {}, "clear": []}, "nothing to change"),
    ],
)
async def test_wrong_settings_are_refused_before_anything_leaves(
    harness: Harness, arguments: dict[str, Any], expected: str
) -> None:
    async with harness.client() as client:
        text, detail = refusal_of(await client.call_tool("project_update", {**WEB, **arguments}))
    assert expected in text
    assert detail["kind"] == "invalid_argument"
    assert harness.sent == []


async def test_a_name_given_twice_must_agree(harness: Harness) -> None:
    async with harness.client() as client:
        text, _ = refusal_of(await client.call_tool("project_create", {"name": "A", "settings": {"name": "B"}}))
    assert "differ" in text
    assert harness.sent == []


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
def test_any_arguments_at_all_get_an_answer_and_own_paths_only(data: st.DataObject) -> None:
    harness = Harness()
    tool = data.draw(st.sampled_from(CATALOG))
    names = st.sampled_from([*sorted(tool.input_schema["properties"]), "organization_id"]) | st.text(max_size=10)
    changes = data.draw(st.dictionaries(names, _JSON, max_size=3))
    # Drawn before the event loop runs: see CONTRIBUTING.md.
    result = anyio.run(harness.server().call_tool, tool.name, {**ARGUMENTS[tool.name], **changes})
    assert text_of(result)  # type: ignore[arg-type]  # nobody can be asked here, so it is never a question
    own = f"projects/{PRODUCTION_ID}/{tool.operation.suffix}" if tool.operation.on_project else "projects/"
    for sent in harness.recorder.requests:
        assert sent.method in {"GET", tool.operation.method}
        assert sent.method == "GET" or sent.path.endswith(own)
