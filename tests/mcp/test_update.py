"""Writes that tell the truth: for every setting, for random ones, and for a PostHog that ignores or rewrites some."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import anyio
import pytest
from mcp import Client

from projects_mcp.api.settings_impact import describe_impact, difference
from projects_mcp.api.settings_model import Merge, Role
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sandbox import PRODUCTION_ID
from projects_mcp.sandbox.validation.rules import BY_NAME
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of
from tests.support.settings_values import GOOD, NEEDS_MORE, without_time


def good(harness: Harness, name: str) -> Any:
    """A value that PostHog takes, and that the project does not have."""
    if SETTINGS[name].schema["type"] == "boolean":
        return not harness.fields().get(name)
    return GOOD[name]


def test_the_table_agrees_with_the_sandbox_which_was_written_apart_from_it() -> None:
    assert set(SETTINGS) == set(BY_NAME) - {"access_control"}
    for name, setting in SETTINGS.items():
        rule = BY_NAME[name]
        if name != "tags":  # only newer versions let members change them
            assert (setting.who is Role.MEMBER) == rule.member_safe, name
        if name != "autocapture_exceptions_errors_to_ignore":  # null is refused by its own check there
            assert setting.nullable == rule.nullable, name
        if setting.merge is not Merge.REPLACE:
            merges = {
                Merge.SHALLOW: {"keys", "partial"},
                Merge.TWO_LEVELS: {"two levels"},
                Merge.SOURCES: {"partial"},
            }
            assert rule.merge in merges[setting.merge], name


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
    assert describe_impact({"anonymize_ips": {"before": False, "after": True}}) == []
    assert "IP addresses" in describe_impact({"anonymize_ips": {"before": True, "after": False}})[0]


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
