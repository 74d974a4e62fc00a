"""`projects-mcp history`: what this server did, and the call that undoes one of it. Imports no MCP."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.call.approver import TerminalApprover
from projects_mcp.cli.call.people import print_answer as print_answer_of_call
from projects_mcp.cli.complaints import complain
from projects_mcp.cli.exit_codes import DONE, FAILED
from projects_mcp.cli.fleet.calling import CallError, run_with_runner
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.table import GREEN, MAGENTA, RED, print_table
from projects_mcp.cli.terminal import Styled, say, styled
from projects_mcp.config.settings import Settings, SettingsError
from projects_mcp.gateway.no_undo import why_no_undo
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.text import on_one_line
from projects_mcp.state.store import StoreError

__all__ = ["Wanted", "run_history"]

_FRESH: Final = (
    "The sandbox is new in each process: what was done to an earlier one ended with it, and is not listed. "
    "To keep one, run projects-mcp sandbox and set POSTHOG_HOST to its address."
)
_SHOWN: Final = 50
"""Lines that are shown without `--json`."""
_COLUMNS: Final = ("no", "at (UTC)", "tool", "project", "outcome", "undo", "changed")
_STYLES: Final = {"applied": GREEN, "refused": MAGENTA, "failed": RED, "not_applied": RED, "unknown": RED}


class Wanted(NamedTuple):
    """Which calls are meant; None for any.

    Attributes:
        project: the id of the project.
        caller: whose call it was, as the callers file names it.
        since: nothing before this time, in ISO 8601; without a zone in UTC.
        outcome: such as `applied`, `unknown`, `refused`.
        file: an audit log to read in the place of the configured one.
    """

    project: int | None = None
    caller: str | None = None
    since: str | None = None
    outcome: str | None = None
    file: Path | None = None


def run_history(settings: Settings, wanted: Wanted, *, undo: int | None, as_json: bool) -> int:
    """Print what was done, newest first, or undo one of it.

    Args:
        settings: of the server.
        wanted: which calls are meant. Their numbers, from 1, are those of this list.
        undo: the number of the call to undo; None only lists. It goes through the gates of the tool that undoes it.
        as_json: print one line of JSON.

    Returns:
        The exit code.

    Raises:
        SettingsError: `since` is no time.
    """
    since = _time(wanted.since)

    async def work(runner: ToolRunner) -> int:
        try:
            past = await runner.history.entries(wanted.file)
        except StoreError as error:
            return complain("history", f"The state store cannot be used: {error}.", FAILED, "state_unavailable")
        except OSError as error:
            sentence = f"{wanted.file} cannot be read: {error.strerror or error}. Nothing was changed."
            return complain("history", sentence, FAILED, "audit_unavailable")
        notes = [*past.notes, _FRESH] if settings.sandbox is not None and wanted.file is None else past.notes
        chosen = [row for row in past.calls if _is_meant(row, wanted, since)]
        if undo is not None:
            return await _undo(runner, chosen, undo, as_json=as_json)
        body = {"calls": chosen} | ({"notes": notes} if notes else {})
        print_answer(body, lambda: _print_table(chosen, notes), as_json=as_json)
        return DONE

    return run_with_runner(settings, work)


async def _undo(runner: ToolRunner, rows: Sequence[JSONObject], number: int, *, as_json: bool) -> int:
    """Make the call that undoes one.

    Raises:
        CallError: it was refused or failed.
    """
    if not 1 <= number <= len(rows):
        sentence = f"There is no call {number} in this list, which has {len(rows)}. Nothing was changed."
        return complain("history", sentence, FAILED, "no_such_call")
    row = rows[number - 1]
    undo = row.get("undo")
    if undo is None:
        why = row.get("no_undo") or why_no_undo(row["tool"], row["outcome"])  # a former version gave no reason
        sentence = f"Call {number} ({row['tool']}, {row['at']}) has no undo: {why}. Nothing was changed."
        return complain("history", sentence, FAILED, "no_undo")
    approver = TerminalApprover.find()
    result = await runner.call(undo["tool"], undo["arguments"], approver)
    if result.failed:
        raise CallError(result)
    body = result.body or {}
    print_answer(body, lambda: print_answer_of_call(body), as_json=as_json)
    return DONE


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError("--since takes a time such as 2026-05-04 or 2026-05-04T10:15:00Z.") from None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def _is_meant(row: Mapping[str, Any], wanted: Wanted, since: datetime | None) -> bool:
    return (
        (wanted.project is None or row["project"].get("id") == wanted.project)
        and (wanted.caller is None or row.get("caller") == wanted.caller)
        and (wanted.outcome is None or row["outcome"] == wanted.outcome)
        and (since is None or datetime.fromisoformat(row["at"]) >= since)
    )


def _print_table(calls: Sequence[JSONObject], notes: Sequence[str]) -> None:
    for note in notes:
        say(note, error=True)
    if not calls:
        say("Nothing was changed through this server.")
        return
    print_table(_COLUMNS, [_cells(number, row) for number, row in enumerate(calls[:_SHOWN], 1)], wrap=True)
    if (more := len(calls) - _SHOWN) > 0:
        say(f"\n{more} more are older: --since, --project and --outcome choose some, and --json shows all.")
    if numbers := [number for number, row in enumerate(calls[:_SHOWN], 1) if "undo" in row]:
        say(f"\nTo undo one of those with a yes: projects-mcp history --undo {numbers[0]}")


def _cells(number: int, row: Mapping[str, Any]) -> list[str | Styled]:
    outcome = styled(row["outcome"], _STYLES.get(row["outcome"], ""), sys.stdout)
    project = str(row["project"].get("id", ""))
    changed = on_one_line(", ".join(row.get("changed", row.get("sent", ()))))
    undo = "yes" if "undo" in row else ""
    return [
        str(number),
        f"{row['at'][:10]} {row['at'][11:16]}",
        row["tool"],
        project,
        outcome,
        undo,
        changed,
    ]
