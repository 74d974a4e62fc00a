"""What a receipt says is true, whole, and can be followed to the letter."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of, text_of

ARGUMENTS = {"project_id": PRODUCTION_ID}
SECRET = "phs_AbCdEf0123456789AbCdEf0123456789"


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_suggested_call_has_exactly_its_arguments_or_none(harness: Harness, era: Era) -> None:
    flag = {"id": 7, "key": "alpha_users"}
    settings = {"session_recording_linked_flag": flag}
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_update", {**ARGUMENTS, "settings": settings, "dry_run": True}))
        assert body["next"][0]["arguments"]["settings"] == settings
        hidden = {"extra_settings": {"note": f"the key is {SECRET}"}}
        body = body_of(await client.call_tool("project_update", {**ARGUMENTS, "settings": hidden, "dry_run": True}))
    assert "arguments" not in body["next"][0]
    assert "not shown" in body["next"][0]["arguments_left_out"]
    assert SECRET not in json.dumps(body)


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "arguments",
    [
        {"settings": {"product_description": "[redacted]"}},
        {"settings": {"app_urls": ["https://a.example", "https://[redacted]"]}},
        {"settings": {"extra_settings": {"deep": [{"key": "phs_...abcd"}]}}},
        {"settings": {"extra_settings": {"[redacted]": 1}}},
        {"settings": {"timezone": "UTC"}, "expected": {"product_description": "phx_...0001"}},
    ],
)
async def test_a_marker_of_ours_is_never_written_back(harness: Harness, era: Era, arguments: dict[str, Any]) -> None:
    async with harness.client(era) as client:
        text, detail = refusal_of(await client.call_tool("project_update", {**ARGUMENTS, **arguments}))
    assert detail["kind"] == "invalid_argument"
    assert "placeholder" in text
    assert harness.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_way_back_is_whole_or_named(harness: Harness, era: Era) -> None:
    harness.fields()["extra_settings"] = {f"key{number}": "x" * 90 for number in range(60)}
    harness.fields()["app_urls"] = ["https://a.example"]
    settings = {"extra_settings": {"a": 1}, "app_urls": ["https://b.example"]}
    async with harness.client(era, None, PROJECTS_MCP_RESULT_LIMIT="4096") as client:
        result = await client.call_tool("project_update", {**ARGUMENTS, "settings": settings})
    body = body_of(result)
    assert len(text_of(result).encode()) <= 4096
    if "revert" in body:
        assert body["revert"]["settings"].get("app_urls") == ["https://a.example"]
        assert len(body["revert"]["settings"].get("extra_settings", {})) in {0, 60}
    else:
        assert set(body["not_revertible"]) == {"extra_settings", "app_urls"}


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_what_may_not_be_shown_is_no_way_back(harness: Harness, era: Era) -> None:
    harness.fields()["extra_settings"] = {"note": f"the key is {SECRET}"}
    harness.fields()["app_urls"] = ["https://a.example"]
    settings = {"extra_settings": {"a": 1}, "app_urls": ["https://b.example"]}
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_update", {**ARGUMENTS, "settings": settings}))
    assert body["revert"]["settings"] == {"app_urls": ["https://a.example"]}
    assert body["not_revertible"] == ["extra_settings"]
    assert SECRET not in json.dumps(body)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_SETTABLE = {
    "app_urls": ["https://new.example"],
    "extra_settings": {"a": 1},
    "anonymize_ips": True,
    "session_recording_sample_rate": 0.5,
    "session_recording_linked_flag": {"id": 7, "key": "alpha"},
    "product_description": "Words",
    "tags": ["one"],
}


@pytest.mark.anyio
@given(name=st.sampled_from(sorted(_SETTABLE)), former=_VALUES)
async def test_whatever_was_there_before_a_way_back_restores_it_or_is_not_offered(name: str, former: Any) -> None:
    harness = Harness()
    harness.fields()[name] = former
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_update", {**ARGUMENTS, "settings": {name: _SETTABLE[name]}}))
        assert body["outcome"] in {"applied", "unchanged", "not_applied"}
        if "revert" not in body:
            return
        assert name not in body.get("not_revertible", ())
        body_of(await client.call_tool("project_update", {**ARGUMENTS, **body["revert"]}))
    normal = SETTINGS[name].normal
    assert json.dumps(normal(harness.fields()[name]), sort_keys=True) == json.dumps(normal(former), sort_keys=True)


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_equality_is_that_of_json(harness: Harness, era: Era) -> None:
    harness.fields()["extra_settings"] = {"flag": 1}
    async with harness.client(era) as client:
        update = {**ARGUMENTS, "settings": {"extra_settings": {"flag": True}}}
        assert body_of(await client.call_tool("project_update", update))["outcome"] == "applied"
        wrong = {**ARGUMENTS, "settings": {"timezone": "UTC"}, "expected": {"anonymize_ips": 1}}
        _, detail = refusal_of(await client.call_tool("project_update", wrong))
        assert detail["kind"] == "invalid_argument"


@pytest.mark.anyio
async def test_a_long_list_in_another_order_is_shown_as_that(harness: Harness) -> None:
    urls = [f"https://{number:03}.example" for number in range(60)]
    harness.fields()["app_urls"] = urls
    async with harness.client() as client:
        moved = {**ARGUMENTS, "settings": {"app_urls": urls[::-1]}, "dry_run": True}
        shown = body_of(await client.call_tool("project_update", moved))["changed"]["app_urls"]
        assert "another order" in shown["order"]
        twice = {**ARGUMENTS, "settings": {"app_urls": [*urls, urls[0]]}, "dry_run": True}
        shown = body_of(await client.call_tool("project_update", twice))["changed"]["app_urls"]
    assert (shown["added"], shown["removed"]) == ([urls[0]], [])


@pytest.mark.anyio
@pytest.mark.parametrize("rate", [0.125, 0.005, "0.333"])
async def test_a_preview_promises_nothing_that_posthog_refuses(harness: Harness, rate: float | str) -> None:
    arguments = {**ARGUMENTS, "settings": {"session_recording_sample_rate": rate}, "dry_run": True}
    async with harness.client() as client:
        text, _ = refusal_of(await client.call_tool("project_update", arguments))
    assert "decimals" in text


@pytest.mark.anyio
@pytest.mark.parametrize("value", ["1e2000000000", "1e-2000000000", {"a": 1}, [1], True])
async def test_expected_values_are_those_that_a_setting_can_have(harness: Harness, value: Any) -> None:
    arguments = {**ARGUMENTS, "settings": {"timezone": "UTC"}, "expected": {"session_recording_sample_rate": value}}
    async with harness.client() as client:
        _, detail = refusal_of(await client.call_tool("project_update", arguments))
        assert detail["kind"] == "invalid_argument"
        misspelt = {**ARGUMENTS, "settings": {"timezone": "UTC"}, "expected": {"time_zone": "UTC"}}
        text, _ = refusal_of(await client.call_tool("project_update", misspelt))
    assert "`timezone`" in text
    assert harness.sent == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("former", "new"),
    [([{"a": 1}], {"b": 2}), ({"b": 2}, {"c": [1]}), ("text", {"a": 1}), ([[1], {"x": None}], {"a": 1})],
)
async def test_no_receipt_fails_after_a_write(harness: Harness, former: Any, new: Any) -> None:
    harness.fields()["extra_settings"] = former
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_update", {**ARGUMENTS, "settings": {"extra_settings": new}}))
    assert body["outcome"] == "applied"


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", ["Acme\u200b web", "Acme web\x07", "\u202eAcme", "Acme\u00adweb"])
async def test_a_name_with_invisible_characters_is_told_and_so_is_what_to_do(
    harness: Harness, era: Era, name: str
) -> None:
    harness.fields()["name"] = name
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_get", ARGUMENTS))
        assert "cannot be seen" in body["name_note"]
        rows = body_of(await client.call_tool("project_list", {}))["projects"]
        assert ["name_note" in row for row in rows] == [row["id"] == PRODUCTION_ID for row in rows]
        confirmed = {**ARGUMENTS, "confirm_project_name": body["name"]}
        text, detail = refusal_of(await client.call_tool("project_delete", confirmed))
        assert detail["kind"] == "name_mismatch"
        assert "copy it from PostHog" in text
        body_of(await client.call_tool("project_delete", {**ARGUMENTS, "confirm_project_name": name}))
