"""The activity log: by session, by key, what is looked for, and how each change is taken back."""

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp import sandbox
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sandbox import ACME_ID, ALL_ACCESS_KEY, MEMBER_ID, MEMBER_KEY, PRODUCTION_ID, READ_WRITE_KEY
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.world.activity_log import describe_change, record
from tests.contract.operations import CURRENT, WEB
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of
from tests.support.settings_values import GOOD, NEEDS_MORE

pytestmark = pytest.mark.anyio

BY_KEY = {"POSTHOG_PERSONAL_API_KEY": ALL_ACCESS_KEY, "POSTHOG_SESSION_ID": "", "POSTHOG_CSRF_TOKEN": ""}
LOG = f"GET /api/projects/{PRODUCTION_ID}/activity_log/"


async def by_others(harness: Harness, key: str = READ_WRITE_KEY, **body: Any) -> int:
    """Let somebody else change the project, past this server."""
    transport = httpx.ASGITransport(app=create_app(harness.world))
    async with httpx.AsyncClient(transport=transport, base_url="https://posthog.test") as http:
        path = f"/api/organizations/{ACME_ID}/projects/{PRODUCTION_ID}/"
        answer = await http.patch(path, json=body, headers={"authorization": f"Bearer {key}"})
        return answer.status_code


@pytest.mark.parametrize("era", ERAS)
async def test_a_key_with_the_scope_reads_the_log_and_sees_new_names(harness: Harness, era: Era) -> None:
    await by_others(harness, name="Renamed", timezone="UTC")
    async with harness.client(era, None, **BY_KEY) as client:
        body = body_of(await client.call_tool("project_activity", WEB))
    assert harness.sent == [f"GET {CURRENT}{PRODUCTION_ID}/", LOG]
    query = harness.recorder.requests[1].query
    assert query == {"page": "1", "page_size": "10", "scopes": "Team,Project", "item_id": str(PRODUCTION_ID)}
    assert all("cookie" not in sent.headers for sent in harness.recorder.requests)
    renamed, moved = body["activity"][:2]
    where = {"project_id": PRODUCTION_ID, "organization_id": ACME_ID}
    assert renamed["revert"] == {**where, "settings": {"name": "Acme web"}, "expected": {"name": "Renamed"}}
    assert moved["revert"] == {**where, "settings": {"timezone": "Europe/Berlin"}, "expected": {"timezone": "UTC"}}
    async with harness.client(era) as client:
        assert "leaves out new names" in body_of(await client.call_tool("project_activity", WEB))["note"]
        body_of(await client.call_tool("project_update", renamed["revert"]))
    assert harness.fields()["name"] == "Acme web"


@pytest.mark.parametrize("era", ERAS)
async def test_a_key_without_the_scope_and_without_a_session_is_told_of_both(harness: Harness, era: Era) -> None:
    async with harness.client(era, None, **{**BY_KEY, "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY}) as client:
        assert "project_activity" not in {tool.name for tool in (await client.list_tools()).tools}
        text, detail = refusal_of(await client.call_tool("project_activity", WEB))
    assert (detail["kind"], harness.sent) == ("missing_scope", [])
    assert "activity_log:read" in text
    assert "POSTHOG_SESSION_ID" in text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("way", [{}, BY_KEY], ids=["session", "key"])
async def test_entries_are_found_by_field_person_and_time(harness: Harness, era: Era, way: dict[str, str]) -> None:
    for zone in ("UTC", "Asia/Tokyo"):
        await by_others(harness, timezone=zone)
    await by_others(harness, MEMBER_KEY, session_recording_opt_in=False)
    member = harness.world.users[MEMBER_ID]
    async with harness.client(era, None, **way) as client:

        async def entries(**what: Any) -> dict[str, Any]:
            return body_of(await client.call_tool("project_activity", {**WEB, **what}))

        assert [line["by"] for line in (await entries(by=member.email.upper()))["activity"]][:1] == [
            f"{member.first_name} <{member.email}>"
        ]
        zones = await entries(field="timezone", limit=1)
        assert (len(zones["activity"]), zones["next_page"]) == (1, 2)
        assert zones["activity"][0]["changes"][0]["after"] == "Asia/Tokyo"
        assert (await entries(field="timezone", limit=1, page=2))["activity"][0]["changes"][0]["after"] == "UTC"
        assert (await entries(field="timezone", by="nobody"))["activity"] == []
        recent = harness.world.projects[PRODUCTION_ID].activity[-1].created_at.isoformat()
        newest = await entries(since=recent)
        assert (newest["total"], newest["activity"][0]["changes"][0]["field"]) == (1, "session_recording_opt_in")
        text, detail = refusal_of(await client.call_tool("project_activity", {**WEB, "since": "lately"}))
        assert (detail["kind"], "2026-05-04" in text) == ("invalid_argument", True)
        text, _ = refusal_of(await client.call_tool("project_activity", {**WEB, "field": "timezon"}))
        assert "`timezone`" in text


@pytest.mark.parametrize("era", ERAS)
async def test_what_cannot_be_taken_back_says_why(harness: Harness, era: Era) -> None:
    world, project = harness.world, harness.world.projects[PRODUCTION_ID]
    changes = [
        describe_change("secret_api_token", "phs_...abcd", "phs_...efgh"),
        describe_change("api_token", project.fields["api_token"], "phc_new"),
        describe_change("conversations_settings", {"slack_bot_token": "xoxb-1-secret"}, {"slack_bot_token": None}),
        describe_change("timezone", "masked", "masked"),
        describe_change("app_urls", ["https://a\u200b.example"], []),
        describe_change("week_start_day", 0, 1),
        {"type": "Team", "action": "changed", "field": "tags"},
    ]
    record(world, project, MEMBER_ID, "updated", changes=changes)
    async with harness.client(era) as client:
        result = await client.call_tool("project_activity", {**WEB, "limit": 1})
        (line,) = body_of(result)["activity"]
    assert "xoxb" not in result.model_dump_json()
    assert line["revert"]["settings"] == {"week_start_day": 0}
    assert line["revert"]["expected"] == {"week_start_day": 1}
    lost = line["not_revertible"]
    assert lost.keys() == {
        "secret_api_token",
        "api_token",
        "conversations_settings",
        "timezone",
        "app_urls",
        "tags",
    }
    assert lost["api_token"] == "project_reset_token makes a new token"
    for name in ("conversations_settings", "timezone", "app_urls"):
        assert lost[name] == "its value is not shown"


@pytest.mark.parametrize("era", ERAS)
async def test_a_caller_of_one_organization_gets_no_log_of_another(harness: Harness, era: Era) -> None:
    key = harness.world.api_keys[sandbox.ONE_ORGANIZATION_KEY]
    key.scopes = ("project:read", "activity_log:read")
    async with harness.client(era, None, **{**BY_KEY, "POSTHOG_PERSONAL_API_KEY": key.value}) as client:
        body_of(await client.call_tool("project_activity", WEB))
        refusal_of(await client.call_tool("project_activity", {"project_id": sandbox.NORTHWIND_PROJECT_ID}))
    assert [line for line in harness.sent if "activity_log" in line] == [LOG]


_NAMES = sorted(set(GOOD) - NEEDS_MORE | {n for n, s in SETTINGS.items() if s.schema["type"] == "boolean"})


@dataclass(frozen=True)
class History:
    """What others change, in order, and which of the entries is taken back."""

    changes: list[dict[str, Any]]
    choice: int
    by_key: bool


@st.composite
def histories(draw: st.DrawFn) -> History:
    # Few names, so that some are changed more than once.
    names = draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=3, unique=True))
    changes: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 5))):
        some = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
        changes.append({name: draw(_value(name)) for name in some})
    return History(changes, draw(st.integers(0, 4)), draw(st.booleans()))


def _value(name: str) -> st.SearchStrategy[Any]:
    setting = SETTINGS[name]
    if name == "name":
        return st.sampled_from(["Acme web", "Acme shop", "Acme 3"])
    if setting.schema["type"] == "boolean":
        values: st.SearchStrategy[Any] = st.booleans()
    elif setting.schema.get("enum"):
        values = st.sampled_from(list(setting.schema["enum"]))
    else:
        values = st.just(GOOD[name])
    return values | st.none() if setting.nullable else values


@settings(max_examples=120)
@given(history=histories())
def test_a_change_of_others_is_taken_back_exactly_or_refused_with_what_is_there(history: History) -> None:
    anyio.run(_one_history, history)


async def _one_history(history: History) -> None:
    harness = Harness()
    for change in history.changes:
        await by_others(harness, **change)
    async with harness.client("auto", None, **(BY_KEY if history.by_key else {})) as client:
        log = body_of(await client.call_tool("project_activity", {**WEB, "limit": 100}))["activity"]
        lines = [line for line in log if "revert" in line]
        if not lines:
            return
        line = lines[history.choice % len(lines)]
        revert, before = line["revert"], deepcopy(harness.fields())
        told = {_setting(one["field"]): one for one in line["changes"]}
        touched = {
            name: before[name]
            for name, value in revert["expected"].items()
            if not SETTINGS[name].same(before[name], value)
        }
        result = await client.call_tool("project_update", revert)
        after = harness.fields()
        if touched:
            text, detail = refusal_of(result)
            assert detail["kind"] == "expected_otherwise"
            assert all(name in text for name in touched)
            assert all(json.dumps(value, ensure_ascii=False)[:40].strip('"') in text for value in touched.values())
            assert after == before
            return
        assert body_of(result)["outcome"] == "applied"
        for name in revert["expected"]:
            assert SETTINGS[name].same(after[name], told[name]["before"]), name
        others = {name for name in after if after[name] != before[name]} - set(revert["expected"]) - {"updated_at"}
        assert others <= _FOLLOWING
        assert set(told) == {*revert["expected"], *line.get("not_revertible", ())}


_FOLLOWING = {"conversations_settings"}
"""What PostHog changes by itself when another setting changes: it makes and takes the token of the widget."""


def _setting(name: str) -> str:
    return "primary_dashboard" if name == "primary_dashboard_id" else name
