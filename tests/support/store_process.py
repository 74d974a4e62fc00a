"""A process that uses a store, for tests with several of them: `python -m tests.support.store_process STATE DO COUNT`.

It prints one line of JSON for each step that has ended, at once.
"""

import json
import sys

import anyio

from projects_mcp.config.state_parser import parse_state
from projects_mcp.state.open import open_store
from projects_mcp.state.store import StateStore

TASKS = 8


def tell(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


async def spend(store: StateStore, count: int) -> None:
    """Add records one after the other, and tell each one that is kept."""
    for number in range(count):
        await store.add(f"spent:{number}", "x" * (number % 7) * 1_000, 3_600)
        tell(number)


async def race(store: StateStore, count: int) -> None:
    """Add the same records from eight tasks, and tell each one that was won."""

    async def attempt(number: int) -> None:
        if await store.add(f"raced:{number}", "mine", 3_600):
            tell(number)

    for number in range(count):
        async with anyio.create_task_group() as tasks:
            for _ in range(TASKS):
                tasks.start_soon(attempt, number)


async def take(store: StateStore, count: int) -> None:
    """Take from one allowance from eight tasks, and tell each unit that was taken. It holds half of what is tried."""

    async def attempt() -> None:
        if not await store.take("taken:1", count, 1e9):
            tell(1)

    for _ in range(count // TASKS):
        async with anyio.create_task_group() as tasks:
            for _ in range(TASKS):
                tasks.start_soon(attempt)


async def main(state: str, what: str, count: int) -> None:
    store = open_store(parse_state("PROJECTS_MCP_STATE", state), private=False)
    try:
        await {"spend": spend, "race": race, "take": take}[what](store, count)
    finally:
        await store.aclose()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
