"""What became of a write, and what reading back has shown of one whose answer was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

__all__ = ["Outcome", "ReadbackResult"]


class Outcome(StrEnum):
    """What became of a write."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"
    PREVIEW = "preview"


@dataclass(frozen=True, slots=True)
class ReadbackResult:
    """What reading back has shown of a write whose answer was lost.

    Attributes:
        outcome: applied, not_applied, or unknown.
        says: what was seen, as a sentence of ours.
        project: the project as it was read; None if there is none.
        looked_at: when it was read.
    """

    outcome: Outcome
    says: str
    project: Mapping[str, Any] | None = field(default=None, repr=False)
    looked_at: datetime = field(default_factory=lambda: datetime.now(UTC))
