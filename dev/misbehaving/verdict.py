"""Judge what a server made of a client: whether it acted without a yes, responded in time, and blamed a person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from dev.misbehaving.bench import Observation
from dev.misbehaving.session import Era

__all__ = ["Verdict", "blames_a_person", "judge"]

_NO: Final = (
    r"(?:declin|reject|refus|den(?:y|ied)|cancel|abort|dismiss|clos|disapprov|said no|did not (?:approv|confirm|agree))"
)
_WHO: Final = r"(?:user|person|human|operator|customer|you)"
_BLAME: Final = re.compile(
    rf"\b{_WHO}\b[^.;:]{{0,30}}\b{_NO}|\b{_NO}\w*\s+by\s+(?:the\s+|a\s+)?{_WHO}\b", re.IGNORECASE
)
_READ: Final = 20_000
"""Characters of a text that are looked at."""


@dataclass
class Verdict:
    """What one client has shown in one era.

    Attributes:
        client: its name.
        era: the revision of the protocol.
        played: whether it could do what it does: it has a part in this era, and the server speaks it.
        asked: whether the server asked a question.
        done: whether the server did what nobody had agreed to.
        unseen: whether what is there could not be read, so that nobody knows.
        unclaimed: whether that shows only by what was there before and after, and may be another client's doing.
        agreed: how often the server was given a yes that counts.
        carried_out: how often it did what it had a yes for.
        late: whether a response was owed and did not come in time.
        slowest_s: seconds of the slowest response.
        blamed: what was said of a person who had nothing to do with it.
    """

    client: str
    era: Era
    played: bool = False
    asked: bool = False
    done: bool = False
    unseen: bool = False
    unclaimed: bool = False
    agreed: int = 0
    carried_out: int = 0
    late: bool = False
    slowest_s: float = 0.0
    blamed: str = ""
    faults: list[str] = field(default_factory=list)


def blames_a_person(text: str) -> str:
    """Return the words that say a person declined or closed a question; empty if there are none."""
    found = _BLAME.search(text[:_READ])
    return found[0] if found is not None else ""


def judge(verdict: Verdict, observations: Sequence[Observation], before: str | None, after: str | None) -> None:
    """Judge what was observed.

    No client of this suite shows a question to anybody, so a no of theirs is never a person's.

    Args:
        verdict: is filled in.
        observations: of the calls.
        before: what the tool destroys, when nobody had agreed yet to what comes now; None if it could not be read.
        after: the same, when the calls are over.
    """
    for call, consented, owed in observations:
        verdict.agreed += consented
        verdict.carried_out += consented and call.claims_success
        verdict.done = verdict.done or (call.claims_success and not consented)
        verdict.late = verdict.late or (owed and call.took_s is None)
        verdict.slowest_s = max(verdict.slowest_s, call.took_s or 0.0)
        if not consented:
            verdict.blamed = verdict.blamed or blames_a_person(call.text)
    verdict.unseen = before is None or after is None
    changed = not verdict.unseen and before != after
    verdict.unclaimed = changed and not verdict.done
    verdict.done = verdict.done or changed
    if verdict.done:
        verdict.faults.append("done without a yes")
    if verdict.unseen:
        verdict.faults.append("what is there cannot be read")
    if verdict.late:
        verdict.faults.append("no response in time")
    if verdict.blamed:
        verdict.faults.append("a person is blamed")
