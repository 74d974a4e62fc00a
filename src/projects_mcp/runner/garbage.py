"""When Python looks for garbage while a server starts.

Imports allocate much and drop little. Looking as often as usual takes a tenth of the start. Never looking keeps half a
megabyte for good, and it is frozen with the rest: a dataclass with slots, or an enumeration, is made twice, and the
first one refers to itself.
"""

from __future__ import annotations

import gc
from typing import Final

__all__ = ["collect_as_usual", "collect_rarely"]

_USUAL: Final = gc.get_threshold()
_WHILE_IMPORTING: Final = 50_000
"""New objects between two collections, of about 90,000 that a start makes: one collection, when most is dropped."""


def collect_rarely() -> None:
    """Collect as seldom as suits a process that imports."""
    gc.set_threshold(_WHILE_IMPORTING)


def collect_as_usual() -> None:
    """Collect as usual again, and never look at what is there by now: what is imported stays for good."""
    gc.freeze()
    gc.set_threshold(*_USUAL)
