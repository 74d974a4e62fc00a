"""What an examination finds, and how bad it is."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

__all__ = ["Finding", "Level", "exit_code", "ok"]

FINE, PROBLEMS, WRONG_SETTINGS = 0, 1, 2


class Level(StrEnum):
    """How bad a finding is, from fine to what must be mended."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """One thing that was found.

    Attributes:
        check: what was looked at, as one word: `settings`, `key`, `host` and so on.
        level: how bad it is.
        sentence: what was found.
        fix: what to do about it, and where; empty where there is nothing to do.
    """

    check: str
    level: Level
    sentence: str
    fix: str = ""


def ok(check: str, sentence: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check, Level.OK, sentence)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 2 where a setting is wrong, 1 for any other problem or warning, else 0."""
    bad = [finding for finding in findings if finding.level in {Level.WARNING, Level.PROBLEM}]
    if any(finding.check == "settings" and finding.level is Level.PROBLEM for finding in bad):
        return WRONG_SETTINGS
    return PROBLEMS if bad else FINE
