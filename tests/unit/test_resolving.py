"""What a file wants of each project: an id wins over a group, a group over the defaults, and no more is touched."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.fleet.drifting import drift_of
from projects_mcp.fleet.resolving import GroupsDisagree, ProjectName, resolve
from projects_mcp.fleet.settings_file import EXPORTED, ExportedProject, write_settings
from projects_mcp.fleet.settings_tables import SettingsDocument
from projects_mcp.sandbox import ACME_ID
from tests.support.settings_files import document_of, wanted_of
from tests.support.settings_values import GOOD

PROJECTS = [ProjectName(1, "prod-a"), ProjectName(2, "prod-b"), ProjectName(3, "stage-a")]


def test_an_id_wins_over_a_group_and_a_group_over_the_defaults() -> None:
    document = wanted_of(
        defaults={"settings": {"anonymize_ips": True, "timezone": "UTC"}, "clear": ["week_start_day"]},
        group=[{"match": {"name": "prod-*"}, "settings": {"timezone": "Asia/Tokyo", "week_start_day": 1}}],
        project=[{"id": 2, "clear": ["business_model"], "settings": {"timezone": "Europe/Berlin"}}],
    )
    resolved = resolve(document, PROJECTS)
    assert resolved.wanted == {
        1: ({"anonymize_ips": True, "timezone": "Asia/Tokyo", "week_start_day": 1}, ()),
        2: ({"anonymize_ips": True, "timezone": "Europe/Berlin", "week_start_day": 1}, ("business_model",)),
        3: ({"anonymize_ips": True, "timezone": "UTC"}, ("week_start_day",)),
    }
    assert (resolved.absent, resolved.empty) == ([], [])


def test_what_meets_no_project_is_said() -> None:
    document = wanted_of(
        group=[{"match": {"name": "dev-*"}}, {"match": {"ids": [1, 77]}}], project=[{"id": 88}, {"id": 3}]
    )
    resolved = resolve(document, PROJECTS)
    assert resolved == ({}, [77, 88], ["[[group]] 1 (“dev-*”)"])


def test_groups_that_disagree_are_named_with_the_setting_and_the_project() -> None:
    document = wanted_of(
        group=[
            {"match": {"name": "prod-*"}, "settings": {"week_start_day": 1, "tags": ["A", "b"]}},
            {"match": {"ids": [2]}, "settings": {"tags": ["b", "a"]}, "clear": ["week_start_day"]},
        ]
    )
    with pytest.raises(GroupsDisagree) as caught:
        resolve(document, PROJECTS)
    assert str(caught.value) == (
        "[[group]] 1 (“prod-*”) and [[group]] 2 (ids 2) want different values of `week_start_day` for project 2; "
        "let its [[project]] say it"
    )
    own = {**document.model_dump(by_alias=True, exclude={"organization", "group", "host"})}
    settled = wanted_of(**{**own, "project": [{"id": 2, "settings": {"week_start_day": 0}}]})
    settled = settled.model_copy(update={"group": document.group})
    assert resolve(settled, PROJECTS).wanted[2].settings["week_start_day"] == 0


NAMES = ("anonymize_ips", "week_start_day", "timezone", "modifiers")
VALUES = {
    "anonymize_ips": st.booleans(),
    "week_start_day": st.sampled_from([0, 1]),
    "timezone": st.sampled_from(["UTC", "Asia/Tokyo"]),
    "modifiers": st.fixed_dictionaries({}, optional={"a": st.integers(0, 2), "b": st.integers(0, 2)}),
}
RULES = st.fixed_dictionaries({}, optional=VALUES).flatmap(
    lambda said: (
        st.sets(st.sampled_from(["week_start_day", "modifiers"]).filter(lambda name: name not in said)).map(
            lambda clear: {"settings": said, "clear": sorted(clear)}
        )
        if {"week_start_day", "modifiers"} - said.keys()
        else st.just({"settings": said, "clear": []})
    )
)


def said_of(rules: Mapping[str, Any], name: str) -> list[Any]:
    return [rules["settings"][name]] if name in rules["settings"] else [None] if name in rules["clear"] else []


@settings(max_examples=150)
@given(RULES, st.lists(st.tuples(st.sets(st.integers(1, 3), min_size=1), RULES), max_size=3), st.data())
def test_each_setting_comes_from_the_nearest_table(
    defaults: dict[str, Any], groups: list[tuple[set[int], dict[str, Any]]], data: st.DataObject
) -> None:
    own = {number: data.draw(RULES) for number in data.draw(st.sets(st.integers(1, 3)))}
    document = wanted_of(
        defaults=defaults,
        group=[{"match": {"ids": sorted(ids)}, **rules} for ids, rules in groups],
        project=[{"id": number, **rules} for number, rules in own.items()],
    )
    expected: dict[int, dict[str, Any]] = {}
    disagree = False
    for number in (1, 2, 3):
        for name in NAMES:
            mine = said_of(own[number], name) if number in own else []
            theirs = [value for ids, rules in groups if number in ids for value in said_of(rules, name)]
            disagree |= not mine and any(not SETTINGS[name].same(theirs[0], value) for value in theirs)
            if found := mine or theirs or said_of(defaults, name):
                expected.setdefault(number, {})[name] = found[0]
    if disagree:
        with pytest.raises(GroupsDisagree):
            resolve(document, PROJECTS)
        return
    wanted = resolve(document, PROJECTS).wanted
    assert {number: {**one.settings, **dict.fromkeys(one.clear)} for number, one in wanted.items()} == expected


# Export, and back ---------------------------------------------------------------------------------------------------


def value_of(name: str) -> st.SearchStrategy[Any]:
    schema = SETTINGS[name].schema
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    texts = st.text(max_size=20).filter(lambda text: "ph" not in text.casefold())
    kinds: dict[str, st.SearchStrategy[Any]] = {"boolean": st.booleans(), "string": texts, "integer": st.integers(0, 9)}
    if schema["type"] in kinds and "filled" not in schema:
        return kinds[schema["type"]]
    return st.just(GOOD[name])


SHOWN = st.fixed_dictionaries({name: st.none() | value_of(name) for name in EXPORTED})


@settings(max_examples=60)
@given(st.lists(SHOWN, min_size=1, max_size=3), st.booleans())
def test_what_an_export_writes_is_read_again_and_in_sync(shown: list[dict[str, Any]], shared: bool) -> None:
    numbers = range(1, len(shown) + 1)
    exported = [ExportedProject.of(number, f"p{number}", shown[number - 1]) for number in numbers]
    text = write_settings("https://us.posthog.com", ACME_ID, exported, shared=shared)
    document = document_of(text, "")
    wanted = resolve(document, [ProjectName(project.id, project.name) for project in exported]).wanted
    for project in exported:
        if project.settings:
            assert wanted[project.id].settings.keys() == project.settings.keys()
            assert not drift_of(wanted[project.id], shown[project.id - 1])


@given(SHOWN, st.sampled_from(EXPORTED), st.data())
def test_another_value_is_a_drift_of_that_setting_alone(shown: dict[str, Any], name: str, data: st.DataObject) -> None:
    other = data.draw(value_of(name))
    document: SettingsDocument = wanted_of(project=[{"id": 1, "settings": {name: other}}])
    (wanted,) = resolve(document, PROJECTS).wanted.values()
    differs = drift_of(wanted, shown).differs
    assert set(differs) == (
        {name} if not SETTINGS[name].same(shown[name], SETTINGS[name].combined(shown[name], other)) else set()
    )
