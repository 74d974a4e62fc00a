"""Others write between the requests of one call that applies a plan, or undoes it: nothing of theirs is lost unseen.

PostHog knows no conditional request. So what others write after a project was read and before its change arrives is
replaced, and that alone: whatever the reading showed is left as it is.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from tests.support.fleets import TurnedClock, fleet_world
from tests.support.harness import Harness
from tests.support.plans import Asked, applied, ids_of, previewed, settings_of, writes_by_project

FLEET = 5
PROJECTS = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + FLEET))
BOTH = {"appearance": {"font": "serif"}, "other": 1}
VALUES: dict[str, list[Any]] = {
    "anonymize_ips": [True, False],
    "timezone": ["UTC", "Asia/Tokyo", "Europe/Berlin"],
    "app_urls": [[], ["https://a.example"], ["https://a.example", "https://b.example"]],
    "survey_config": [BOTH, {"appearance": {"color": "red"}}, {**BOTH, "other": 2}, {"other": 3}],
}
MERGED = "survey_config"
REQUESTS = 2 * FLEET

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Write:
    """What somebody else writes, just before a request is answered."""

    at: int
    project: int
    name: str
    value: Any


@dataclass(frozen=True)
class Case:
    wanted: dict[str, Any]
    projects: list[int]
    meanwhile: list[Write]
    later: list[Write]


@st.composite
def _writes(draw: st.DrawFn, names: list[str]) -> Write:
    name = draw(st.sampled_from([*names, *names, *sorted(VALUES)]))
    at = draw(st.integers(1, REQUESTS))
    return Write(at, draw(st.sampled_from(PROJECTS)), name, draw(st.sampled_from(VALUES[name])))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=3, unique=True))
    return Case(
        wanted={name: draw(st.sampled_from(VALUES[name])) for name in names},
        projects=draw(st.lists(st.sampled_from(PROJECTS), min_size=2, max_size=FLEET, unique=True)),
        meanwhile=draw(st.lists(_writes(names), min_size=1, max_size=6)),
        later=draw(st.lists(_writes(names), max_size=6)),
    )


@dataclass
class Carried:
    """What reached a project: what the last reading showed, and what was there right before and after the write."""

    read: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass
class SharedPostHog:
    """PostHog, to which somebody else writes just before it answers certain requests.

    Attributes:
        application: PostHog.
        writes: of the others.
        undoing: whether the plan is being undone.
        counted: requests since `begin`.
        last: project and setting -> what others have written there last, since `begin`.
        since: the same, since a write of the plan reached the project first.
        carried: project -> the write that reached it, since `begin`.
    """

    application: ASGIApplication
    harness: Harness = field(init=False)
    writes: list[Write] = field(default_factory=list)
    undoing: bool = False
    counted: int = 0
    last: dict[tuple[int, str], Any] = field(default_factory=dict)
    since: dict[tuple[int, str], Any] = field(default_factory=dict)
    carried: dict[int, Carried] = field(default_factory=dict)
    _read: dict[int, dict[str, Any]] = field(default_factory=dict)

    def begin(self, writes: list[Write]) -> None:
        self.writes, self.counted = writes, 0
        self.last.clear()
        self.carried.clear()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        last = scope["path"].rstrip("/").rpartition("/")[2]
        if not last.isdigit():
            await self.application(scope, receive, send)
            return
        project = int(last)
        self.counted += 1
        for write in self.writes:
            if write.at == self.counted:
                self.harness.fields(write.project)[write.name] = deepcopy(write.value)
                self.last[write.project, write.name] = write.value
                self.since[write.project, write.name] = write.value
        before = self._state(project)
        await self.application(scope, receive, send)
        if scope["method"] == "GET":
            self._read[project] = before
        else:
            assert project not in self.carried, "once"
            if not self.undoing:
                self.since = {
                    (number, name): value for (number, name), value in self.since.items() if number != project
                }
            self.carried[project] = Carried(self._read[project], before, self._state(project))

    def _state(self, project: int) -> dict[str, Any]:
        return {name: deepcopy(self.harness.fields(project)[name]) for name in VALUES}


KEY_OF_OTHERS = Case(
    wanted={MERGED: {"appearance": {"color": "red"}}},
    projects=PROJECTS[:2],
    meanwhile=[Write(2, PROJECTS[0], MERGED, {**BOTH, "other": 2})],
    later=[],
)


@settings(max_examples=20)
@given(case=cases())
@example(case=KEY_OF_OTHERS)
def test_what_others_write_meanwhile_is_left_alone_and_told(case: Case) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = TurnedClock()
        clock.use(patch)
        anyio.run(_one_plan, case, clock)


async def _one_plan(case: Case, clock: TurnedClock) -> None:
    world = fleet_world(clock, FLEET)
    posthog = SharedPostHog(create_app(world))
    harness = posthog.harness = Harness(world, posthog)
    for number in PROJECTS:
        harness.fields(number)[MERGED] = deepcopy(BOTH)
    async with harness.client(ask=Asked()) as client:
        previews = await previewed(client, clock, project_ids=case.projects, settings=case.wanted)
        planned = settings_of(world)
        if "plan" not in previews[-1]:
            return
        posthog.begin(case.meanwhile)
        receipt = (await applied(client, clock, previews[-1]))[-1]
        _check_receipt(receipt, posthog, planned, case)
        between, carried = settings_of(world), dict(posthog.carried)
        _only_these_differ(planned, between, posthog, case)
        names = {number: _names(case, planned, number) for number in carried}
        if "revert_plan" not in receipt:
            return
        posthog.begin(case.later)
        posthog.undoing = True
        undone = (await applied(client, clock, receipt["revert_plan"]))[-1]
    after = settings_of(world)
    assert undone["left"] == 0
    _only_these_differ(between, after, posthog, case)
    _check_restored(receipt, undone, carried, names, after, posthog, case.wanted)
    assert set(writes_by_project(harness.recorder)) <= set(case.projects)


def _check_receipt(receipt: dict[str, Any], posthog: SharedPostHog, planned: Mapping[int, Fields], case: Case) -> None:
    assert receipt["left"] == 0
    assert set(posthog.carried) <= set(case.projects)
    changed: dict[str, int] = {}
    really = set()
    for number, one in posthog.carried.items():
        for name in _names(case, planned, number):
            assert SETTINGS[name].same(one.read[name], planned[number][name]), "what was seen to differ is left alone"
            if not SETTINGS[name].same(one.read[name], one.after[name]):
                changed[name] = changed.get(name, 0) + 1
                really.add(number)
    assert ids_of(receipt.get("applied_ids", "")) == really
    assert {name: sum(groups.values()) for name, groups in receipt["changed"].items()} == changed
    for line in receipt.get("drifted", []):
        assert _id_of(line) not in posthog.carried
        assert any((_id_of(line), name) in posthog.last for name in case.wanted)


def _names(case: Case, planned: Mapping[int, Fields], number: int) -> list[str]:
    """The settings that the plan changes in a project."""
    wished = {name: SETTINGS[name].combined(planned[number][name], value) for name, value in case.wanted.items()}
    return [name for name, value in wished.items() if not SETTINGS[name].same(planned[number][name], value)]


def _only_these_differ(
    before: Mapping[int, Fields], after: Mapping[int, Fields], posthog: SharedPostHog, case: Case
) -> None:
    """Whatever differs was written by others, or by the plan, and what others wrote last is there unless unseen."""
    for number, fields in before.items():
        for name, value in fields.items():
            now = after[number][name]
            if SETTINGS[name].same(value, now) and (number, name) not in posthog.last:
                continue
            if number in posthog.carried and name in case.wanted:
                continue  # held by the receipt
            assert (number, name) in posthog.last, (number, name)
            assert SETTINGS[name].same(now, posthog.last[number, name]), (number, name)


def _check_restored(
    receipt: dict[str, Any],
    undone: dict[str, Any],
    carried: Mapping[int, Carried],
    names: Mapping[int, list[str]],
    after: Mapping[int, Fields],
    posthog: SharedPostHog,
    wanted: Mapping[str, Any],
) -> None:
    lost = set(receipt.get("not_revertible", ()))
    left = {_id_of(line): line for kind in ("drifted", "in_part", "unchanged") for line in undone.get(kind, [])}
    for number, one in carried.items():
        for name in names[number]:
            if name in lost or SETTINGS[name].same(one.read[name], one.after[name]):
                continue
            theirs = posthog.since.get((number, name))
            if (number, name) not in posthog.since:
                assert SETTINGS[name].same(after[number][name], one.read[name]), "it is as it was before the plan"
            elif not SETTINGS[name].same(theirs, one.after[name]) and _was_shown(posthog, number, name, one):
                assert SETTINGS[name].same(after[number][name], theirs), "it is as others have left it"
                assert number in left, "and it is named"
        for key, value in one.before[MERGED].items():
            if (
                key not in wanted.get(MERGED, ())
                and value != one.read[MERGED].get(key)
                and value == one.after[MERGED].get(key)
            ):
                assert (number, MERGED) in posthog.since or after[number][MERGED].get(key) == value, (
                    "what others wrote beside the plan's own part stays when the plan is undone"
                )


def _was_shown(posthog: SharedPostHog, number: int, name: str, former: Carried) -> bool:
    """Whether the reading before the undoing write showed what others had written."""
    undoing = posthog.carried.get(number)
    return undoing is None or not SETTINGS[name].same(undoing.read[name], former.after[name])


def _id_of(line: str) -> int:
    return int(line.partition("): ")[0].rpartition("(")[2].removesuffix(")"))
