"""Processes that share a store write one project's settings one after the other, each on what is there by then."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from projects_mcp.gateway.project_locks import ProjectLocks
from projects_mcp.sandbox import PRODUCTION_ID, World, seed
from projects_mcp.sandbox.app import create_app
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StateStore, StoreError
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

ORIGIN = "https://posthog.test"


def update(timezone: str, **more: Any) -> dict[str, Any]:
    return {"project_id": PRODUCTION_ID, "settings": {"timezone": timezone}, **more}


class Watched:
    """PostHog, which takes its time, and sees writes at once and writes on what is no longer there."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.expected: dict[str, str] = {}
        self.wrong: list[str] = []
        self._application = create_app(world)
        self._writing = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await anyio.sleep(0.01)
        if scope["method"] != "PATCH":
            await self._application(scope, receive, send)
            return
        message = await receive()
        mine, there = json.loads(message["body"])["timezone"], self.world.projects[PRODUCTION_ID].fields["timezone"]
        if self._writing:
            self.wrong.append(f"{mine} is written while another write is under way")
        if there != self.expected[mine]:
            self.wrong.append(f"{mine} overwrites {there}, and expected {self.expected[mine]}")
        pending = [message]

        async def replayed() -> Any:
            return pending.pop() if pending else await receive()

        self._writing += 1
        try:
            await anyio.sleep(0.02)
            await self._application(scope, replayed, send)
        finally:
            self._writing -= 1


def over_memory(_folder: Path) -> Callable[[], StateStore]:
    store = SharedMemory()
    return lambda: store


def over_a_file(folder: Path) -> Callable[[], StateStore]:
    return lambda: SqliteStore(folder / "state" / "state.sqlite3")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("over", [over_memory, over_a_file])
async def test_processes_write_one_after_the_other_and_on_what_is_there(
    tmp_path: Path, over: Callable[[Path], Callable[[], StateStore]], era: Era
) -> None:
    world, make = seed(), over(tmp_path)
    watched = Watched(world)
    kinds: list[str] = []

    async def process(mine: str) -> None:
        harness = Harness(world, watched, store=make())
        async with harness.client(era) as client:
            for _ in range(6):
                now = watched.expected[mine] = harness.fields()["timezone"]
                result = await client.call_tool("project_update", update(mine, expected={"timezone": now}))
                kinds.append(refusal_of(result)[1]["kind"] if result.is_error else body_of(result)["outcome"])

    async with anyio.create_task_group() as group:
        group.start_soon(process, "Asia/Tokyo")
        group.start_soon(process, "Asia/Seoul")
    assert watched.wrong == []
    assert len(kinds) == 12
    assert set(kinds) <= {"applied", "unchanged", "expected_otherwise"}
    assert "expected_otherwise" in kinds, "they did race"


async def updated(harness: Harness, timezone: str) -> Any:
    async with Client(harness.server(), cache=None) as client:
        return await client.call_tool("project_update", update(timezone))


async def test_a_lease_is_given_back() -> None:
    harness = Harness(store=SharedMemory(), limits={"call_s": 1.0})
    for timezone in ("Asia/Tokyo", "Asia/Seoul", "UTC"):
        assert body_of(await updated(harness, timezone))["outcome"] == "applied"


async def test_the_lease_of_a_process_that_was_killed_ends_by_itself() -> None:
    now = 0.0
    store = SharedMemory(clock=lambda: now)
    harness = Harness(store=store, limits={"call_s": 0.5})
    await (await ProjectLocks(store, ORIGIN, 300).turn(PRODUCTION_ID)).acquire(1)
    _, detail = refusal_of(await updated(harness, "Asia/Tokyo"))
    assert detail["kind"] == "project_busy"
    assert harness.recorder.writes == []
    now = 400.0
    assert body_of(await updated(harness, "Asia/Tokyo"))["outcome"] == "applied"


async def test_a_lease_outlasts_the_longest_call() -> None:
    """With the time in which what became of its write is read back."""
    now = 0.0
    store = SharedMemory(clock=lambda: now)
    await (await ProjectLocks(store, ORIGIN, 300).turn(PRODUCTION_ID)).acquire(1)
    now = 310.0
    harness = Harness(store=store, limits={"call_s": 0.5})
    assert refusal_of(await updated(harness, "Asia/Tokyo"))[1]["kind"] == "project_busy"
    assert harness.recorder.writes == []


async def test_whoever_comes_too_late_gives_back_no_lease_of_another() -> None:
    now = 0.0
    store = SharedMemory(clock=lambda: now)
    late = await ProjectLocks(store, ORIGIN, 300).turn(PRODUCTION_ID)
    await late.acquire(1)
    now = 400.0
    await (await ProjectLocks(store, ORIGIN, 300).turn(PRODUCTION_ID)).acquire(1)
    await late.release()
    harness = Harness(store=store, limits={"call_s": 0.5})
    assert refusal_of(await updated(harness, "Asia/Tokyo"))[1]["kind"] == "project_busy"
    assert harness.recorder.writes == []


async def test_a_store_that_fails_once_holds_up_nobody() -> None:
    class Failing(SharedMemory):
        failing = True

        async def add(self, key: str, value: str, for_s: float) -> bool:
            if self.failing and key.startswith("lease:"):
                self.failing = False
                await anyio.sleep(0.2)
                raise StoreError("it is away")
            return await super().add(key, value, for_s)

    harness = Harness(store=Failing(), limits={"call_s": 2.0})
    results: list[Any] = []
    async with harness.client() as client:

        async def call() -> None:
            results.append(await client.call_tool("project_update", update("Asia/Tokyo")))

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await anyio.sleep(0.1)
            group.start_soon(call)  # waits for the one that will fail
    failed, waited = results
    assert refusal_of(failed)[1]["kind"] == "state_unavailable"
    assert body_of(waited)["outcome"] == "applied"
    assert len(harness.recorder.writes) == 1


async def test_a_lease_is_about_one_project_of_one_posthog() -> None:
    store = SharedMemory()
    for origin, project in ((ORIGIN, 1), ("https://other.test", 1), (ORIGIN, 2)):
        with anyio.fail_after(1):
            await (await ProjectLocks(store, origin, 300).turn(project)).acquire(1)
