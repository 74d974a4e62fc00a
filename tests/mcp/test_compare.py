"""Two projects beside each other: only what differs, and the update that makes one equal to the other."""

from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sandbox import (
    MOBILE_ID,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    STAGING_ID,
)
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from tests.support.fleets import TurnedClock, fleet_world
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of, text_of


def differing(body: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: both for settings in body["differs"].values() for name, both in settings.items()}


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_only_what_differs_is_shown_and_the_update_makes_it_equal(harness: Harness, era: Era) -> None:
    call = {"project_id": STAGING_ID, "compare_to": PRODUCTION_ID}
    async with harness.client(era) as client:
        result = await client.call_tool("project_get", call)
        body = body_of(result)
        found = differing(body)
        assert found["timezone"] == ["UTC", "Europe/Berlin"]
        assert "data_attributes" not in found
        assert body["equal"] + len(found) == len(SETTINGS) - 1, "this PostHog has no slack_incoming_webhook"
        for secret in (
            harness.fields()["secret_api_token"],
            harness.fields()["conversations_settings"]["slack_bot_token"],
        ):
            assert secret not in text_of(result)
        (suggested,) = body["next"]
        receipt = body_of(await client.call_tool(suggested["tool"], suggested["arguments"]))
        assert receipt["outcome"] == "applied"
        again = body_of(await client.call_tool("project_get", call))
    assert set(differing(again)) <= set(body["left_out"])
    assert "next" not in again
    assert {"name", "primary_dashboard", "test_account_filters", "conversations_settings"} <= set(body["left_out"])
    assert "secret" in body["left_out"]["conversations_settings"]
    assert harness.fields(STAGING_ID)["name"] == "Acme web staging"


@pytest.mark.anyio
async def test_what_cannot_be_undone_is_left_out_with_the_reason(harness: Harness) -> None:
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_get", {"project_id": PRODUCTION_ID, "compare_to": STAGING_ID}))
    assert "confirmation" in body["left_out"]["conversations_enabled"]
    assert "conversations_enabled" not in str(body["next"][0]["arguments"])
    assert "business_model" in body["next"][0]["arguments"]["clear"]


@pytest.mark.anyio
async def test_fields_narrow_it_and_a_typo_is_told(harness: Harness) -> None:
    call = {"project_id": PRODUCTION_ID, "compare_to": STAGING_ID}
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_get", {**call, "fields": ["timezone", "is_demo"]}))
        assert (body["equal"], list(differing(body))) == (1, ["timezone"])
        text, _ = refusal_of(await client.call_tool("project_get", {**call, "fields": ["time_zone"]}))
        assert "Did you mean `timezone`?" in text
        text, _ = refusal_of(await client.call_tool("project_get", {**call, "compare_to": PRODUCTION_ID}))
        assert "the same project" in text


@pytest.mark.anyio
async def test_projects_of_two_organizations_are_compared(harness: Harness) -> None:
    call = {"organization_id": NORTHWIND_ID, "project_id": NORTHWIND_PROJECT_ID, "compare_to": PRODUCTION_ID}
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_get", call))
        assert body["project"]["organization_id"] == NORTHWIND_ID
        assert body["compared_with"]["id"] == PRODUCTION_ID
        text, detail = refusal_of(
            await client.call_tool("project_get", {"project_id": PRODUCTION_ID, "compare_to": NORTHWIND_PROJECT_ID})
        )
    assert detail["kind"] == "no_other_project"
    assert "the other way round" in text


@pytest.mark.anyio
async def test_rights_are_asked_for_both(harness: Harness) -> None:
    call = {"project_id": PRODUCTION_ID, "compare_to": MOBILE_ID}
    async with harness.client("auto", None, PROJECTS_MCP_ONLY_PROJECTS=f"{PRODUCTION_ID}") as client:
        _, detail = refusal_of(await client.call_tool("project_get", call))
        assert detail["kind"] == "only_projects"
    async with harness.client("auto", None, POSTHOG_PERSONAL_API_KEY=ONE_PROJECT_KEY) as client:
        _, detail = refusal_of(await client.call_tool("project_get", call))
        assert detail["kind"] == "key_restricted"
    assert not any(line.endswith(f"/{MOBILE_ID}/") for line in harness.sent)


TAKEN: dict[str, list[Any]] = {
    "anonymize_ips": [True, False],
    "timezone": ["UTC", "Asia/Tokyo"],
    "week_start_day": [0, 1, None],
    "session_recording_sample_rate": [None, "0.50", "1.00"],
    "session_replay_config": [None, {"record_canvas": True}, {"record_canvas": False, "rrweb": {"a": 1}}],
    "survey_config": [None, {"appearance": {"a": "b"}}, {"other": 1}],
    "app_urls": [[], ["https://a.example"], ["https://a.example", "https://b.example"]],
    "tags": [[], ["a"], ["b", "a"]],
    "business_model": [None, "b2b"],
    "logs_settings": [None, {"retention_days": 14}, {"capture_console_logs": True, "retention_days": 14}],
    "conversations_enabled": [None, True, False],
}


@given(
    first=st.fixed_dictionaries({name: st.sampled_from(values) for name, values in TAKEN.items()}),
    second=st.fixed_dictionaries({name: st.sampled_from(values) for name, values in TAKEN.items()}),
)
@settings(max_examples=40)
def test_after_the_update_only_what_was_left_out_differs(first: dict[str, Any], second: dict[str, Any]) -> None:
    world = fleet_world(TurnedClock(), 2)
    for at, fields in enumerate((first, second)):
        world.projects[FIRST_FLEET_ID + at].fields.update(fields)
    harness = Harness(world)
    call = {"project_id": FIRST_FLEET_ID, "compare_to": FIRST_FLEET_ID + 1}

    async def equalize() -> tuple[dict[str, Any], dict[str, Any]]:
        async with harness.client() as client:
            body = body_of(await client.call_tool("project_get", call))
            for suggested in body.get("next", ()):
                receipt = body_of(await client.call_tool("project_update", suggested["arguments"]))
                assert receipt["outcome"] == "applied"
            return body, body_of(await client.call_tool("project_get", call))

    before, after = anyio.run(equalize)
    for name in TAKEN:
        assert (name in differing(before)) == (not SETTINGS[name].same(first[name], second[name])), name
    own = {"conversations_settings"}  # PostHog makes a token there as soon as conversations are enabled
    assert set(differing(after)) - own == set(before.get("left_out", {})) - own
