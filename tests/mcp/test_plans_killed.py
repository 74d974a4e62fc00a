"""Processes that end in the middle of a plan, and two that work on one: nothing is written twice, nothing is lost."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.sandbox import World
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StateStore
from tests.support.fleets import TurnedClock, fleet_world
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import Harness, body_of
from tests.support.plans import (
    Asked,
    MortalStore,
    agree,
    applied,
    consent_to,
    differences,
    ids_of,
    previewed,
    settings_of,
    writes_by_project,
)
from tests.support.stores import Clocks

pytestmark = pytest.mark.anyio

IDS = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 6))
WANTED = {"project_ids": IDS, "settings": {"week_start_day": 1}}
REQUESTS = 2 * len(IDS)


@dataclass
class DeadlyPostHog:
    """PostHog, at which the process that asks ends: at one request, before or after it is handled.

    Attributes:
        application: PostHog.
        handled: whether PostHog handles that request.
        lives: requests until then; None for ever.
        kill: ends the process.
    """

    application: ASGIApplication
    handled: bool = True
    lives: int | None = None
    kill: Callable[[], None] = lambda: None
    last: int = 0
    """The project of that request."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.lives is None or "/projects/" not in scope["path"]:
            await self.application(scope, receive, send)
            return
        self.lives -= 1
        if self.lives > 0:
            await self.application(scope, receive, send)
            return
        if self.lives == 0:
            self.last = int(scope["path"].rstrip("/").rpartition("/")[2])
        if self.lives == 0 and self.handled:

            async def unheard(_message: Any) -> None: ...

            await self.application(scope, receive, unheard)
        self.kill()
        await anyio.sleep_forever()


@dataclass
class Machine:
    """Processes that share a state file, of which each may be killed."""

    world: World
    file: Path
    clock: TurnedClock
    clocks: Clocks = field(default_factory=Clocks)
    asked: Asked = field(default_factory=Asked)
    harnesses: list[Harness] = field(default_factory=list)

    async def live(self, posthog: DeadlyPostHog, work: Callable[[Client], Awaitable[Any]]) -> Any:
        """Start a process, let it work, and kill it where PostHog says. Return what the work does; None if killed."""
        store = MortalStore(SqliteStore(self.file, clocks=self.clocks))
        harness = Harness(self.world, posthog, store=store)
        self.harnesses.append(harness)
        came: Any = None
        with anyio.CancelScope() as scope:

            def kill() -> None:
                store.dead = True
                scope.cancel()

            posthog.kill = kill
            async with harness.client(ask=self.asked) as client:
                came = await work(client)
        return None if store.dead else came

    def wait(self, seconds: float) -> None:
        self.clock.now_s += seconds
        self.clocks.advance(seconds)

    def writes(self) -> dict[int, int]:
        whole: dict[int, int] = {}
        for harness in self.harnesses:
            for project, number in writes_by_project(harness.recorder).items():
                whole[project] = whole.get(project, 0) + number
        return whole


@pytest.mark.parametrize("handled", [True, False])
@pytest.mark.parametrize("at", range(1, REQUESTS + 1))
async def test_a_process_that_ends_at_any_request_is_carried_on(
    tmp_path: Path, clock: TurnedClock, at: int, handled: bool
) -> None:
    world = fleet_world(clock, 8)
    machine = Machine(world, tmp_path / "state" / "state.sqlite3", clock)
    before = settings_of(world)
    posthog = DeadlyPostHog(create_app(world), handled)
    (preview,) = await machine.live(posthog, lambda client: previewed(client, clock, **WANTED))
    assert preview["projects"] == len(IDS)

    async def apply(client: Client) -> dict[str, Any]:
        return (await applied(client, clock, preview))[-1]

    posthog.lives = at
    assert await machine.live(posthog, apply) is None
    posthog.lives = None
    machine.wait(100)
    final = await machine.live(posthog, apply)
    assert final["left"] == 0
    assert len(machine.asked.questions) == 1, "the consent is kept with the plan"
    changed = differences(before, settings_of(world))
    done = ids_of(final.get("applied_ids", ""))
    in_doubt = {int(name.rpartition("(")[2][:-1]) for names in final.get("unknown", {}).values() for name in names}
    assert set(changed) == done, "what is said to be applied is what has changed"
    assert done | in_doubt == set(IDS)
    assert not done & in_doubt
    if handled:
        assert posthog.last not in in_doubt, "PostHog has made the change, and it shows"
    assert set(machine.writes().values()) == {1}, "no request that changes something is sent twice"
    assert done <= set(machine.writes())


async def test_a_process_that_always_ends_after_some_requests_gets_there(tmp_path: Path, clock: TurnedClock) -> None:
    world = fleet_world(clock, 8)
    machine = Machine(world, tmp_path / "state" / "state.sqlite3", clock)
    posthog = DeadlyPostHog(create_app(world))
    (preview,) = await machine.live(posthog, lambda client: previewed(client, clock, **WANTED))
    final = None
    for _ in range(12):
        posthog.lives = 8
        final = await machine.live(posthog, lambda client: applied(client, clock, preview))
        machine.wait(100)
        if final is not None:
            break
    assert final is not None
    assert (final[-1]["left"], final[-1]["applied"]) == (0, len(IDS))
    assert machine.writes() == dict.fromkeys(IDS, 1)


class WithoutLeases(SharedMemory):
    """Whoever asks gets the lease of a plan, and that of a project, as if the time of all others were over."""

    async def get(self, key: str) -> str | None:
        return None if _is_lease(key) else await super().get(key)

    async def add(self, key: str, value: str, for_s: float) -> bool:
        return _is_lease(key) or await super().add(key, value, for_s)

    async def replace(self, key: str, old: str, new: str | None, for_s: float | None = None) -> bool:
        return _is_lease(key) or await super().replace(key, old, new, for_s)


def _is_lease(key: str) -> bool:
    return key.startswith(("planlease:", "lease:"))


@pytest.mark.parametrize("leased", [True, False], ids=["leased", "although all leases have run out"])
async def test_two_processes_at_once_write_each_project_once(clock: TurnedClock, leased: bool) -> None:
    store: StateStore = SharedMemory() if leased else WithoutLeases()
    harness = Harness(fleet_world(clock, 40), store=store)
    ids = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 40))
    answers: list[Any] = []
    async with harness.client(ask=agree) as one, harness.client(ask=agree) as other:
        (preview,) = await previewed(one, clock, project_ids=ids, settings={"week_start_day": 1})

        async def apply(client: Client) -> None:
            answers.append(await client.call_tool("project_update", consent_to(preview)))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(apply, one)
            tasks.start_soon(apply, other)
        final = body_of(await one.call_tool("project_update", consent_to(preview)))
    receipts = [body_of(answer) for answer in answers]
    if leased:
        assert receipts == [final, final], "whoever comes second waits, and is told what has become of the plan"
    assert (final["left"], final["applied"]) == (0, 40)
    assert writes_by_project(harness.recorder) == dict.fromkeys(ids, 1)


async def test_a_plan_that_is_made_again_while_a_call_is_at_work_on_it_stays_one(clock: TurnedClock) -> None:
    world = fleet_world(clock, 8)
    posthog, began, go_on = create_app(world), anyio.Event(), anyio.Event()
    at_work = False

    async def held(scope: Any, receive: Any, send: Any) -> None:
        if at_work and not began.is_set():
            began.set()
            await go_on.wait()
        await posthog(scope, receive, send)

    harness = Harness(world, held, store=SharedMemory())
    receipts: list[dict[str, Any]] = []
    async with harness.client(ask=agree) as one, harness.client(ask=agree) as other:
        (preview,) = await previewed(one, clock, **WANTED)
        at_work = True

        async def apply(client: Client) -> None:
            receipts.append((await applied(client, clock, preview))[-1])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(apply, one)
            await began.wait()
            (again,) = await previewed(other, clock, **WANTED)
            go_on.set()
        assert again["plan"] == preview["plan"], "nothing was written by then"
        await apply(other)
    assert receipts[0] == receipts[1]
    assert (receipts[0]["left"], receipts[0]["applied"]) == (0, len(IDS))
    assert receipts[0]["revert_plan"]["confirm_plan"] == f"change {len(IDS)} projects"
    assert writes_by_project(harness.recorder) == dict.fromkeys(IDS, 1)
