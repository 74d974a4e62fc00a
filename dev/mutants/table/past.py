"""Mutants of the past: what is in the history, and who may see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dev.mutants.mutant import Mutant

__all__ = ["PAST"]

_AUDIT: Final = "tests/mcp/test_history_audit.py::"

PAST: Final[Mapping[str, tuple[Mutant, ...]]] = {
    "What was answered is in the history": (
        Mutant(
            "answer-before-the-history-has-it",
            "src/projects_mcp/runner/runner.py",
            "                await self.history.flush_in_time()\n",
            "                pass\n",
            ("tests/process/test_history.py::test_what_was_answered_is_there_after_a_kill",),
        ),
        Mutant(
            "show-a-caller-the-audit-log-of-others",
            "src/projects_mcp/gateway/history.py",
            "read_audit_past, path, self._origin, self._may_see, _MOST, most",
            "read_audit_past, path, self._origin, bool, _MOST, most",
            (f"{_AUDIT}test_a_caller_sees_its_own_calls_of_the_audit_log_and_hears_nothing_of_the_file",),
        ),
        Mutant(
            "believe-an-altered-line",
            "src/projects_mcp/gateway/audit_past.py",
            "(link is not None and not link.intact)",
            "(link is not None and False)",
            (f"{_AUDIT}test_a_line_that_is_no_record_is_skipped_and_counted",),
        ),
    ),
}
