"""Two calls at work on one plan: the second one waits, tells how far the first one is, and answers with the receipt."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from mcp import Client

from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.plans import LEASE_S
from tests.support.fleets import TurnedClock, fleet_world
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import Harness, body_of, refusal_of
from tests.support.plans import Asked, agree, consent_to, previewed, writes_by_project

pytestmark = pytest.mark.anyio

IDS = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 8))
WANTED: dict[str, Any] = {"project_ids": IDS, "settings": {"week_start_day": 1}}


@dataclass
class HeldPostHog:
    """Answers no write before it is let go, and then, if it shall, with an error of its own.

    Attributes:
        application: PostHog.
        reached: a write is waiting.
        let_go: writes are answered.
        fails: with an error.
    """

    application: Any
    fails: bool = False
    reached: anyio.Event = field(default_factory=anyio.Event)
    let_go: anyio.Event = field(default_factory=anyio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            await self.application(scope, receive, send)
            return
        self.reached.set()
        await self.let_go.wait()
        if not self.fails:
            await self.application(scope, receive, send)
            return
        body = b'{"type": "server_error", "code": "error", "detail": "A server error occurred.", "attr": null}'
        await send({"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body})


@dataclass
class Heard:
    """What a client was told of the progress of its call."""

    messages: list[str] = field(default_factory=list)
    first: anyio.Event = field(default_factory=anyio.Event)

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        del progress, total
        self.messages.append(message or "")
        self.first.set()


@dataclass
class Two:
    """Two servers over one store, and a plan that the first one is at work on, held at its first write."""

    harness: Harness
    posthog: HeldPostHog
    one: Client
    other: Client
    preview: dict[str, Any]
    asked: Asked
    answers: list[Any] = field(default_factory=list)

    async def apply(self, client: Client, heard: Heard | None = None) -> Any:
        call = await client.call_tool("project_update", consent_to(self.preview), progress_callback=heard)
        self.answers.append(call)
        return call


@asynccontextmanager
async def at_work(clock: TurnedClock, **limits: Any) -> AsyncIterator[Two]:
    world = fleet_world(clock, len(IDS))
    posthog = HeldPostHog(create_app(world))
    harness, asked = Harness(world, posthog, store=SharedMemory()), Asked()
    patient = Harness(world, store=harness.store)
    patient.recorder = harness.recorder
    harness.limits = {**harness.limits, **limits}
    async with patient.client(ask=agree) as one, harness.client(ask=asked) as other:
        (preview,) = await previewed(one, clock, **WANTED)
        two = Two(harness, posthog, one, other, preview, asked)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(two.apply, one)
            await posthog.reached.wait()
            try:
                yield two
            finally:
                posthog.let_go.set()


async def test_whoever_comes_second_is_told_why_it_waits_and_what_came_of_it(clock: TurnedClock) -> None:
    heard = Heard()
    async with at_work(clock) as two, anyio.create_task_group() as tasks:
        tasks.start_soon(two.apply, two.other, heard)
        with anyio.fail_after(10):
            await heard.first.wait()
        two.posthog.let_go.set()
    assert heard.messages[0] == "0 of 8 projects; another process is at work"
    first, second = map(body_of, two.answers)
    assert first == second
    assert (first["applied"], first["left"], "revert_plan" in first) == (len(IDS), 0, True)
    assert writes_by_project(two.harness.recorder) == dict.fromkeys(IDS, 1)
    assert two.asked.questions == [], "it is agreed to"


async def test_whoever_has_waited_as_long_as_it_may_is_told_when_the_plan_is_free(clock: TurnedClock) -> None:
    async with at_work(clock, call_s=0.5) as two:
        clock.now_s += 20
        text, detail = refusal_of(await two.apply(two.other))
        assert (detail["kind"], detail["retryable"], detail["retry_after_s"]) == ("plan_busy", True, 1)
        assert f"the plan is free in {LEASE_S - 20:.0f} seconds" in text
        two.posthog.let_go.set()
    body_of(two.answers[-1])
    assert writes_by_project(two.harness.recorder) == dict.fromkeys(IDS, 1)


async def test_a_plan_that_has_stopped_meanwhile_is_not_gone_on_with(clock: TurnedClock) -> None:
    heard = Heard()
    async with at_work(clock) as two, anyio.create_task_group() as tasks:
        two.posthog.fails = True
        tasks.start_soon(two.apply, two.other, heard)
        with anyio.fail_after(10):
            await heard.first.wait()
        two.posthog.let_go.set()
    first, second = map(body_of, two.answers)
    assert first == second, "with the reason of the one who has seen it"
    assert (first["stopped"], first["applied"]) == (True, 0)
    assert "until a person says again" in first["note"]
    assert sum(writes_by_project(two.harness.recorder).values()) == 3
    assert two.asked.questions == []


async def test_two_calls_that_make_one_plan_at_once_both_have_it(clock: TurnedClock) -> None:
    """It takes two calls each, and what one of them has read is taken by whichever ends first."""
    harness = Harness(fleet_world(clock, 400), store=SharedMemory())
    ids = list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + 400))
    answers: list[list[dict[str, Any]]] = []
    async with harness.client() as one, harness.client() as other:

        async def plan(client: Client) -> None:
            answers.append(await previewed(client, clock, project_ids=ids, settings={"week_start_day": 1}))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(plan, one)
            tasks.start_soon(plan, other)
    assert [said[-1]["plan"] for said in answers] == [answers[0][-1]["plan"]] * 2
    assert {said[-1]["projects"] for said in answers} == {400}
    assert isinstance(harness.store, MemoryStore)
    assert await harness.store.find("plandraft:", 10) == [], "nothing is left half made"
