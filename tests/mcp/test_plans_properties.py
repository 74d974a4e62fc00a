"""Random fleets, changes and other writers: a receipt is the difference of the states, and its revert restores them."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from tests.support.fleets import TurnedClock, fleet_world
from tests.support.harness import Harness
from tests.support.plans import Asked, applied, differences, ids_of, previewed, settings_of, writes_by_project

FLEET = 9
PROJECTS = [PRODUCTION_ID, MOBILE_ID, *range(FIRST_FLEET_ID, FIRST_FLEET_ID + FLEET)]
VALUES: dict[str, list[Any]] = {
    "anonymize_ips": [True, False],
    "week_start_day": [0, 1],
    "timezone": ["UTC", "Asia/Tokyo", "Europe/Berlin"],
    "app_urls": [[], ["https://a.example"], ["https://a.example", "https://b.example"]],
    "session_recording_sample_rate": ["0.50", "1.00"],
    "survey_config": [{"appearance": {"color": "red"}}, {"appearance": {"font": "serif"}}, {"other": 1}],
    "tags": [["managed"], ["Managed", "new"]],
    "autocapture_opt_out": [True, False],
}
WHERE: list[dict[str, Any] | None] = [None, None, {"anonymize_ips": True}, {"timezone": ["UTC", "Asia/Tokyo"]}]
CLEARED = ["session_recording_sample_rate", "autocapture_opt_out", "survey_config"]

Write = tuple[int, str, Any]


@dataclass(frozen=True)
class Case:
    """A change that is wanted, and what others write before it is applied, and before it is undone."""

    wanted: dict[str, Any]
    clear: list[str]
    projects: list[int]
    where: dict[str, Any] | None
    meanwhile: list[Write]
    later: list[Write]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4, unique=True))
    clear = [name for name in names if name in CLEARED and draw(st.booleans())]
    wanted = {name: draw(st.sampled_from(VALUES[name])) for name in names if name not in clear}
    where: dict[str, Any] | None = draw(st.sampled_from(WHERE))
    return Case(
        wanted=wanted,
        clear=clear,
        projects=draw(st.lists(st.sampled_from(PROJECTS), min_size=1, max_size=8, unique=True)),
        where=where,
        meanwhile=draw(st.lists(_writes(names), max_size=4)),
        later=draw(st.lists(_writes(names), max_size=4)),
    )


@st.composite
def _writes(draw: st.DrawFn, names: list[str]) -> Write:
    name = draw(st.sampled_from([*names, *names, "anonymize_ips", "week_start_day"]))
    return draw(st.sampled_from(PROJECTS)), name, draw(st.sampled_from(VALUES[name]))


@settings(max_examples=40)
@given(case=cases())
def test_a_receipt_is_the_difference_and_its_revert_restores_all_but_what_others_changed(case: Case) -> None:
    with pytest.MonkeyPatch.context() as patch:
        clock = TurnedClock()
        clock.use(patch)
        anyio.run(_one_plan, case, clock)


async def _one_plan(case: Case, clock: TurnedClock) -> None:
    harness = Harness(fleet_world(clock, FLEET))
    which = {"where": case.where} if case.where else {"project_ids": case.projects}
    change = {"settings": case.wanted} | ({"clear": case.clear} if case.clear else {})
    async with harness.client(ask=Asked()) as client:
        preview = (await previewed(client, clock, **which, **change))[-1]
        assert harness.recorder.writes == []
        if "plan" not in preview:
            assert preview["projects"] == 0
            return
        moved = _written(harness, case.meanwhile)
        before = settings_of(harness.world)
        receipt = (await applied(client, clock, preview))[-1]
        between = settings_of(harness.world)
        _check(preview, receipt, before, between, case)
        drifted = {_id_of(line) for line in receipt.get("drifted", [])}
        assert drifted <= moved, "only what others have changed is left alone"
        assert set(writes_by_project(harness.recorder).values()) <= {1}
        if "revert_plan" not in receipt:
            return
        _written(harness, case.later)
        touched = differences(between, settings_of(harness.world))
        undone = (await applied(client, clock, receipt["revert_plan"]))[-1]
    after = settings_of(harness.world)
    lost = set(receipt.get("not_revertible", ()))
    for number, names in differences(before, after).items():
        assert names <= touched.get(number, set()) | (lost & set(differences(before, between).get(number, ()))), number
    for number, names in touched.items():  # what others have written stays
        for name in names:
            theirs = _last_of_others(case.later, number, name, between)
            assert SETTINGS[name].same(after[number][name], theirs), (number, name)
    assert undone["left"] == 0


def _check(
    preview: dict[str, Any],
    receipt: dict[str, Any],
    before: dict[int, dict[str, Any]],
    after: dict[int, dict[str, Any]],
    case: Case,
) -> None:
    changed = differences(before, after)
    assert receipt["left"] == 0
    assert set(changed) == ids_of(receipt.get("applied_ids", ""))
    assert receipt["applied"] == len(changed)
    assert {name for names in changed.values() for name in names} <= {*case.wanted, *case.clear}
    counts = {name: sum(name in names for names in changed.values()) for name in receipt["changed"]}
    assert {name: sum(groups.values()) for name, groups in receipt["changed"].items()} == counts
    rest = sum(len(receipt.get(name, ())) for name in ("unchanged", "ignored", "drifted"))
    assert receipt["applied"] + rest == preview["projects"]
    if not case.where:
        assert set(changed) <= set(case.projects)


def _written(harness: Harness, writes: list[Write]) -> set[int]:
    """Let others write. Return the projects that they wrote to."""
    for number, name, value in writes:
        harness.fields(number)[name] = deepcopy(value)
    return {number for number, _, _ in writes}


def _last_of_others(writes: list[Write], number: int, name: str, between: dict[int, dict[str, Any]]) -> Any:
    return [between[number][name], *[value for project, what, value in writes if (project, what) == (number, name)]][-1]


def _id_of(line: str) -> int:
    return int(line.partition("): ")[0].rpartition("(")[2])
