"""Many callers for some time: each call gets its own answer, once, and memory stays flat."""

import asyncio
import os
from collections import Counter
from pathlib import Path
from random import Random

import anyio
import pytest

from tests.support.fault_client import client_of
from tests.support.fault_server import Exchange, Upstream, listening, project
from tests.support.harness import body_of, refusal_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("transport", ["httpx", "aiohttp"], indirect=True)]


def _resident_bytes() -> int:
    """What this process holds in memory; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text(encoding="ascii").split()[1]) * 4096 if statm.exists() else 0


@pytest.mark.long
async def test_many_callers_survive_a_bad_time() -> None:  # noqa: C901 - two small parties and what they share
    """Throttled, stalled and cut off at random for SOAK_SECONDS: each call gets its own answer, once."""
    seconds, callers = float(os.environ.get("SOAK_SECONDS", "4")), 500
    random = Random(1)
    bad_until = anyio.current_time() + seconds

    async def bad(exchange: Exchange) -> None:
        asked = int(exchange.request.path.rstrip("/").rpartition("/")[2])
        choice = random.random() if anyio.current_time() < bad_until else 1.0
        if choice < 0.05:
            await exchange.answer(429, b"", {"Retry-After": "1"})
        elif choice < 0.15:
            await asyncio.sleep(random.uniform(0, 0.3))
            exchange.reset()
        elif choice < 0.25:
            await asyncio.sleep(random.uniform(0.5, 3))
        if choice >= 0.15:
            await exchange.answer(200, project(id=asked))

    started: list[int] = []
    ended: list[int] = []
    failed: Counter[str] = Counter()
    async with listening(Upstream(bad)) as upstream, client_of(upstream, PROJECTS_MCP_CALL_TIMEOUT="10") as client:

        async def caller(number: int) -> None:
            turn = 0
            while turn == 0 or anyio.current_time() < bad_until:
                asked = number + turn * callers
                turn += 1
                started.append(asked)
                result = await client.call_tool("project_get", {"project_id": asked})
                ended.append(asked)
                if result.is_error:
                    failed[refusal_of(result)[1]["kind"]] += 1
                    await anyio.sleep(random.uniform(0.05, 0.5))
                else:
                    assert body_of(result)["id"] == asked

        async with anyio.create_task_group() as group:
            for number in range(1, callers + 1):
                group.start_soon(caller, number)
            await anyio.sleep(seconds / 2)
            halfway = _resident_bytes()
        assert _resident_bytes() - halfway < 50_000_000, "memory stays flat"
        assert sorted(started) == sorted(ended)
        assert len(set(ended)) == len(ended) >= callers
        assert set(failed) <= {"throttled", "timeout", "connection_lost", "unreachable"}, failed
        await anyio.sleep(2.1)
        for number in range(1, 40):
            assert body_of(await client.call_tool("project_get", {"project_id": number}))["id"] == number
