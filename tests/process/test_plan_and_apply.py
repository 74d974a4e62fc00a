"""A file of settings as a plan, and applied: what is asked, what is done, and how it goes on after an end."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from projects_mcp.cli.fleet.plan import run_plan
from projects_mcp.runner.build import open_state
from projects_mcp.sandbox import ACME_ID, NORTHWIND_ID, PRODUCTION_ID
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from projects_mcp.state.plans import Plans
from tests.support.settings_desk import Desk, fleet

FLEET = 9
ALL = 4 + FLEET


@pytest.fixture
def origin() -> Iterator[str]:
    with fleet(FLEET) as address:
        yield address


@pytest.fixture
def desk(origin: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(origin, tmp_path, capsys)


POLICY = (
    "[defaults.settings]\nanonymize_ips = true\n"
    '[[group]]\nmatch = {name = "customer-* production"}\nsettings = {timezone = "Asia/Tokyo"}\n'
)


def test_a_file_is_planned_applied_and_then_in_sync(desk: Desk) -> None:
    file = desk.file(POLICY)
    drifted = desk.drift(file)[1]
    code, preview, err = desk.plan(file)
    assert (code, err, preview["outcome"]) == (0, "", "preview")
    assert preview["projects"] == len(drifted["differs"])
    assert preview["confirm_plan"] == f"change {preview['projects']} projects"
    assert sum(preview["changed"]["timezone"].values()) == drifted["counts"]["timezone"]
    assert desk.drift(file)[1] == drifted, "a plan changes nothing"

    code, receipt, err = desk.apply(file)
    assert (code, receipt["applied"], receipt["left"], receipt["plan"]) == (
        0,
        preview["projects"],
        0,
        preview["plan"],
    )
    code, body, _ = desk.drift(file)
    assert (code, body["in_sync"]) == (0, ALL)
    assert desk.apply(file)[:2] == (0, {"outcome": "unchanged", "applied": 0, "left": 0})


def test_a_plan_is_written_and_applied_as_a_file(desk: Desk) -> None:
    file, out = desk.file(POLICY), desk.folder / "policy.plan"
    _, preview, _ = desk.plan(file, out)
    written = json.loads(out.read_text())
    assert (written["plan"], written["confirm_plan"]) == (preview["plan"], preview["confirm_plan"])
    assert out.stat().st_mode & 0o777 == 0o600
    file.unlink()
    code, receipt, _ = desk.apply(out)
    assert (code, receipt["plan"], receipt["left"]) == (0, preview["plan"], 0)


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"plan": "0" * 64}, 1, "make a new one with projects-mcp plan"),
        ({"confirm_plan": "change 1 project"}, 1, "not the words of this plan"),
        ({"confirm_plan": "yes"}, 2, "it is not as it was written"),
        ({"plan": 3}, 2, "it is not as it was written"),
        ({"host": "us"}, 2, "this server speaks to"),
        ({"format": "x"}, 2, "neither a file of settings nor the file of a plan"),
    ],
)
def test_the_file_of_a_plan_is_for_that_plan_alone(desk: Desk, change: dict[str, Any], code: int, says: str) -> None:
    out = desk.folder / "policy.plan"
    file = desk.file(POLICY)
    before = desk.drift(file)[1]
    desk.plan(file, out)
    out.write_text(json.dumps({**json.loads(out.read_text()), **change}))
    found, _, err = desk.apply(out)
    assert (found, says in err) == (code, True), err
    assert desk.drift(file)[1] == before


def test_without_anybody_to_ask_nothing_is_changed_and_an_approval_is_offered(desk: Desk) -> None:
    file = desk.file(POLICY)
    before = desk.drift(file)[1]
    code, body, err = desk.apply(file, PROJECTS_MCP_CONFIRMATION="auto")
    assert (code, body) == (1, None)
    assert "approve" in err
    assert desk.drift(file)[1] == before


def test_what_of_the_file_is_not_in_the_plan_is_said(desk: Desk) -> None:
    file = desk.file(
        f"{POLICY}[[group]]\nmatch = {{name = 'nobody'}}\n[[project]]\nid = 999\nsettings = {{timezone = 'UTC'}}\n"
    )
    code, preview, _ = desk.plan(file)
    assert (code, preview["absent"], preview["empty_groups"]) == (0, [999], ["[[group]] 2 (“nobody”)"])
    code, receipt, err = desk.apply(file)
    assert (code, err) == (0, "")
    assert receipt["not_in_plan"] == [
        "Project 999 of the file is not there, or this server may not touch it.",
        "No project is in [[group]] 2 (“nobody”).",
    ]


def test_a_file_that_gives_two_projects_one_name_says_so(desk: Desk) -> None:
    ids = [FIRST_FLEET_ID, FIRST_FLEET_ID + 1]
    file = desk.file("".join(f"[[project]]\nid = {number}\nsettings = {{name = 'Acme WEB'}}\n" for number in ids))
    code, preview, _ = desk.plan(file)
    assert (code, preview["projects"]) == (0, 2)
    assert preview["warnings"][0] == f"2 projects of this plan get one name, “Acme WEB”: {ids[0]}, {ids[1]}."
    assert preview["warnings"][1].endswith(f"a project has the name “Acme WEB” already: {PRODUCTION_ID}.")
    assert run_plan(desk.settings(), file, None, as_json=False) == 0
    shown = desk.capsys.readouterr().out
    assert "Also" in shown
    assert "get one name" in shown


def test_a_file_that_cannot_be_meant_changes_nothing(desk: Desk) -> None:
    for command in (desk.plan, desk.apply):
        code, body, err = command(desk.file("[defaults.settings]\ntimezon = 'UTC'\n"))
        assert (code, body) == (2, None)
        assert "projects.toml: line 4, [defaults]" in err
        code, body, err = command(desk.file(POLICY, NORTHWIND_ID), POSTHOG_ORGANIZATION_ID=ACME_ID)
        assert (code, body) == (2, None)


def test_a_change_that_is_not_known_ends_with_5(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with fleet(1, "--slow-writes", "504:60") as address:  # the answer is lost, and nothing shows yet
        desk = Desk(address, tmp_path, capsys)
        file = desk.file(f"[[project]]\nid = {FIRST_FLEET_ID}\nsettings = {{week_start_day = 1}}\n")
        code, receipt, _ = desk.apply(file)
        assert (code, receipt["outcome"], receipt["left"]) == (5, "unknown", 0)
        assert f"({FIRST_FLEET_ID})" in json.dumps(receipt["unknown"])


def test_what_wants_more_time_ends_with_4(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_seconds: float, _why: str = "") -> None:
        pass

    monkeypatch.setattr("projects_mcp.cli.fleet.apply.pause", never)
    monkeypatch.setattr("projects_mcp.tools.applying._WORK_S", 0.1)
    store = open_state(desk.settings())
    file, out = desk.file(POLICY), desk.folder / "policy.plan"
    _, preview, _ = desk.plan(file, out)
    plans = Plans(store, Plans.owner_of(desk.origin, ""), time.time)
    kept = anyio.run(plans.find, preview["plan"])
    assert kept is not None
    assert anyio.run(plans.lease, kept)  # as another process has it
    anyio.run(store.aclose)
    code, body, err = desk.apply(out)
    assert (code, body) == (4, None)
    assert "Another call is at work on this plan" in err


def test_only_the_projects_that_the_file_is_about_are_touched(desk: Desk) -> None:
    only = FIRST_FLEET_ID + 2
    file = desk.file(POLICY)
    code, receipt, _ = desk.apply(file, PROJECTS_MCP_ONLY_PROJECTS=str(only))
    assert (code, receipt["applied"], receipt["applied_ids"]) == (0, 1, str(only))
    assert len(desk.drift(file)[1]["differs"]) > 0
