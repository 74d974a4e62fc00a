"""What is kept of a plan besides its steps, as one text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from projects_mcp.state.store import StoreError

__all__ = ["StoredPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """What is kept of a plan besides its steps.

    Attributes:
        id: the SHA-256 of its steps.
        run: tells it from the same plan made at another time.
        steps: how many it has.
        chunks: records that hold them.
        characters: of its steps.
        reverts: whether it undoes another one.
        until: when it has to be begun, in seconds since 1970.
        facts: what else the one who made it wants to know again.
        begun: whether somebody has agreed to it, or nobody had to.
        evidence: who has agreed, and by which way; None if nobody was asked.
        calls: how many calls have worked on it.
        stopped: why it goes on only when somebody agrees once more, as a sentence; empty if it goes on.
        failures: how many steps have failed one after another.
        not_before: when PostHog wants the next request, in seconds since 1970.
        revert: the id of the plan that undoes it; empty as long as there is none.
    """

    id: str
    run: str
    steps: int
    chunks: int
    characters: int
    reverts: bool
    until: float
    facts: Mapping[str, Any]
    begun: bool = False
    evidence: Mapping[str, Any] | None = None
    calls: int = 0
    stopped: str = ""
    failures: int = 0
    not_before: float = 0.0
    revert: str = ""

    def dump(self) -> str:
        """Return it as one JSON text."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @classmethod
    def load(cls, text: str) -> StoredPlan:
        """Read one back.

        Raises:
            StoreError: the text is not one of ours.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            raise StoreError("a plan in the store cannot be read") from None
