"""Applying a file at a terminal: the words are typed by a person, and the same command goes on after a kill."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev.environments import ROOT
from projects_mcp.sandbox import ACME_ID
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID, add_fleet
from tests.support.posthog import Upstream, writing
from tests.support.process import CLEAN, TIMEOUT_S
from tests.support.settings_desk import Desk, fleet
from tests.support.terminal import AtTerminal
from tests.support.waiting import eventually

FLEET = 30
FILE = '[[group]]\nmatch = {name = "customer-*"}\nsettings = {week_start_day = 1}\n'
SHORT_LEASES = """
import sys
from projects_mcp.gateway import project_locks
from projects_mcp.state import plans
plans.LEASE_S = 2.0
project_locks._LEASE_ON_TOP_S = -28.0
from projects_mcp.cli.main import main
sys.exit(main())
"""
WORDS = f"change {FLEET} projects"


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with fleet(FLEET) as origin:
        yield Desk(origin, tmp_path, capsys)


def test_a_person_sees_the_plan_and_types_its_words(desk: Desk) -> None:
    file = desk.file(FILE)
    planned = AtTerminal(["plan", str(file)], desk.environment())
    assert planned.end() == 0
    assert f"{FLEET} projects would change, and 0 are as wanted" in planned.shown
    applying = AtTerminal(["apply", str(file)], desk.environment())
    applying.wait_for(f"Type these words to go on: {WORDS}")
    assert f"What changes: week_start_day: null -> 1 in {FLEET} projects" in applying.shown
    applying.type("yes")
    applying.wait_for("These are not the words. Try again.")
    assert desk.drift(file)[0] == 3
    applying.type(WORDS)
    assert applying.end() == 0
    assert f"] {FLEET} of {FLEET} projects" in applying.shown
    assert f"{FLEET} of {FLEET} projects were changed." in applying.shown
    assert desk.drift(file)[0] == 0


def test_whoever_does_not_type_them_changes_nothing(desk: Desk) -> None:
    file = desk.file(FILE)
    refused = AtTerminal(["apply", str(file)], desk.environment())
    for _ in range(3):
        refused.type("no")
    assert refused.end() == 1
    interrupted = AtTerminal(["apply", str(file)], desk.environment())
    interrupted.wait_for("Type these words")
    interrupted.interrupt()
    assert interrupted.end() == 130
    assert len(desk.drift(file)[1]["differs"]) == FLEET


def test_after_three_failures_the_command_ends_and_asks_nobody_again(
    upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_fleet(upstream.world, 8)
    tried: list[str] = []

    def refuse(scope: Mapping[str, Any]) -> int:
        if writing(scope):
            tried.append(scope["path"])
            return 500
        return 0

    upstream.refuse = refuse
    desk = Desk(upstream.origin, tmp_path, capsys)
    file = desk.file(FILE)
    applying = AtTerminal(["apply", str(file)], desk.environment())
    applying.wait_for("Type these words to go on: change 8 projects")
    applying.type("change 8 projects")
    assert applying.end() == 5, "a proxy has answered, so that nobody knows"
    assert applying.shown.count("Type these words") == 1
    assert "Three projects in a row failed" in applying.shown
    assert len(tried) == len(set(tried)) == 3

    again = desk.apply(file, PROJECTS_MCP_CONFIRMATION="auto")
    assert (again[0], again[1]) == (1, None), "a person has to say so once more"
    assert len(tried) == 3
    upstream.refuse = lambda _scope: 0
    code, receipt, _ = desk.apply(file)
    assert (code, receipt["left"], receipt["applied"]) == (5, 0, 5)
    assert sum(map(len, receipt["unknown"].values())) == 3


def test_after_a_kill_the_same_command_goes_on(desk: Desk) -> None:
    file = desk.file(FILE)
    environment = {**CLEAN, **desk.environment(PROJECTS_MCP_CONFIRMATION="argument")}
    process = subprocess.Popen([sys.executable, "-c", SHORT_LEASES, "apply", str(file)], env=environment, cwd=ROOT)
    try:
        assert eventually(lambda: week_start_day(desk, FIRST_FLEET_ID) == 1)
    finally:
        process.kill()
        process.wait(TIMEOUT_S)
    assert week_start_day(desk, FIRST_FLEET_ID + FLEET - 1) is None, "it was killed in the middle"
    code, receipt, err = desk.apply(file)
    assert (receipt["projects"], receipt["left"]) == (FLEET, 0), receipt
    # The request of the killed one may never have left, or be on its way: then nobody can say what became of it.
    assert code == (5 if "unknown" in receipt else 0)
    assert "Going on with the plan that was made of this file." in err
    assert len(desk.drift(file)[1]["differs"]) <= (code == 5)


def week_start_day(desk: Desk, number: int) -> int | None:
    address = f"{desk.origin}/api/organizations/{ACME_ID}/projects/{number}/"
    answer = httpx.get(address, headers={"Authorization": f"Bearer {desk.key}"}, trust_env=False)
    value: int | None = answer.json()["week_start_day"]
    return value
