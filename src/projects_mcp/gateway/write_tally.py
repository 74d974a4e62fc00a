"""Count the requests that change something: for whoever is told, at the end of a process, what it has changed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WriteTally"]


@dataclass(slots=True)
class WriteTally:
    """The writes of one process, in calls and in steps of plans.

    Attributes:
        begun: requests that were about to leave, 0 or more.
        ended: those of which the outcome is recorded.
        applied: those of which PostHog has said, or a read-back has shown, that they took effect.
        unknown: those of which nobody can say whether they took effect.
    """

    begun: int = 0
    ended: int = 0
    applied: int = 0
    unknown: int = 0

    @property
    def is_uncertain(self) -> bool:
        """Whether one may have taken effect without anybody knowing."""
        return self.unknown > 0 or self.ended < self.begun
