"""Writes that outlast their client: the answer is lost, and the change happens all the same, later or never.

A write is kept until it is due, and is carried out with the clock at that moment, before the next request is looked at.
So the state is always the one of PostHog at this time, and no task runs in the background.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

LostAnswer = Literal["late", "cut", "502", "503", "504"]
"""What the client gets: the answer after `SlowWrites.answer_after_s`, half an answer, or the page of a proxy."""

_ANSWERS: tuple[LostAnswer, ...] = get_args(LostAnswer)

LONGEST_WAIT_S = 60
"""The most seconds from the arrival of a write to its effect."""


@dataclass(frozen=True, slots=True)
class SlowWrites:
    """What becomes of each write.

    Attributes:
        answer: what the client gets.
        effect_after_s: the seconds from the arrival to the effect, from 0 (at once) to `LONGEST_WAIT_S`; None
            for never.
        answer_after_s: the seconds until a late answer.
    """

    answer: LostAnswer
    effect_after_s: float | None
    answer_after_s: float = 60

    def __post_init__(self) -> None:
        if self.effect_after_s is not None and not 0 <= self.effect_after_s <= LONGEST_WAIT_S:
            raise ValueError(f"a write takes effect after 0 to {LONGEST_WAIT_S} seconds, or never")

    @classmethod
    def parse(cls, text: str) -> SlowWrites:
        """Parse ``ANSWER:SECONDS`` or ``ANSWER:never``, such as ``504:8``.

        Raises:
            ValueError: with a sentence about what was wrong.
        """
        word, _, wait = text.partition(":")
        answer = next((known for known in _ANSWERS if known == word), None)
        if answer is None:
            raise ValueError(f"an answer is one of {', '.join(_ANSWERS)}")
        if wait == "never":
            return cls(answer, None)
        if not (wait.isascii() and wait.isdigit() and len(wait) <= len(str(LONGEST_WAIT_S))):
            raise ValueError(f"write ANSWER:SECONDS, with 0 to {LONGEST_WAIT_S} seconds or never, such as 504:8")
        return cls(answer, int(wait))


@dataclass(frozen=True, slots=True, eq=False)
class LateWrite:
    """A write that has arrived and takes effect later.

    Attributes:
        due: the time of the effect.
        carry_out: makes it take effect.
    """

    due: datetime
    carry_out: Callable[[], None]

    def moment(self) -> datetime:
        """Return the time of the effect, as a clock does."""
        return self.due


def take_due(writes: list[LateWrite], now: datetime) -> list[LateWrite]:
    """Take the writes that are due out of the list, and return them in their order."""
    found = sorted((write for write in writes if write.due <= now), key=LateWrite.moment)
    writes[:] = [write for write in writes if write.due > now]
    return found
