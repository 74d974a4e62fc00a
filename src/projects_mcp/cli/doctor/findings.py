"""The findings of a diagnosis."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from projects_mcp.cli.exit_codes import DONE, FAILED, USAGE

__all__ = ["Finding", "Level", "exit_code"]


class Level(StrEnum):
    """How severe a finding is, from fine to what must be mended."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """One result of one check.

    Attributes:
        check: the subject, as one word: `settings`, `key`, `host` and so on.
        level: how severe it is.
        sentence: what was found.
        fix: what to do about it, and where; empty if there is nothing to do.
    """

    check: str
    level: Level
    sentence: str
    fix: str = ""

    @classmethod
    def ok(cls, check: str, sentence: str) -> Finding:
        """Create the finding that a check passed."""
        return cls(check, Level.OK, sentence)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return `USAGE` if a setting is wrong, `FAILED` for any other problem or warning, else `DONE`."""
    bad = [finding for finding in findings if finding.level in {Level.WARNING, Level.PROBLEM}]
    if any(finding.check == "settings" and finding.level is Level.PROBLEM for finding in bad):
        return USAGE
    return FAILED if bad else DONE
