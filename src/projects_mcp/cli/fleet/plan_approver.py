"""Ask the person at the controlling terminal for the words of a plan."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Final

from projects_mcp.cli.controlling_terminal import ControllingTerminal
from projects_mcp.policy.confirmation import ConfirmationRequest, Consent
from projects_mcp.sanitize.text import on_one_line

__all__ = ["PlanApprover"]

_TRIES: Final = 3
"""How often the words may be typed."""


class PlanApprover:
    """Requests consent from whoever sits at the terminal that this process belongs to, whatever is redirected.

    Args:
        terminal: where the question is shown and the words are typed.
    """

    def __init__(self, terminal: ControllingTerminal) -> None:
        self._terminal = terminal

    async def request_consent(self, question: ConfirmationRequest) -> Consent:
        """Show what would happen, and let the person type the words. Only exactly these accept."""
        self._terminal.show(_shown(question.lines))
        for left in reversed(range(_TRIES)):
            typed = self._terminal.ask(f"Type these words to go on: {question.phrase}\n> ")
            if typed is None:
                return Consent.CLOSED
            if typed == question.phrase:
                return Consent.ACCEPTED
            self._terminal.show("These are not the words." + (" Try again." if left else ""))
        return Consent.DECLINED


def _shown(lines: Iterable[tuple[str, str]]) -> str:
    """Return what a person reads: points of one label stand under it."""
    text: list[str] = []
    for label, group in groupby(lines, key=itemgetter(0)):
        values = [on_one_line(value) for _, value in group]
        text += [f"{label}: {values[0]}"] if len(values) == 1 else [f"{label}:", *(f"  {value}" for value in values)]
    return "\n".join(text)
