"""Which settings join what is stored, and which replace it."""

from typing import Any

import pytest

from tests.support.sandbox import MOBILE, Sandbox

pytestmark = pytest.mark.anyio

MERGES: list[tuple[str, Any, Any, Any]] = [
    ("survey_config", {"a": {"x": 1}, "b": 2}, {"a": {"y": 1}}, {"a": {"y": 1}, "b": 2}),
    ("modifiers", {"debug": True, "timings": True}, {"debug": False}, {"debug": False, "timings": True}),
    (
        "session_replay_config",
        {"record_canvas": True, "ai_config": {"opt_in": True, "preferred_events": ["a"]}},
        {"ai_config": {"preferred_events": ["b"]}},
        {"record_canvas": True, "ai_config": {"opt_in": True, "preferred_events": ["b"]}},
    ),
    ("conversations_settings", {"widget_color": "a", "x": 1}, {"x": 2}, {"widget_color": "a", "x": 2}),
    (
        "workflows_config",
        {},
        {"capture_workflows_engagement_events": True, "unknown": 1},
        {
            "capture_workflows_engagement_events": True,
            "email_tracking_consent_mode": "off",
            "workflow_task_rate_limit_per_day": None,
            "workflow_task_team_rate_limit_per_day": None,
        },
    ),
]


@pytest.mark.parametrize(("field", "first", "second", "merged"), MERGES)
async def test_what_is_merged(sandbox: Sandbox, field: str, first: Any, second: Any, merged: Any) -> None:
    await sandbox.patch(f"{MOBILE}/", **{field: first})
    assert (await sandbox.patch(f"{MOBILE}/", **{field: second}))[field] == merged


@pytest.mark.parametrize("field", ["survey_config", "modifiers", "session_replay_config", "conversations_settings"])
async def test_null_clears_what_is_merged(sandbox: Sandbox, field: str) -> None:
    value = {"record_canvas": True} if field == "session_replay_config" else {"debug": True}
    await sandbox.patch(f"{MOBILE}/", **{field: value})
    assert (await sandbox.patch(f"{MOBILE}/", **{field: None}))[field] is None
    assert (await sandbox.patch(f"{MOBILE}/", **{field: value}))[field] == value


REPLACED: list[tuple[str, Any, Any]] = [
    ("app_urls", ["https://a.example", "https://b.example"], ["https://c.example"]),
    ("tags", ["a", "b"], ["c"]),
    ("session_recording_masking_config", {"maskAllInputs": True}, {"blockSelector": "x"}),
    ("extra_settings", {"a": 1}, {"b": 1}),
    ("logs_settings", {"a": 1}, {"b": 1}),
    ("has_completed_onboarding_for", {"a": True}, {"b": True}),
    ("correlation_config", {"a": True}, {"b": True}),
    ("path_cleaning_filters", [{"alias": "a", "regex": "a"}], [{"alias": "b", "regex": "b"}]),
]


@pytest.mark.parametrize(("field", "first", "second"), REPLACED)
async def test_what_is_replaced(sandbox: Sandbox, field: str, first: Any, second: Any) -> None:
    await sandbox.patch(f"{MOBILE}/", **{field: first})
    assert (await sandbox.patch(f"{MOBILE}/", **{field: second}))[field] == second
