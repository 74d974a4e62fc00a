"""What the tests of the stores share: clocks that a test moves, and what a store should do, by a dictionary."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pytest

from projects_mcp.state.machine_clock import Reading
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StateStore, StoreError

every_kind_of_store = pytest.mark.parametrize("make", ["memory", "sqlite", "redis"], indirect=True)
"""With the fixture `make`, which makes one more store over the same records each time."""


@dataclass
class Clocks:
    """The clocks of a machine, in the hands of a test."""

    boot: str = "first"
    ticks: float = 1_000.0
    wall: float = 1_800_000_000.0

    def __call__(self) -> Reading:
        return Reading(self.boot, self.ticks, self.wall)

    def advance(self, seconds: float) -> None:
        self.ticks += seconds
        self.wall += seconds

    def restart(self, *, off_s: float, wall_error_s: float = 0.0) -> None:
        """Switch the machine off for a while, and perhaps have it come back with a wrong clock."""
        self.boot += "+"
        self.ticks = 5.0
        self.wall += off_s + wall_error_s


@dataclass
class Model:
    """What a store does, written down without regard to how: whole seconds and exact fractions."""

    now: Callable[[], int]
    records: dict[str, tuple[str, int]] = field(default_factory=dict)
    owed: dict[str, tuple[Fraction, int]] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        value, until = self.records.get(key, ("", 0))
        return value if until > self.now() else None

    def add(self, key: str, value: str, for_s: int) -> bool:
        if self.get(key) is not None:
            return False
        self.records[key] = value, self.now() + for_s
        return True

    def replace(self, key: str, old: str, new: str | None, for_s: int | None) -> bool:
        if self.get(key) != old:
            return False
        if new is None:
            del self.records[key]
        else:
            self.records[key] = new, self.records[key][1] if for_s is None else self.now() + for_s
        return True

    def find(self, prefix: str, most: int) -> list[tuple[str, str]]:
        live = ((key, self.get(key)) for key in sorted(self.records) if key.startswith(prefix))
        return [(key, value) for key, value in live if value is not None][:most]

    def take(self, key: str, count: int, window_s: int, amount: int) -> Fraction:
        owed, at = self.owed.get(key, (Fraction(0), 0))
        owed = max(Fraction(0), owed - (self.now() - at))
        after = owed + Fraction(amount * window_s, count)
        if after > window_s:
            return after - window_s
        self.owed[key] = after, self.now()
        return Fraction(0)


async def fill(file: Path, records: int = 1) -> None:
    store = SqliteStore(file)
    for number in range(records):
        await store.add(f"a:{number}", "value" * 100, 3_600)
    await store.aclose()


async def refusal(store: StateStore) -> str:
    """What each kind of step says: all the same."""
    said = set()
    for step in (store.add("b:1", "planted", 60), store.take("r:1", 1, 60), store.probe()):
        with pytest.raises(StoreError) as caught:
            await step
        said.add(str(caught.value))
    await store.aclose()
    (text,) = said
    assert "planted" not in text
    return text
