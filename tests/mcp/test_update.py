"""Writes that tell the truth: for every setting, for random ones, and for a PostHog that ignores or rewrites some."""

import json
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client

from projects_mcp.api.settings_impact import difference, warnings
from projects_mcp.api.settings_model import Merge
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from projects_mcp.sandbox.validation.rules import BY_NAME
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of, text_of

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
    "recording_domains": ["https://a.example", ""],
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
    "data_management_config": {"stale_event_days": 90},
    "extra_settings": {"recorder_script": "another"},
    "slack_incoming_webhook": "https://hooks.slack.com/services/x",
}
NEEDS_MORE = {"primary_dashboard", "slack_incoming_webhook", "proactive_tasks_enabled"}
"""Settings that no value can simply be written to: an object of the project, a former field, PostHog's own."""


def good(harness: Harness, name: str) -> Any:
    """A value that PostHog takes, and that the project does not have."""
    if SETTINGS[name].schema["type"] == "boolean":
        return not harness.fields().get(name)
    return GOOD[name]


def without_time(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "updated_at"}


def test_the_table_agrees_with_the_sandbox_which_was_written_apart_from_it() -> None:
    assert set(SETTINGS) == set(BY_NAME) - {"access_control"}
    for name, setting in SETTINGS.items():
        rule = BY_NAME[name]
        assert setting.member == rule.member_safe, name
        if name != "autocapture_exceptions_errors_to_ignore":  # null is refused by its own check there
            assert setting.nullable == rule.nullable, name
        if setting.merge is not Merge.REPLACE:
            assert rule.merge == {Merge.SHALLOW: "keys", Merge.TWO_LEVELS: "two levels"}[setting.merge], name


def named_if_irreversible(name: str) -> dict[str, str]:
    return {"confirm_project_name": "Acme web"} if name == "conversations_enabled" else {}


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", sorted(set(SETTINGS) - NEEDS_MORE))
async def test_every_setting_can_be_set_read_back_and_undone(harness: Harness, era: Era, name: str) -> None:
    value, before = good(harness, name), deepcopy(harness.fields())
    arguments = {"project_id": PRODUCTION_ID, "settings": {name: value}, **named_if_irreversible(name)}
    async with harness.client(era) as client:
        preview = body_of(await client.call_tool("project_update", {**arguments, "dry_run": True}))
        assert harness.fields() == before
        body = body_of(await client.call_tool("project_update", arguments))
        stored = harness.fields()[name]
        assert body["outcome"] == "applied"
        assert list(body["changed"]) == [name]
        assert body["ignored"] == body["unchanged"] == []
        assert stored != before[name]
        if "adjusted" not in body and name != "tags":  # PostHog answers tags in an order of its own
            assert preview["changed"] == body["changed"]
            assert preview.get("warnings") == body.get("warnings")
        again = body_of(await client.call_tool("project_update", arguments))
        assert again["unchanged"] == [name] or "adjusted" in body
        read = body_of(await client.call_tool("project_get", {"project_id": PRODUCTION_ID, "fields": [name]}))
        if name not in {"conversations_settings", "logs_settings"}:  # which hold more than PostHog or we show
            assert read[name] == stored
        if name == "logs_settings":
            return  # PostHog takes one change a day
        if "revert" in body and "not_revertible" not in body:
            body_of(await client.call_tool("project_update", {"project_id": PRODUCTION_ID, **body["revert"]}))
            assert without_time(harness.fields()) == without_time(before)
        else:
            assert name in {
                "conversations_enabled",
                "logs_settings",
                "conversations_settings",
                "modifiers",
                "survey_config",
            }, body


@pytest.mark.anyio
@pytest.mark.parametrize("name", sorted(name for name, setting in SETTINGS.items() if setting.nullable))
async def test_every_setting_that_can_be_cleared_is_cleared(harness: Harness, name: str) -> None:
    arguments = {"project_id": PRODUCTION_ID, "clear": [name], **named_if_irreversible(name)}
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_update", arguments))
    assert harness.recorder.writes[0].body == {name: None}
    assert [*body["changed"], *body["ignored"], *body["unchanged"]] == [name]


@pytest.mark.anyio
@pytest.mark.parametrize("name", sorted(name for name, setting in SETTINGS.items() if not setting.nullable))
async def test_what_cannot_be_null_is_not_cleared(harness: Harness, name: str) -> None:
    async with harness.client() as client:
        text, _ = refusal_of(await client.call_tool("project_update", {"project_id": PRODUCTION_ID, "clear": [name]}))
    assert "cannot be cleared" in text
    assert harness.sent == []


_NAMES = st.sampled_from(
    sorted(set(GOOD) - NEEDS_MORE | {n for n, s in SETTINGS.items() if s.schema["type"] == "boolean"})
)


@dataclass(frozen=True)
class Update:
    """One random update, and the version of PostHog that it meets."""

    project: int
    sent: dict[str, Any]
    cleared: frozenset[str]
    ignored: frozenset[str]
    renamed: dict[str, Any]
    surveys: dict[str, Any] | None
    """What the project has in `survey_config`, which is merged, before the update."""


_CONFIGS = st.dictionaries(st.sampled_from(["appearance", "color", "font"]), st.integers(0, 1), max_size=3)


@st.composite
def updates(draw: st.DrawFn) -> Update:
    names = draw(st.lists(_NAMES, min_size=1, max_size=6, unique=True))
    cleared = frozenset(name for name in names if SETTINGS[name].nullable and draw(st.booleans()))
    return Update(
        project=draw(st.sampled_from([PRODUCTION_ID, MOBILE_ID])),
        sent={name: draw(_value(name)) for name in names if name not in cleared},
        cleared=cleared,
        ignored=frozenset(name for name in names if draw(st.integers(0, 5)) == 0),
        renamed={"timezone": "Africa/Abidjan"} if draw(st.booleans()) else {},
        surveys=draw(st.none() | _CONFIGS),
    )


@settings(max_examples=200)
@given(update=updates())
def test_a_receipt_is_a_partition_claims_only_what_happened_and_undoes_it(update: Update) -> None:
    anyio.run(_one_update, update)


async def _one_update(update: Update) -> None:
    harness, project = Harness(), update.project
    behaviour = harness.world.behaviour
    harness.world.behaviour = replace(behaviour, ignored_fields=update.ignored, renamed_values=update.renamed)
    harness.fields(project)["survey_config"] = update.surveys
    before = deepcopy(harness.fields(project))
    arguments = {"project_id": project, "settings": update.sent, "clear": sorted(update.cleared)}
    async with harness.client() as client:
        result = await client.call_tool("project_update", arguments)
        after = harness.fields(project)
        if result.is_error:
            assert without_time(after) == without_time(before), text_of(result)
            return
        body = body_of(result)
        parts = [*body["changed"], *body["ignored"], *body["unchanged"]]
        assert sorted(parts) == sorted({*update.sent, *update.cleared}), "each field is in exactly one part"
        for name in parts:
            normal = SETTINGS[name].normal
            assert (name in body["changed"]) == (normal(after[name]) != normal(before[name]))
        assert not set(body["changed"]) & update.ignored
        if "revert" in body and "not_revertible" not in body and "logs_settings" not in body["changed"]:
            harness.world.behaviour = behaviour
            body_of(await client.call_tool("project_update", {"project_id": project, **body["revert"]}))
            left = {name for name in before if harness.fields(project)[name] != before[name]} - {"updated_at"}
            assert left == set()


def _value(name: str) -> st.SearchStrategy[Any]:
    if name == "survey_config":
        return _CONFIGS
    if SETTINGS[name].schema["type"] == "boolean":
        return st.booleans()
    if SETTINGS[name].schema.get("enum"):
        return st.sampled_from(list(SETTINGS[name].schema["enum"]))
    return st.just(GOOD[name])


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_a_receipt_follows_the_evidence_where_posthog_rewrites(harness: Harness, era: Era) -> None:
    harness.world.behaviour = replace(
        harness.world.behaviour, ignored_fields=frozenset({"surveys_opt_in"}), renamed_values={"timezone": "Asia/Seoul"}
    )
    sent = {"timezone": "Asia/Tokyo", "surveys_opt_in": not harness.fields()["surveys_opt_in"], "name": " Acme shop "}
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_update", {"project_id": PRODUCTION_ID, "settings": sent}))
    assert body["outcome"] == "applied"
    assert body["changed"]["timezone"]["after"] == "Asia/Seoul"
    assert body["adjusted"] == ["timezone"]
    assert body["ignored"] == ["surveys_opt_in"]
    assert body["changed"]["name"] == {"before": "Acme web", "after": "Acme shop"}
    assert body["normalised"] == ["name"], "it took, in PostHog's spelling"


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_two_writers_lose_no_update_without_being_told(harness: Harness, era: Era) -> None:
    inner = harness.recorder._application  # noqa: SLF001 - to stand before it
    believed: dict[str, str] = {}
    lost: list[str] = []

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await anyio.sleep(0.01)
        if scope["method"] == "PATCH":
            message = await receive()
            mine = json.loads(message["body"])["timezone"]
            if harness.fields()["timezone"] != believed[mine]:
                lost.append(f"{mine} overwrites {harness.fields()['timezone']}, and believed {believed[mine]}")
            pending = [message]
            await inner(scope, lambda: _next(pending, receive), send)
        else:
            await inner(scope, receive, send)

    server = Harness(world=harness.world, application=slow).server()
    kinds: list[str] = []

    async def writer(mine: str) -> None:
        async with Client(server, mode=era, cache=None) as client:
            for _ in range(6):
                now = believed[mine] = harness.fields()["timezone"]
                arguments = {"project_id": PRODUCTION_ID, "settings": {"timezone": mine}, "expected": {"timezone": now}}
                result = await client.call_tool("project_update", arguments)
                kinds.append(refusal_of(result)[1]["kind"] if result.is_error else body_of(result)["outcome"])

    async with anyio.create_task_group() as group:
        group.start_soon(writer, "Asia/Tokyo")
        group.start_soon(writer, "Asia/Seoul")
    assert lost == []
    assert len(kinds) == 12
    assert set(kinds) <= {"applied", "unchanged", "expected_otherwise"}
    assert "expected_otherwise" in kinds, "they did race"


async def _next(pending: list[Any], receive: Any) -> Any:
    return pending.pop() if pending else await receive()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"recording_domains": ["https://www.acme.example"]}, "Recordings stop on “https://checkout.acme.example”."),
        ({"recording_domains": []}, "recordings start on every origin"),
        ({"timezone": "UTC"}, "day boundaries of every chart"),
        ({"week_start_day": 0}, "day boundaries of every chart"),
        ({"app_urls": []}, "app_urls is replaced whole and loses"),
        ({"session_recording_opt_in": False}, "Recordings stop on every site"),
        ({"session_recording_masking_config": {"maskAllInputs": False}}, "Privacy is lowered: what people type"),
        ({"session_recording_network_payload_capture_config": {"recordBody": True}}, "Privacy is lowered: bodies"),
    ],
)
async def test_a_preview_warns_of_what_a_change_reaches(
    harness: Harness, change: dict[str, Any], expected: str
) -> None:
    arguments = {"project_id": PRODUCTION_ID, "settings": change, "dry_run": True}
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_update", arguments))
    assert expected in " ".join(body["warnings"])
    assert harness.recorder.writes == []


def test_privacy_that_is_raised_is_no_warning() -> None:
    assert warnings({"anonymize_ips": {"before": False, "after": True}}) == []
    assert "IP addresses" in warnings({"anonymize_ips": {"before": True, "after": False}})[0]


def test_long_values_are_shown_as_a_difference() -> None:
    before = [f"https://{number}.example" for number in range(60)]
    assert difference(before, [*before[1:], "https://new.example"]) == {
        "before": {"items": 60},
        "after": {"items": 60},
        "added": ["https://new.example"],
        "removed": ["https://0.example"],
    }
    large = {f"key{number}": "x" * 20 for number in range(40)}
    assert difference(large, {**large, "key1": "y"}) == {
        "before": {"key1": "x" * 20},
        "after": {"key1": "y"},
        "same_keys_left_out": 39,
    }
    assert difference([1], [2]) == {"before": [1], "after": [2]}


@pytest.mark.anyio
async def test_what_did_not_take_at_creation_is_offered_as_a_complete_call(harness: Harness) -> None:
    sent = {"workflows_config": {"email_tracking_consent_mode": "opt_in"}, "timezone": "Asia/Tokyo"}
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_create", {"name": "New", "settings": sent}))
        assert body["ignored"] == ["workflows_config"]
        assert sorted([*body["changed"], *body["ignored"]]) == ["name", "timezone", "workflows_config"]
        (following,) = body["next"]
        assert json.loads(json.dumps(following["arguments"])) == following["arguments"]
        body = body_of(await client.call_tool(following["tool"], following["arguments"]))
    assert "workflows_config" in body["changed"]
