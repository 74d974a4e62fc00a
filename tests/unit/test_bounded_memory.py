"""What is kept for later is bounded in bytes, and what is looked up or compared does not grow with its square."""

import gc
import gzip
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest

from projects_mcp.api.json_values import list_difference
from projects_mcp.posthog.response import read_bounded
from projects_mcp.sanitize.redaction import Redactor

LONG = 60_000
MANY = 300
KEPT_BYTES = 1_000_000


def seconds(work: Callable[[], object]) -> float:
    """The least of a few runs: what disturbs one of them does not count."""
    least = float("inf")
    for _ in range(3):
        began = time.process_time()
        work()
        least = min(least, time.process_time() - began)
    return least


@pytest.mark.parametrize(
    "holding",
    [
        lambda name: {name: 1},
        lambda name: {name: "x"},
        lambda name: {"name": name, "value": "x"},
        lambda name: {"header": name, "content": "x"},
        lambda name: [[name, "x"]],
    ],
)
def test_long_names_are_not_kept(holding: Callable[[str], Any]) -> None:
    redactor = Redactor(["phx_own_key_0123456789"])
    redactor.value(holding("warm"))
    tracemalloc.start()
    try:
        for number in range(MANY):
            redactor.value(holding(f"{number}{'x' * LONG}"))
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < KEPT_BYTES, f"of {MANY * LONG} bytes of names"


def test_lists_are_compared_in_linear_time() -> None:
    def compared(size: int) -> Callable[[], object]:
        before, after = ([{"a": side, "n": number} for number in range(size)] for side in "xy")
        return lambda: list_difference(before, after)

    small, large = seconds(compared(200)), seconds(compared(1_600))
    assert large < 20 * max(small, 0.004), f"{small * 1000:.1f} ms, then {large * 1000:.1f} ms"


def test_what_follows_a_compressed_body_is_not_kept() -> None:
    asked = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal asked
        yield gzip.compress(b'{"id": 1}')
        for _ in range(50):
            asked += 1
            yield bytes(1_000_000)

    async def read() -> bytes:
        body = chunks()
        try:
            return await read_bounded(body, "gzip", 1_000)
        finally:
            await body.aclose()  # type: ignore[attr-defined]  # an async generator has it

    assert anyio.run(read) == b'{"id": 1}'
    assert asked <= 1
