"""How a gate ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["State", "Verdict"]


class State(Enum):
    """The end of one gate."""

    PASSED = "passed"
    FAILED = "FAILED"
    NOT_RUN = "NOT RUN"


@dataclass(frozen=True)
class Verdict:
    """What one gate has come to.

    Attributes:
        gate: its name.
        state: how it ended.
        said: the tool's own summary, or why it did not run.
        seconds: how long it took.
    """

    gate: str
    state: State
    said: tuple[str, ...]
    seconds: float
