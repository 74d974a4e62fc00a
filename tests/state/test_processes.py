"""Several processes share a store: one wins, nothing is given out twice, and what was spent stays spent."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from dev import processes
from projects_mcp.config.state_parser import parse_state
from projects_mcp.state.open import open_store
from tests.support.process import CLEAN
from tests.support.redis_server import shared_state

PROCESSES = 2


@pytest.fixture(params=["sqlite", "redis"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with shared_state(request.param, tmp_path) as location:
        yield location


def started(state: str, what: str, count: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.support.store_process", state, what, str(count)]
    return processes.start(command, environment=CLEAN, stdout=subprocess.PIPE)


def told_by_all(state: str, what: str, count: int) -> list[int]:
    running = [started(state, what, count) for _ in range(PROCESSES)]
    outputs = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES
    return [json.loads(line) for output in outputs for line in output.splitlines()]


def test_one_of_eight_tasks_in_each_of_two_processes_wins(state: str) -> None:
    assert sorted(told_by_all(state, "race", 15)) == list(range(15))


def test_two_processes_take_no_more_than_there_is(state: str) -> None:
    assert sum(told_by_all(state, "take", 64)) == 64


def test_what_a_killed_process_has_spent_stays_spent(state: str) -> None:
    """Killed in the middle of a step, at a different place each time."""
    for round_ in range(3):
        process = started(state, "spend", 10_000)
        assert process.stdout is not None
        told = [json.loads(process.stdout.readline()) for _ in range(5 + 7 * round_)]
        process.kill()
        told += [json.loads(line) for line in process.stdout.read().splitlines()]
        process.wait(10)
        process.stdout.close()

        anyio.run(report, state, told)


async def report(state: str, spent: list[int]) -> None:
    store = open_store(parse_state("PROJECTS_MCP_STATE", state), private=False)
    for number in spent:
        assert not await store.add(f"spent:{number}", "again", 3_600), number
    assert await store.add(f"after:{len(spent)}", "usable", 3_600)
    await store.aclose()
