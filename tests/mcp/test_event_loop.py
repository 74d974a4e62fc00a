"""No piece of work holds the event loop for long, at the sizes that are admitted: of arguments and of answers."""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.sandbox import ACME_ID, PRODUCTION_ID
from tests.support.harness import Harness

pytestmark = pytest.mark.anyio

LONGEST_HOLD = 25
"""Times as long as `one_step_s`, in processor time of the loop's own thread: what else runs makes no difference."""
BASE = {"id": PRODUCTION_ID, "name": "Acme web", "organization": ACME_ID, "api_token": "phc_x"}
UPDATE = {"settings": {"extra_settings": {"a": 1}, "recording_domains": ["x"]}, "dry_run": True}


def one_step_s() -> float:
    """The processor seconds of a fixed piece of work, about 5 ms on a machine of 2024: a slow one is slow at both."""
    began = time.thread_time()
    sum(len(str(number)) for number in range(60_000))
    return time.thread_time() - began


@asynccontextmanager
async def holds() -> AsyncIterator[list[float]]:
    """The processor seconds that pass between two turns of a task that only waits for its turn."""
    found: list[float] = []

    async def tick() -> None:
        last = time.thread_time()
        while True:
            await anyio.sleep(0.001)
            now = time.thread_time()
            found.append(now - last)
            last = now

    async with anyio.create_task_group() as group:
        group.start_soon(tick)
        await anyio.sleep(0.01)
        yield found
        await anyio.sleep(0.01)
        group.cancel_scope.cancel()


async def held_s(tool: str, arguments: Mapping[str, Any], answer: bytes) -> tuple[float, str]:
    async def upstream(scope: Any, receive: Any, send: Any) -> None:
        about_key = scope["path"].startswith("/api/personal_api_keys/")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'{"scopes": ["*"]}' if about_key else answer})

    server = Harness(application=upstream).server()
    assert isinstance(server, ProjectsServer)
    runner = server._runner  # noqa: SLF001 - without the client's own work on the same loop
    await runner.start()
    async with holds() as found:
        result = await runner.call(tool, {"project_id": PRODUCTION_ID, **arguments})
    await runner.aclose()
    return max(found), "answered" if result.error is None else str(result.error["kind"])


def project(**more: Any) -> bytes:
    return json.dumps({**BASE, **more}, ensure_ascii=False, separators=(",", ":")).encode()


ANSWERS: dict[str, Callable[[], bytes]] = {
    "numbers": lambda: project(extra_settings=[0] * 95_000),
    "empty lists": lambda: project(extra_settings=[[]] * 49_000),
    "objects": lambda: project(extra_settings=[{"a": 1}] * 49_000),
    "a thousand objects": lambda: project(extra_settings=[{f"k{n}": n for n in range(20)}] * 1_000),
    "domains": lambda: project(recording_domains=["https://a.example"] * 95_000),
    "a long text": lambda: project(extra_settings="eyJ" * 3_400_000),
    "invisible": lambda: project(extra_settings="\u200b" * 160_000),
    "small numbers": lambda: project(extra_settings=[0] * 3_900),
    "small text": lambda: project(extra_settings="\u200ba" * 16_000),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(("tool", "arguments"), [("project_get", {"detail": "full"}), ("project_update", UPDATE)])
async def test_no_answer_holds_the_loop(tool: str, arguments: dict[str, Any], answer: str) -> None:
    held, outcome = await held_s(tool, arguments, ANSWERS[answer]())
    assert outcome == "answered"
    assert held < LONGEST_HOLD * one_step_s()


@pytest.mark.parametrize(
    "body",
    [
        project(extra_settings=[0] * 100_001),
        project(extra_settings="x" * 10_600_000),
    ],
    ids=["values", "bytes"],
)
async def test_an_answer_beyond_the_bounds_is_refused_before_it_is_read(body: bytes) -> None:
    held, outcome = await held_s("project_get", {}, body)
    assert outcome == "bad_answer"
    assert held < LONGEST_HOLD * one_step_s()


ARGUMENTS: dict[str, Any] = {
    "objects": {"extra_settings": {"a": [{f"k{n}": n for n in range(18)}] * 1_000}},
    "numbers": {"extra_settings": {str(n): [0] * 990 for n in range(20)}},
    "many numbers": {"extra_settings": {str(n): [0] * 1_000 for n in range(300)}},
    "lists in lists": {"extra_settings": {str(n): [[]] * 1_000 for n in range(300)}},
    "texts": {"extra_settings": {str(n): "ph" * 30_000 for n in range(16)}},
    "keys": {"extra_settings": {f"{'k' * 60}{n}": n for n in range(1_000)}},
    "unknown": {f"{'x' * 900}{n}": 0 for n in range(900)},
}


@pytest.mark.parametrize("arguments", ARGUMENTS)
async def test_no_arguments_hold_the_loop(arguments: str) -> None:
    held, _ = await held_s("project_update", {"settings": ARGUMENTS[arguments], "dry_run": True}, project())
    assert held < LONGEST_HOLD * one_step_s()
    held, outcome = await held_s(
        "project_add_product_intent", {"product_type": "x", "metadata": ARGUMENTS[arguments]}, project()
    )
    assert outcome in {"invalid_argument", "answered"}
    assert held < LONGEST_HOLD * one_step_s()
