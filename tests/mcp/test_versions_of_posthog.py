"""Previews and receipts say what this version of PostHog does: not the newest one, and no other."""

import json
from copy import deepcopy
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.api.settings_diff import expected_after
from projects_mcp.api.settings_model import Merge
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sandbox import PRODUCTION_ID, Behaviour, seed
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of
from tests.support.settings_posthog import Fields, SettingsPostHog, merged

HOOK, OTHER_HOOK = (f"https://hooks.slack.com/services/T0/B0/planted{number}" for number in (1, 2))
COHORT: Fields = {"key": "id", "type": "cohort", "value": 7, "operator": "not_in"}
ANSWERED: Fields = {**COHORT, "cohort_name": "Internal users", "label": None}
EMAIL: Fields = {"key": "email", "type": "person", "value": "@a.example", "operator": "not_icontains"}
FILLED = {"app_urls", "recording_domains", "live_events_columns", "person_display_name_properties"}


async def update(posthog: SettingsPostHog, era: Era = "auto", /, **arguments: Any) -> Fields:
    async with Harness(application=posthog).client(era) as client:
        return body_of(await client.call_tool("project_update", {"project_id": PRODUCTION_ID, **arguments}))


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_settings_that_this_posthog_does_not_have_are_named_and_are_no_change(era: Era) -> None:
    posthog = SettingsPostHog({"timezone": "UTC"})
    sent = {"settings": {"timezone": "Asia/Tokyo", "tags": ["a"]}, "clear": ["business_model"]}
    preview = await update(posthog, era, **sent, dry_run=True)
    assert list(preview["changed"]) == ["timezone"]
    assert preview["ignored"] == preview["unknown_to_this_posthog"] == ["tags", "business_model"]
    assert preview["next"][0]["arguments"]["settings"] == {"timezone": "Asia/Tokyo"}
    assert "clear" not in preview["next"][0]["arguments"]
    body = await update(posthog, era, **sent)
    assert (body["outcome"], list(body["changed"])) == ("applied", ["timezone"])
    assert body["ignored"] == body["unknown_to_this_posthog"] == ["tags", "business_model"]
    body = await update(posthog, era, settings={"tags": ["a"]})
    assert (body["outcome"], body["unknown_to_this_posthog"]) == ("not_applied", ["tags"])
    preview = await update(posthog, era, settings={"tags": ["a"]}, dry_run=True)
    assert (preview["changed"], "next" in preview) == ({}, False)


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_what_is_replaced_where_newer_versions_merge_is_told_and_comes_back(era: Era) -> None:
    former = {"inCohortVia": "auto", "personsOnEventsMode": "disabled"}
    posthog = SettingsPostHog({"modifiers": dict(former), "session_replay_config": {"ai_config": {"opt_in": True}}})
    sent = {"settings": {"modifiers": {"inCohortVia": "subquery"}}}
    preview = await update(posthog, era, **sent, dry_run=True)
    assert "modifiers may be replaced whole" in preview["warnings"][0]
    assert "personsOnEventsMode" in preview["warnings"][0]
    body = await update(posthog, era, **sent)
    assert body["changed"]["modifiers"]["after"] == {"inCohortVia": "subquery"}
    assert "modifiers was replaced whole" in body["warnings"][0]
    assert "personsOnEventsMode" in body["warnings"][0]
    assert body["revert"] == {"settings": {"modifiers": former}, "clear": []}
    await update(posthog, era, **body["revert"])
    assert posthog.settings["modifiers"] == former
    inner = {"session_replay_config": {"ai_config": {"preferred_events": ["a"]}}}
    body = await update(posthog, era, settings=inner)
    assert "ai_config.opt_in" in " ".join(body["warnings"])
    await update(posthog, era, **body["revert"])
    assert posthog.settings["session_replay_config"] == {"ai_config": {"opt_in": True}}


@pytest.mark.anyio
async def test_a_version_that_merges_is_not_called_an_older_one(harness: Harness) -> None:
    harness.fields()["modifiers"] = {"debug": True}
    sent = {"project_id": PRODUCTION_ID, "settings": {"modifiers": {"timings": True}}}
    async with harness.client() as client:
        preview = body_of(await client.call_tool("project_update", {**sent, "dry_run": True}))
        body = body_of(await client.call_tool("project_update", sent))
    assert preview["changed"] == body["changed"]
    assert {"warnings", "adjusted"}.isdisjoint(preview.keys() | body.keys())


_NAMES = [name for name, setting in SETTINGS.items() if setting.merge in {Merge.SHALLOW, Merge.SOURCES}]
_KEYS = st.sampled_from(["a", "b", "c", "github_repos", "slack_bot_token"])
_LEAVES = st.none() | st.integers(0, 2) | st.booleans()
_SOURCES = st.dictionaries(st.sampled_from("xyz"), st.none() | st.fixed_dictionaries({"cost": st.integers(0, 2)}))
_STORED_SOURCES = _SOURCES.map(lambda sources: {key: item for key, item in sources.items() if item is not None})


def configs(sources: st.SearchStrategy[Fields]) -> st.SearchStrategy[Fields]:
    flat = st.dictionaries(_KEYS, _LEAVES, max_size=4)
    return flat | st.builds(lambda config, inner: {**config, "sources_map": inner}, flat, sources)


@given(name=st.sampled_from(_NAMES), stored=configs(_STORED_SOURCES), sent=configs(_SOURCES))
def test_a_preview_of_a_merge_is_what_the_rule_gives(name: str, stored: Fields, sent: Fields) -> None:
    """The rule is written here again, key by key, from PostHog's."""
    setting = SETTINGS[name]
    wished: Fields = {}
    for key in {**stored, **sent}:
        given_here = key in sent and key not in setting.managed
        value: Any = sent[key] if given_here else stored.get(key)
        if key == "sources_map" and given_here and setting.merge is Merge.SOURCES:
            value = {source: item for source, item in stored.get(key, {}).items() if source not in sent[key]}
            value |= {source: item for source, item in sent[key].items() if item is not None}
        if given_here or key in stored:
            wished[key] = value
    before = {name: deepcopy(stored), "timezone": "UTC"}
    assert expected_after({name: sent}, before) == {name: wished, "timezone": "UTC"}
    assert before == {name: stored, "timezone": "UTC"}, "what was read stays as it is"


@given(name=st.sampled_from(_NAMES), stored=configs(_STORED_SOURCES), sent=configs(_SOURCES), merges=st.booleans())
def test_a_receipt_of_a_merge_or_a_replacement_leads_back_or_says_so(
    name: str, stored: Fields, sent: Fields, merges: bool
) -> None:
    posthog = SettingsPostHog({name: deepcopy(stored)}, write=merged if merges else lambda _name, _stored, new: new)

    async def there_and_back() -> None:
        body = await update(posthog, settings={name: sent})
        after = deepcopy(posthog.settings[name])
        if merges and not SETTINGS[name].managed:
            assert "adjusted" not in body
        gone = [key for key in stored if key not in after]
        if name in body["changed"] and gone:
            assert all(key in " ".join(body["warnings"]) for key in gone)
        if "revert" in body and not body.get("not_revertible"):
            await update(posthog, **body["revert"])
            assert posthog.settings[name] == stored
        if merges and name == "marketing_analytics_config" and stored.keys() >= sent.keys():
            assert "not_revertible" not in body, "null takes away the sources that are new"

    anyio.run(there_and_back)


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_clearing_keeps_what_posthog_manages_and_the_preview_says_so(harness: Harness, era: Era) -> None:
    managed = {"slack_enabled": True, "github_enabled": False}
    harness.fields()["conversations_settings"] = {**managed, "color": "red"}
    arguments = {"project_id": PRODUCTION_ID, "clear": ["conversations_settings"]}
    async with harness.client(era) as client:
        preview = body_of(await client.call_tool("project_update", {**arguments, "dry_run": True}))
        body = body_of(await client.call_tool("project_update", arguments))
    assert preview["changed"]["conversations_settings"]["after"] == managed
    assert body["changed"] == preview["changed"]
    assert harness.fields()["conversations_settings"] == managed
    assert "adjusted" not in body


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_what_posthog_adds_to_filters_is_no_difference(era: Era) -> None:
    def named(project: Fields) -> Fields:
        filters = [
            {**one, "cohort_name": "Internal users", "label": None} if one["type"] == "cohort" else one
            for one in project["test_account_filters"]
        ]
        return {**project, "test_account_filters": filters}

    posthog = SettingsPostHog({"test_account_filters": [COHORT], "timezone": "UTC"}, answer=named)
    body = await update(posthog, era, settings={"test_account_filters": [COHORT]})
    assert (body["outcome"], body["unchanged"]) == ("unchanged", ["test_account_filters"])
    wanted = {"test_account_filters": [COHORT, EMAIL]}
    body = await update(posthog, era, settings=wanted, expected={"test_account_filters": [COHORT]})
    assert body["changed"] == {"test_account_filters": {"before": [COHORT], "after": [COHORT, EMAIL]}}
    assert {"adjusted", "normalised", "not_revertible"}.isdisjoint(body)
    assert "loses" not in json.dumps(body["warnings"])
    await update(posthog, era, **body["revert"], expected={"test_account_filters": [ANSWERED, EMAIL]})
    assert posthog.settings["test_account_filters"] == [COHORT]
    posthog.write = lambda name, stored, sent: stored if name == "test_account_filters" else sent
    posthog.answer = lambda project: {**named(project), "timezone": "Asia/Tokyo"}
    body = await update(posthog, era, settings={"test_account_filters": [EMAIL]})
    assert body["ignored"] == ["test_account_filters"]


_ITEMS = st.sampled_from([COHORT, EMAIL, {**COHORT, "value": 8}, {**EMAIL, "value": None}, None, "text", 7])
_ADDED = st.sampled_from([{}, {"cohort_name": "A"}, {"cohort_name": "B", "label": None}, {"group_type_index": None}])


@given(filters=st.lists(st.tuples(_ITEMS, _ADDED, _ADDED), max_size=5), more=st.lists(_ITEMS, max_size=2))
def test_the_comparison_of_filters_is_symmetric_and_ignores_what_posthog_adds_alone(
    filters: list[tuple[Any, Fields, Fields]], more: list[Any]
) -> None:
    same = SETTINGS["test_account_filters"].same
    first, second = (
        [{**one[0], **one[side]} if isinstance(one[0], dict) else one[0] for one in filters] for side in (1, 2)
    )
    assert same(first, second)
    assert same(second, first)
    for left, right in ((first, [*second, *more]), ([*first, *more], second)):
        assert same(left, right) is same(right, left) is (not more)
    for at, item in enumerate(first):
        if isinstance(item, dict):
            changed = [*first[:at], {**item, "operator": "another"}, *first[at + 1 :]]
            assert not same(first, changed)


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "name", ["app_urls", "recording_domains", "live_events_columns", "person_display_name_properties"]
)
@pytest.mark.parametrize("empty", ["", " \t", None])
async def test_a_text_that_posthog_calls_blank_is_refused_with_its_place(
    harness: Harness, era: Era, name: str, empty: Any
) -> None:
    arguments = {"project_id": PRODUCTION_ID, "settings": {name: ["https://a.example", empty]}}
    async with harness.client(era) as client:
        text, detail = refusal_of(await client.call_tool("project_update", arguments))
        assert detail["kind"] == "invalid_argument"
        assert f"`settings.{name}[1]` must " in text
        text, _ = refusal_of(await client.call_tool("project_create", {"name": "  "}))
        assert "`name` must not be empty" in text
    assert harness.sent == []


@pytest.mark.anyio
async def test_null_items_that_older_versions_stored_make_no_difference_and_the_way_back_can_be_taken() -> None:
    posthog = SettingsPostHog({"app_urls": [None, "https://a.example"]})
    body = await update(posthog, settings={"app_urls": ["https://a.example"]})
    assert body["outcome"] == "unchanged"
    posthog.settings["app_urls"] = [None, "https://a.example"]
    body = await update(posthog, settings={"app_urls": ["https://b.example"]})
    assert body["revert"]["settings"] == {"app_urls": ["https://a.example"]}
    assert "not_revertible" not in body


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize(
    ("former", "change", "word", "shown"),
    [
        (None, {"settings": {"slack_incoming_webhook": HOOK}}, "set", ("absent", "present")),
        (HOOK, {"settings": {"slack_incoming_webhook": OTHER_HOOK}}, "replaced", ("present", "present")),
        (HOOK, {"clear": ["slack_incoming_webhook"]}, "removed", ("present", "absent")),
    ],
)
async def test_a_webhook_is_shown_as_what_became_of_it_and_never_itself(
    era: Era, dry_run: bool, former: str | None, change: Fields, word: str, shown: tuple[str, str]
) -> None:
    posthog = SettingsPostHog({"slack_incoming_webhook": former})
    body = await update(posthog, era, **change, dry_run=dry_run)
    assert f"slack_incoming_webhook is {word}." in body["warnings"]
    assert tuple(body["changed"]["slack_incoming_webhook"].values()) == shown
    assert "planted" not in json.dumps(body)
    same = await update(
        SettingsPostHog({"slack_incoming_webhook": HOOK}), era, settings={"slack_incoming_webhook": HOOK}
    )
    assert (same["outcome"], same["changed"]) == ("unchanged", {})


@pytest.mark.anyio
@pytest.mark.parametrize(("asked", "answered"), [(7, 0), (7, -7), (1, True), (7, 7.0), (7, "7"), (7, 2**70), (7, None)])
async def test_a_project_without_a_possible_id_is_neither_shown_nor_changed(asked: int, answered: Any) -> None:
    posthog = SettingsPostHog({"timezone": "UTC"}, answer=lambda project: {**project, "id": answered}, number=asked)
    async with Harness(application=posthog).client() as client:
        get = {"project_id": asked}
        assert refusal_of(await client.call_tool("project_get", get))[1]["kind"] == "bad_answer"
        change = {**get, "settings": {"timezone": "Asia/Tokyo"}}
        assert refusal_of(await client.call_tool("project_update", change))[1]["kind"] == "not_identified"
    assert posthog.sent == []


@pytest.mark.anyio
async def test_the_period_of_recordings_claims_nothing_that_is_lost(harness: Harness) -> None:
    harness.fields()["session_recording_retention_period"] = "90d"
    settings = {"session_recording_retention_period": "30d"}
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_update", {"project_id": PRODUCTION_ID, "settings": settings}))
    assert "existing ones keep the period that they had" in body["warnings"][0]
    assert body["revert"]["settings"] == {"session_recording_retention_period": "90d"}


@pytest.mark.anyio
async def test_a_creation_suggests_no_setting_that_this_posthog_does_not_have() -> None:
    harness = Harness(world=seed(behaviour=Behaviour(absent_fields=frozenset({"proactive_tasks_enabled"}))))
    settings = {"proactive_tasks_enabled": True, "test_account_filters": []}
    async with harness.client() as client:
        body = body_of(await client.call_tool("project_create", {"name": "New", "settings": settings}))
    assert body["unknown_to_this_posthog"] == ["proactive_tasks_enabled"]
    assert [call["arguments"]["settings"] for call in body["next"]] == [{"test_account_filters": []}]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"timezone": "Mars/X"}, "timezone"),
        ({"base_currency": "XXX", "anonymize_ips": False}, "base_currency"),
        ({}, ""),
    ],
)
async def test_a_preview_promises_no_value_that_posthog_alone_can_judge(settings: Fields, named: str) -> None:
    async with Harness().client() as client:
        arguments = {"project_id": PRODUCTION_ID, "settings": {**settings, "surveys_opt_in": False}, "dry_run": True}
        body = body_of(await client.call_tool("project_update", arguments))
    assert body.get("unchecked", "").partition(" for ")[2].partition(",")[0] == named
