"""The steps of a plan in the store: many in one record, as much as a record may hold."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from projects_mcp.state.store import StateStore, StoreError

__all__ = ["LONGEST_STEP", "drop_steps", "keep_steps", "read_steps", "write_steps"]

LONGEST_STEP: Final = 200_000
"""Characters of one step at the most."""
_RECORD: Final = 400_000
"""Characters of steps in one record, which escapes may double."""


async def write_steps(store: StateStore, run: str, first: int, steps: Iterable[str], for_s: float) -> int:
    """Write steps of a run into records from a number on, for some seconds. Return the number of the next record."""
    number, part, length = first, list[str](), 0
    for step in [*steps, None]:
        if part and (step is None or length + len(step) > _RECORD):
            if not await store.add(_key(run, number), json.dumps(part), for_s):
                raise StoreError("other processes are making the same plan")
            number, part, length = number + 1, [], 0
        if step is not None:
            part.append(step)
            length += len(step)
    return number


async def read_steps(store: StateStore, run: str, records: int) -> list[str]:
    """Return the steps of a run.

    Raises:
        StoreError: one of its records is missing or damaged.
    """
    steps: list[str] = []
    for number in range(records):
        text = await store.get(_key(run, number))
        try:
            steps += json.loads(text or "")
        except (ValueError, TypeError):
            raise StoreError("a plan in the store cannot be read") from None
    return steps


async def keep_steps(store: StateStore, run: str, records: int, for_s: float) -> bool:
    """Keep the steps of a run for so many seconds from now on. Return whether they were all there."""
    for number in range(records):
        text = await store.get(_key(run, number))
        if text is None or not await store.replace(_key(run, number), text, text, for_s):
            return False
    return True


async def drop_steps(store: StateStore, run: str, records: int) -> None:
    """Forget the steps of a run."""
    for number in range(records):
        if (text := await store.get(_key(run, number))) is not None:
            await store.replace(_key(run, number), text, None)


def _key(run: str, number: int) -> str:
    return f"plansteps:{run}:{number:05}"
