"""Count the calls of tools, as plain numbers in memory. Knows no library of metrics.

A label is one of a few known words, or the name of a caller of the callers file. Nothing of a project, an argument or a
secret is ever one, and subjects of tokens are counted together: their number has no bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from projects_mcp.posthog.request_tally import Histogram

__all__ = ["CallTally"]

_NOBODY: Final = "(none)"
_BY_ISSUER: Final = "(issuer)"
_OTHERS: Final = "(other)"
_MOST_CALLERS: Final = 200
"""Callers of the callers file that are counted apart."""


@dataclass(slots=True)
class CallTally:
    """The calls of one process, from its start. All of it happens on one event loop, so nothing is locked.

    Attributes:
        outcomes: by tool, caller and outcome.
        failures: by tool and kind of failure.
        confirmations: by tool and channel: destructive calls that were confirmed.
        durations: by tool.
    """

    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    confirmations: Counter[tuple[str, str]] = field(default_factory=Counter)
    durations: dict[str, Histogram] = field(default_factory=dict)
    _callers: frozenset[str] = frozenset()
    _counted_apart: set[str] = field(default_factory=set)

    def know_callers(self, names: Iterable[str]) -> None:
        """Take up the names of the callers file, each time that it is read."""
        self._callers = frozenset(names)

    def count(
        self, tool: str, caller: str | None, outcome: str, duration_s: float, kind: str | None, channel: str | None
    ) -> None:
        """Count the end of one call.

        Args:
            tool: its name.
            caller: over HTTP; None for whoever needs no token.
            outcome: one word, as the audit log has it.
            duration_s: from its begin to its end.
            kind: of its failure; None if it has not failed.
            channel: by which it was confirmed; None if it was not.
        """
        self.outcomes[tool, self._label(caller), outcome] += 1
        self.durations.setdefault(tool, Histogram()).add(duration_s)
        if kind is not None:
            self.failures[tool, kind] += 1
        if channel is not None:
            self.confirmations[tool, channel] += 1

    def _label(self, caller: str | None) -> str:
        if caller is None:
            return _NOBODY
        if caller not in self._callers and caller not in self._counted_apart:
            return _BY_ISSUER
        if caller not in self._counted_apart and len(self._counted_apart) >= _MOST_CALLERS:
            return _OTHERS
        self._counted_apart.add(caller)  # stays apart after it has left the file
        return caller
