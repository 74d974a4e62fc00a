"""The command about the past: `history`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from projects_mcp.cli.command import Command, option
from projects_mcp.cli.invocation import Invocation
from projects_mcp.cli.values import PROJECT_ID, OneOf, WholeNumberOf

__all__ = ["HISTORY"]

_OUTCOMES: Final = ("applied", "unchanged", "not_applied", "unknown", "refused", "failed")
_NUMBER: Final = WholeNumberOf("number", 1, 1_000, "the number of a call is a whole number from 1 to 1000")


def _history(
    invocation: Invocation,
    *,
    undo: int | None,
    as_json: bool,
    **only: Any,
) -> int:
    from projects_mcp.cli.history import Wanted, run_history

    file = None if only["from"] is None else Path(only["from"])
    wanted = Wanted(only["project"], only["person"], only["since"], only["outcome"], file)
    return run_history(invocation.settings, wanted, undo=undo, as_json=as_json)


HISTORY: Final = Command(
    "history",
    "list what was changed through this server, and undo one of it",
    _history,
    (
        option("--project", "ID", "only this project", type=PROJECT_ID),
        option("--person", "NAME", "only the calls of this caller, as the callers file names it"),
        option("--since", "TIME", "nothing before this time, such as 2026-05-04 or 2026-05-04T10:15:00Z"),
        option("--outcome", "|".join(_OUTCOMES), "only the calls that ended so", type=OneOf("outcome", _OUTCOMES)),
        option("--from", "FILE", "read this audit log too, in the place of the configured one"),
        option("--undo", "N", "make the call that undoes the one with this number in the list", type=_NUMBER),
    ),
    examples=("history", "history --project 12345 --outcome applied", "history --undo 3", "history --from audit.log"),
)
