"""Calls that wait for another one's write: within their own time, with a right to wait, and on what is there then."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import Client

from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.sandbox import ONE_ORGANIZATION_KEY, PRODUCTION_ID, seed
from projects_mcp.sandbox.app import create_app
from tests.support.harness import Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

UPDATE = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Asia/Tokyo"}}


class Slow:
    """Stands before PostHog, and takes its time for some requests."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self.seconds: Callable[[Mapping[str, Any]], float] = lambda _scope: 0.0

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        await anyio.sleep(self.seconds(scope))
        await self._application(scope, receive, send)


@asynccontextmanager
async def held(client: Client, seconds: float = 3_600) -> AsyncIterator[None]:
    """Hold the lock of the project, as a call that writes for so long does."""
    assert isinstance(client.server, ProjectsServer)
    locks = client.server._runner._services.project_locks  # noqa: SLF001 - in the place of that call

    async def hold() -> None:
        turn = await locks.turn(PRODUCTION_ID)
        await turn.acquire(1)
        begun.set()
        try:
            await anyio.sleep(seconds)
        finally:
            await turn.release()

    begun = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(hold)
        await begun.wait()
        yield
        group.cancel_scope.cancel()


async def test_a_call_waits_no_longer_than_it_may_take() -> None:
    harness = Harness(limits={"call_s": 0.5})
    async with harness.client() as client, held(client):
        with anyio.fail_after(5):
            text, detail = refusal_of(await client.call_tool("project_update", UPDATE))
    assert detail["kind"] == "project_busy"
    assert "Nothing was changed" in text
    assert harness.recorder.writes == []


async def test_the_time_of_waiting_is_gone_for_the_rest_of_the_call() -> None:
    world = seed()
    slow = Slow(create_app(world))
    harness = Harness(world, slow, {"call_s": 2.0})
    async with harness.client() as client, held(client, seconds=1.3):
        read = iter([0.0, 1.3])
        slow.seconds = lambda scope: next(read, 0.0) if scope["method"] == "GET" else 0.0
        refusal_of(await client.call_tool("project_update", UPDATE))
    assert len(harness.sent) == 2, "it has read, waited and read again"
    assert harness.recorder.writes == []


async def test_whoever_has_no_right_to_the_project_waits_for_nobody() -> None:
    harness = Harness(limits={"call_s": 5.0})
    harness.fields()["organization"] = "018f0000-0000-7000-8000-00000000ffff"
    async with harness.client(POSTHOG_PERSONAL_API_KEY=ONE_ORGANIZATION_KEY) as client, held(client):
        with anyio.fail_after(3):
            _, detail = refusal_of(await client.call_tool("project_update", UPDATE))
    assert detail["kind"] in {"not_found", "key_restricted"}
    assert harness.recorder.writes == []


async def test_what_becomes_for_good_while_it_waits_is_not_written() -> None:
    """Switching off what is off is no loss. If another call has switched it on by then, it is one."""
    world = seed()
    slow = Slow(create_app(world))
    harness = Harness(world, slow)
    harness.fields()["conversations_enabled"] = False
    slow.seconds = lambda scope: 0.3 if scope["method"] == "PATCH" else 0.0
    results: dict[bool, Any] = {}
    server = harness.server()

    async def switch(on: bool) -> None:
        async with Client(server, cache=None) as client:
            arguments = {"project_id": PRODUCTION_ID, "settings": {"conversations_enabled": on}}
            results[on] = await client.call_tool("project_update", arguments)

    async with anyio.create_task_group() as group:
        group.start_soon(switch, True)
        await anyio.sleep(0.1)
        group.start_soon(switch, False)
    assert body_of(results[True])["outcome"] == "applied"
    _, detail = refusal_of(results[False])
    assert detail["kind"] == "changed_meanwhile"
    assert [json.loads(json.dumps(write.body)) for write in harness.recorder.writes] == [
        {"conversations_enabled": True}
    ]
