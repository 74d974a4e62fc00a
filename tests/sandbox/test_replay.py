"""The version of August 2025 answers what the real one answered: the recorded exchanges, replayed.

`tests/sandbox/exchanges/README.md` says where they come from, and `docs/sandbox.md` how a replay keeps its state.
"""

import itertools
from pathlib import Path

import pytest

from projects_mcp.sandbox import VERSIONS
from tests.support.recording import Recording, read_recording
from tests.support.replay import Replayer

pytestmark = pytest.mark.anyio

EXCHANGES = Path(__file__).with_name("exchanges")
PLAYED = VERSIONS["2025-08"]

HEAP = "PostgreSQL put an edited row into the space of a deleted one; the sandbox puts it at the end"
DIFFERENT = {938: HEAP, 940: HEAP, 942: HEAP, 945: HEAP}
"""The exchanges that differ, by their line from 0, each with the reason."""

LEAST_SHARE = 0.97


@pytest.fixture(scope="module")
def recording() -> Recording:
    return read_recording(EXCHANGES / "posthog-2025-08.jsonl.gz", EXCHANGES / "posthog-2025-08.meta.json")


async def test_every_exchange_is_equal_but_those_that_are_listed(recording: Recording) -> None:
    replayer = Replayer(recording, PLAYED)
    found = {exchange.number: (exchange, await replayer.replay(exchange)) for exchange in recording.exchanges}
    unlisted = [
        (exchange.line, differences) for number, (exchange, differences) in found.items() if number not in DIFFERENT
    ]
    assert [line for line in unlisted if line[1]] == []
    assert [number for number in DIFFERENT if not found[number][1]] == [], "listed, and equal"
    assert len(recording.exchanges) == 946


@pytest.mark.parametrize(("parts", "kept"), [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)])
async def test_a_part_of_the_recording_is_enough(recording: Recording, parts: int, kept: int) -> None:
    """What the missing exchanges have changed is learned from the answers of the others."""
    replayer = Replayer(recording, PLAYED, learns_order=True)
    chosen = list(itertools.islice(recording.exchanges, kept, None, parts))
    different = [exchange.line for exchange in chosen if await replayer.replay(exchange)]
    assert len(different) <= (1 - LEAST_SHARE) * len(chosen), different


async def test_the_newest_version_is_not_that_of_the_recording(recording: Recording) -> None:
    """A replay finds differences: hundreds, if another version is played."""
    replayer = Replayer(recording, VERSIONS["current"])
    different = [exchange for exchange in recording.exchanges[:200] if await replayer.replay(exchange)]
    assert len(different) > 100
