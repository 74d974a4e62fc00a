"""How far a step of a plan is, as it is noted before and after its request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

__all__ = ["Mark", "Status"]


class Status(StrEnum):
    """What has become of a step."""

    SENT = "sent"
    """Its request is about to leave, or has left. What became of it is found out by reading, and never by sending."""
    AGAIN = "again"
    """The project could not be read, and nothing was sent. It is tried once more."""
    APPLIED = "applied"
    UNCHANGED = "unchanged"
    """The project was as it is wanted already."""
    IGNORED = "ignored"
    """PostHog answered without an error, and nothing has changed."""
    DRIFTED = "drifted"
    """Somebody has changed one of its settings since the plan was made. It was left alone."""
    UNKNOWN = "unknown"
    """The request left, and nothing shows for certain whether PostHog has made the change."""
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more is done about the step."""
        return self not in (Status.SENT, Status.AGAIN)


class Mark(NamedTuple):
    """How far a step is.

    Attributes:
        status: in one word.
        says: why, as a sentence; empty if the word says it.
        names: settings that it is about: those that were sent, ignored, or changed by others.
        changed: setting -> its value before and after, if the step is applied.
        undo: setting -> value that restores what was there before; null clears.
        lost: changed settings that one update cannot restore.
        at: when it was noted, in seconds since 1970.
    """

    status: Status
    says: str = ""
    names: tuple[str, ...] = ()
    changed: Mapping[str, Mapping[str, Any]] = {}
    undo: Mapping[str, Any] = {}
    lost: tuple[str, ...] = ()
    at: float = 0.0

    def dump(self) -> str:
        """Return it as one JSON text."""
        return json.dumps(list(self), separators=(",", ":"))

    @classmethod
    def load(cls, text: str) -> Mark:
        """Read one back.

        Raises:
            ValueError, TypeError: the text is not one of ours.
        """
        status, says, names, changed, undo, lost, at = json.loads(text)
        return cls(Status(status), says, tuple(names), changed, undo, tuple(lost), at)
