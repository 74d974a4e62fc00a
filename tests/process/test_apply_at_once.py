"""Commands that apply one file at once, as processes: each change is made once, and all tell what became of it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from tests.support.killing import DeadlyPostHog
from tests.support.plans import differences, ids_of
from tests.support.process import running
from tests.support.redis_server import every_store, shared_state
from tests.support.settings_desk import Desk
from tests.support.terminal import AtTerminal
from tests.support.waiting import eventually

IDS = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 12))
FLEET = len(IDS) + 1
FILE = f"[[group]]\nmatch = {{ids = {IDS}}}\nsettings = {{week_start_day = 1}}\n"
PATIENT = """
import sys
from projects_mcp.tools import applying
applying._STEP_S = 60.0
from projects_mcp.cli.main import main
sys.exit(main())
"""
"""The command line, which gives PostHog time, so that a test may hold a change for as long as it needs."""
WAITS = "0 of 12 projects; another process is at work"
NOTE = "Another process has worked on this plan too. The numbers are those of the whole plan."


@pytest.fixture
def desk(posthog: DeadlyPostHog, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(posthog.origin, tmp_path, capsys)


@pytest.fixture
def environment(kind: str, desk: Desk, tmp_path: Path) -> Iterator[dict[str, str]]:
    with shared_state(kind, tmp_path) as state:
        yield desk.environment(PROJECTS_MCP_STATE=state, PROJECTS_MCP_CONFIRMATION="argument")


@every_store
@pytest.mark.parametrize("planned", [False, True], ids=["a file of settings", "the file of a plan"])
def test_the_second_command_waits_for_the_first_one_and_tells_the_same(
    posthog: DeadlyPostHog, desk: Desk, environment: dict[str, str], planned: bool
) -> None:
    file, before, out = desk.file(FILE), posthog.states(), desk.folder / "out"
    if planned:
        desk.plan(file, desk.folder / "of.plan", PROJECTS_MCP_STATE=environment["PROJECTS_MCP_STATE"])
        file = desk.folder / "of.plan"
    posthog.holds_writes = True
    with running("apply", str(file), program=PATIENT, **environment) as first:
        assert eventually(lambda: len(posthog.writes) > 0)
        second = AtTerminal(["apply", str(file)], environment, stdout=str(out))
        second.wait_for(WAITS)
        assert list(posthog.writes.values()) == [1], "the first one is at its first change"
        posthog.holds_writes = False
        code = second.end()
        told, _ = first.end()
    receipt, other = json.loads(told), json.loads(out.read_text(encoding="utf-8"))
    assert (first.process.returncode, code, other.pop("note")) == (0, 0, NOTE), second.shown
    assert receipt == other
    assert (receipt["applied"], receipt["left"], receipt["projects"]) == (len(IDS), 0, len(IDS))
    assert set(differences(before, posthog.states())) == ids_of(receipt["applied_ids"]) == set(IDS)
    assert posthog.writes == dict.fromkeys(IDS, 1)
    assert receipt["revert_plan"]["confirm_plan"] == f"change {len(IDS)} projects"


@every_store
def test_commands_that_begin_at_one_moment_make_each_change_once(
    posthog: DeadlyPostHog, desk: Desk, environment: dict[str, str]
) -> None:
    file, before = desk.file(FILE), posthog.states()
    with ExitStack() as ending:
        commands = [ending.enter_context(running("apply", str(file), **environment)) for _ in range(3)]
        ended = [command.end() for command in commands]
    assert [command.process.returncode for command in commands] == [0, 0, 0], ended
    receipts = [json.loads(out) for out, _ in ended]
    assert set(differences(before, posthog.states())) == set(IDS)
    assert posthog.writes == dict.fromkeys(IDS, 1)
    for receipt in receipts:
        assert receipt["left"] == 0
        assert {"unknown", "failed", "drifted", "ignored"}.isdisjoint(receipt)
        # Who has read the projects while they were changed has a plan of the rest, or finds nothing to do.
        found = len(ids_of(receipt.get("applied_ids", ""))) + len(receipt.get("unchanged", ()))
        assert found == receipt.get("projects", 0) <= len(IDS)
    by_plan = {receipt.get("plan"): ids_of(receipt.get("applied_ids", "")) for receipt in receipts}
    assert sorted(number for ids in by_plan.values() for number in ids) == IDS, "each change is of one plan"


def test_a_command_that_comes_after_a_kill_says_what_it_waits_for(desk: Desk, posthog: DeadlyPostHog) -> None:
    file, environment = desk.file(FILE), desk.environment(PROJECTS_MCP_CONFIRMATION="argument")
    posthog.holds_writes = True
    with running("apply", str(file), **environment) as killed:
        assert eventually(lambda: len(posthog.writes) > 0)
        killed.process.kill()
        killed.process.wait(30)
    later = AtTerminal(["apply", str(file)], environment)
    later.wait_for(WAITS)
    later.interrupt()
    assert later.end() == 130
    assert list(posthog.writes.values()) == [1]
