"""What is kept for later is bounded in bytes, and what is looked up or compared does not grow with its square."""

import gc
import gzip
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import anyio
import pytest

from projects_mcp.api.json_values import list_difference
from projects_mcp.posthog.response import read_bounded
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.memory import MemoryStore

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


def test_harmless_texts_are_kept_in_bounds() -> None:
    redactor = Redactor(["phx_own_key_0123456789"])
    redactor.value("warm")
    tracemalloc.start()
    try:
        for number in range(60_000):
            redactor.value(f"{number:<100}")
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < KEPT_BYTES, "of 9 MB"


def test_lists_are_compared_in_linear_time() -> None:
    def compared(size: int) -> Callable[[], object]:
        before, after = ([{"a": side, "n": number} for number in range(size)] for side in "xy")
        return lambda: list_difference(before, after)

    small, large = seconds(compared(200)), seconds(compared(1_600))
    assert large < 20 * max(small, 0.004), f"{small * 1000:.1f} ms, then {large * 1000:.1f} ms"


def test_keeping_a_record_does_not_look_at_the_others() -> None:
    """Of all that could be kept in time: spent answers, approvals, leases."""

    async def keep(store: MemoryStore, begin: str) -> None:
        for number in range(200):
            assert await store.add(f"spent:{begin}{number}", "1", 600)
            assert await store.get(f"spent:{begin}{number}") == "1"

    stores = MemoryStore(), MemoryStore()
    for number in range(50_000):
        stores[1]._put(f"before:{number}", "1", float("inf"))  # noqa: SLF001 - as `add` does, and sooner
    rounds = iter(range(99))
    little, much = (seconds(partial(lambda store: anyio.run(keep, store, f"{next(rounds)} "), each)) for each in stores)
    assert much < 20 * max(little, 0.004), f"{little * 1000:.1f} ms, then {much * 1000:.1f} ms"


def test_a_record_that_is_replaced_again_and_again_takes_no_more_memory() -> None:
    async def replace(store: MemoryStore, times: int) -> None:
        for number in range(times):
            assert await store.replace("lease:1", str(number % 2), str((number + 1) % 2), 600)

    async def run() -> int:
        store = MemoryStore()
        await store.add("lease:1", "0", 600)
        await replace(store, 200)
        tracemalloc.start()
        try:
            await replace(store, 20_000)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    assert anyio.run(run) < KEPT_BYTES // 4


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
