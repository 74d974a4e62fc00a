"""Real processes, killed in the middle of a plan: nothing is written twice, nothing lost, the same call goes on.

PostHog is in the process of the test, so it says when to kill: at any request, before it arrives, before it is
answered, and after that.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from tests.support.killing import (
    KILLED_AT_STORE,
    MOMENTS,
    DeadlyPostHog,
    Moment,
    deadly_posthog,
    let_leases_run_out,
    was_killed,
)
from tests.support.plans import differences, ids_of
from tests.support.process import Piped, running
from tests.support.settings_desk import Desk

IDS = [FIRST_FLEET_ID, FIRST_FLEET_ID + 1, FIRST_FLEET_ID + 2]
FIRST = IDS[0]
FILE = f"[[group]]\nmatch = {{ids = {IDS}}}\nsettings = {{week_start_day = 1}}\n"
READS = 1 + len(IDS)
"""Requests of `apply FILE` before the first one of the plan: the list, and each project."""
WORK = 2 * len(IDS)


@pytest.fixture(scope="module")
def behind() -> Iterator[DeadlyPostHog]:
    with deadly_posthog(len(IDS) + 1) as posthog:
        yield posthog


@dataclass
class Bench:
    """A plan of three projects, processes that work on it, and what has become of it.

    Attributes:
        posthog: kills.
        desk: the files and the state of all processes.
        preview: of the plan.
        before: the settings of all projects, when the work began.
    """

    posthog: DeadlyPostHog
    desk: Desk
    preview: dict[str, Any] = field(init=False)
    before: dict[int, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.file, self.plan_file = self.desk.file(FILE), self.desk.folder / "of.plan"
        self.before = self.posthog.states()

    def plan(self) -> None:
        self.preview = self.desk.plan(self.file, self.plan_file)[1]
        assert self.preview["projects"] == len(IDS)
        self.posthog.asked.clear()

    @property
    def environment(self) -> dict[str, str]:
        return self.desk.environment(PROJECTS_MCP_CONFIRMATION="argument")

    def call(self, server: Piped) -> None:
        consent = {"plan": self.preview["plan"], "confirm_plan": self.preview["confirm_plan"]}
        arguments = {"name": "project_update", "arguments": consent}
        server.send({"jsonrpc": "2.0", "id": 99, "method": "tools/call", "params": arguments})

    def killed_over_stdio(self, at: int, moment: Moment) -> bool:
        """Let a server apply the plan until it is killed. Whether it was."""
        with running(**self.environment) as server:
            server.handshake()
            self.posthog.process, self.posthog.at, self.posthog.moment = server.process, at, moment
            self.call(server)
            answer = server.stdout.readline()
            if answer and self.posthog.at > 0:
                return False
            return was_killed(server.process)

    def killed_as_command(self, at: int, moment: Moment, file: Path) -> bool:
        """Let `apply` work until it is killed. Whether it was."""
        self.posthog.at, self.posthog.moment = at, moment
        with running("apply", str(file), **self.environment) as command:
            self.posthog.process = command.process
            return was_killed(command.process)

    def carried_on(self, file: Path | None = None) -> dict[str, Any]:
        """The receipt of the same work in this process, which goes on over the same state."""
        self.posthog.at = None
        let_leases_run_out(self.desk.folder / "state.sqlite")
        code, receipt, err = self.desk.apply(file or self.plan_file)
        assert code == (5 if "unknown" in receipt else 0), err
        return dict(receipt)

    def check(self, receipt: dict[str, Any]) -> set[int]:
        """Hold a receipt to the states. Return the projects of which it does not know what became of them."""
        changed = differences(self.before, self.posthog.states())
        applied = ids_of(receipt.get("applied_ids", ""))
        in_doubt = {
            int(name.rpartition("(")[2][:-1]) for names in receipt.get("unknown", {}).values() for name in names
        }
        assert receipt["left"] == 0
        assert set(changed) == applied, "what is said to be applied is what has changed"
        assert all(names == {"week_start_day"} for names in changed.values())
        assert {self.posthog.world.projects[number].fields["week_start_day"] for number in applied} <= {1}
        assert (applied | in_doubt, applied & in_doubt) == (set(IDS), set())
        assert receipt["changed"] == ({"week_start_day": {"null -> 1": len(applied)}} if applied else {})
        assert applied <= set(self.posthog.writes) <= set(IDS)
        assert set(self.posthog.writes.values()) <= {1}, "no request that changes something is sent twice"
        return in_doubt


@pytest.fixture
def bench(behind: DeadlyPostHog, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    behind.forget()
    return Bench(behind, Desk(behind.origin, tmp_path, capsys))


def killed_and_carried_on(bench: Bench, at: int, moment: Moment) -> None:
    bench.plan()
    assert bench.killed_over_stdio(at, moment) or moment == "after it is answered"
    killed_at = bench.posthog.asked[at - 1] if at <= len(bench.posthog.asked) else None
    in_doubt = bench.check(bench.carried_on())
    if killed_at is not None and killed_at[0] == "PATCH" and moment != "before it arrives":
        assert killed_at[1] not in in_doubt, "PostHog has made the change, and it shows"
    elif killed_at is not None and killed_at[0] == "PATCH":
        assert killed_at[1] in in_doubt, "it is never sent again, and nobody can say what became of it"


@pytest.mark.parametrize(("at", "moment"), [(1, "before it is answered"), (2, "before it arrives")])
def test_a_server_that_is_killed_is_carried_on(bench: Bench, at: int, moment: Moment) -> None:
    killed_and_carried_on(bench, at, moment)


def test_another_server_goes_on_where_a_killed_one_was(bench: Bench) -> None:
    bench.plan()
    assert bench.killed_over_stdio(4, "before it is answered")
    bench.posthog.at = None
    let_leases_run_out(bench.desk.folder / "state.sqlite")
    with running(**bench.environment) as server:
        server.handshake()
        bench.call(server)
        result = server.read_message()["result"]
    receipt = result["structuredContent"]
    bench.check(receipt)
    assert receipt["revert_plan"]["confirm_plan"] == f"change {receipt['applied']} projects"


def test_a_command_that_is_killed_is_carried_on(bench: Bench) -> None:
    assert bench.killed_as_command(READS + 2, "before it is answered", bench.file)
    assert bench.check(bench.carried_on(bench.file)) == set()


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("at", range(1, WORK + 1))
def test_a_server_that_is_killed_at_any_request_is_carried_on(bench: Bench, at: int, moment: Moment) -> None:
    killed_and_carried_on(bench, at, moment)


@pytest.mark.long
@pytest.mark.parametrize("at", range(1, READS + WORK + 1))
def test_a_command_that_is_killed_at_any_request_is_carried_on(bench: Bench, at: int) -> None:
    assert bench.killed_as_command(at, "before it is answered", bench.file)
    in_doubt = bench.check(bench.carried_on(bench.file))
    assert bench.posthog.asked[at - 1][1] not in in_doubt, "what PostHog has done shows"


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("handled", [True, False], ids=["a lost answer", "a lost request"])
@pytest.mark.parametrize("at", range(2, 5))
def test_a_server_that_is_killed_while_it_reads_back_is_carried_on(
    bench: Bench, at: int, handled: bool, moment: Moment
) -> None:
    bench.plan()
    bench.posthog.lost = {FIRST: handled}
    assert bench.killed_over_stdio(at, moment) or moment == "after it is answered"
    bench.posthog.lost = {}
    in_doubt = bench.check(bench.carried_on())
    assert (FIRST in in_doubt) == (not handled or (at == 2 and moment == "before it arrives"))


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("arrived", [True, False])
def test_a_server_that_is_killed_while_it_settles_the_work_of_a_killed_one(
    bench: Bench, arrived: bool, moment: Moment
) -> None:
    bench.plan()
    assert bench.killed_over_stdio(2, "before it is answered" if arrived else "before it arrives")
    let_leases_run_out(bench.desk.folder / "state.sqlite")
    assert bench.killed_over_stdio(1, moment) or moment == "after it is answered"
    in_doubt = bench.check(bench.carried_on())
    assert (FIRST in in_doubt) == (not arrived)


@pytest.mark.long
def test_a_command_that_is_killed_before_any_change_of_the_store_is_carried_on(bench: Bench) -> None:
    number, killed = 0, True
    while killed:
        number += 1
        bench.posthog.forget()
        for left in bench.desk.folder.glob("state.sqlite*"):
            left.unlink()
        bench.plan()
        environment = {**bench.environment, "KILLED_AT": str(number)}
        with running("apply", str(bench.plan_file), program=KILLED_AT_STORE, **environment) as command:
            out, _ = command.end()
            killed = was_killed(command.process)
        bench.check(bench.carried_on() if killed else json.loads(out))
        assert number < 100
    assert number > 5 * len(IDS), "each step takes a turn, is marked, marked again, and gives its turn back"
