"""Time that the processes of one machine share, and that setting the clock does not move."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

__all__ = ["Reading", "read_clocks"]


class Reading(NamedTuple):
    """The clocks of the machine at one moment.

    Attributes:
        boot: what tells this run of the machine from others; empty if the system does not say.
        ticks: seconds since some moment of this run, suspension included. They never go back, and setting the clock
            does not change them.
        wall: seconds since 1970, as the clock shows them: right after a restart too, unless somebody sets it.
    """

    boot: str
    ticks: float
    wall: float

    def since(self, earlier: Reading) -> float:
        """Return the seconds that have gone by since an earlier reading, perhaps of another process. Never negative.

        Within one run of the machine it is exact. Over a restart only the clock can tell; if it has gone back since,
        the time in between counts as none: what is kept for a time is then kept too long rather than lost, for at most
        as long as it had left.
        """
        if self.boot and self.boot == earlier.boot:
            return max(0.0, self.ticks - earlier.ticks)
        by_ticks = 0.0 if self.boot else self.ticks - earlier.ticks  # if unknown: a lower bound, over a restart too
        return max(0.0, self.wall - earlier.wall, by_ticks)


def read_clocks() -> Reading:
    """Read the clocks of this machine."""
    boot_clock = getattr(time, "CLOCK_BOOTTIME", None)
    if boot_clock is None:
        return Reading("", time.monotonic(), time.time())
    return Reading(_boot(), time.clock_gettime(boot_clock), time.time())


def _boot() -> str:
    """Return the name of this run of the machine, and of the namespace that its ticks are counted in."""
    with suppress(OSError):
        run = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{run} {Path('/proc/self/ns/time').readlink()}"
    return ""
