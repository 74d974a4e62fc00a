"""Read from the end of an audit file which calls have changed something. The file may hold anything.

A file is read backwards in blocks, and no further than its bound, so that a log of years costs no more than one of a
day. Files that were rotated away beside it (`audit.1`, `audit.2`) follow while there is room. A line that is torn, too
long, altered or no record of this program is skipped and counted.
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.api.types import JSONObject, are_project_ids, parse_uuid
from projects_mcp.gateway.audit_chain import LONGEST_LINE, parse_link
from projects_mcp.gateway.no_undo import why_no_undo

__all__ = ["AuditPast", "read_audit_past"]

_BLOCK: Final = 65_536
_MOST_ROTATED: Final = 9
"""Files beside the first that are looked at."""
_MOST_NAMES: Final = 100
_OPEN: Final = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,99}")
_WORD: Final = re.compile(r"[a-z_]{1,32}")
_ID: Final = re.compile(r"[0-9a-f]{8,64}")
_LONGEST_CALLER: Final = 200
_EFFECTS: Final = frozenset({"add", "change", "destroy"})
_EVENTS: Final = frozenset({"intent", "outcome", "call"})
_NOTHING_HAPPENED: Final = frozenset({"preview", "question_pending", "cancelled"})
_DELETION_WAITS: Final = timedelta(hours=48)
_NO_VALUES: Final = "the audit log has the names of settings, and not their values"
_OF_A_PLAN: Final = f"{_NO_VALUES}; the receipt of its plan names the plan that undoes it"
_NO_PLACE: Final = "the audit log does not say where the project was"
_TOO_OLD: Final = "PostHog waits for 48 hours at most before it deletes"
_NO_END: Final = "its end is not in the audit log: it is under way, or its process was killed"


class AuditPast(NamedTuple):
    """What an audit file says of the past.

    Attributes:
        calls: the id of each call that may have changed something -> what is known of it, the newest first.
        skipped: lines that could not be read.
        whole: whether nothing older is in the files that were looked at.
    """

    calls: dict[str, JSONObject]
    skipped: int
    whole: bool


def read_audit_past(
    path: Path, origin: str, wanted: Callable[[JSONObject], bool], most_calls: int, most_bytes: int
) -> AuditPast:
    """Read the newest calls of an audit file. Blocks: for a thread.

    Args:
        path: the file.
        origin: where PostHog is. Calls to another one are left out, if their line says so.
        wanted: whether a call may be shown.
        most_calls: calls at the most.
        most_bytes: bytes that are read at the most, over all files.

    Raises:
        OSError: the file is not there, or cannot be read.
    """
    calls: dict[str, JSONObject] = {}
    others: set[str] = set()
    skipped = 0
    for line in _lines_backwards(path, most_bytes):
        if line is _CUT:
            return AuditPast(calls, skipped, whole=False)
        record = None if line is None else _record_of(line)
        if record is None:
            skipped += 1
            continue
        number = record["request_id"]
        if record["effect"] not in _EFFECTS or number in others or record.get("posthog", origin) != origin:
            continue
        # The end of a call comes before its intent, because the file is read backwards.
        row = calls.get(number) or _row(record)
        if number not in calls and (row["outcome"] in _NOTHING_HAPPENED or not wanted(row)):
            others.add(number)
        elif number not in calls and len(calls) == most_calls:
            return AuditPast(calls, skipped, whole=False)
        else:
            calls[number] = row | _sent(record)
    return AuditPast(calls, skipped, whole=True)


def _sent(record: JSONObject) -> JSONObject:
    """Return the names of the fields that an intent was about to send."""
    names = record.get("fields")
    if record["event"] != "intent" or not isinstance(names, list):
        return {}
    sent = [name for name in names[:_MOST_NAMES] if isinstance(name, str) and _NAME.fullmatch(name)]
    return {"sent": sent} if sent else {}


def _row(record: JSONObject) -> JSONObject:
    at = record["time"]
    outcome = "unknown" if record["event"] == "intent" else record.get("outcome", "unknown")
    caller, plan = record.get("caller"), record.get("plan")
    project = record.get("project") if are_project_ids(record.get("project")) else None
    place = parse_uuid(record.get("organization"))
    row: JSONObject = {
        "at": at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "caller": caller if isinstance(caller, str) and len(caller) <= _LONGEST_CALLER else None,
        "tool": record["tool"],
        "project": {"id": project, "organization_id": None if place is None else str(place)},
        "outcome": outcome,
        "plan": plan if isinstance(plan, str) and _ID.fullmatch(plan) else None,
        "source": "audit_log",
    }
    why = ""
    if record["tool"] == "project_update":
        why = _NO_VALUES if row["plan"] is None else _OF_A_PLAN
    elif record["tool"] == "project_delete" and outcome == "applied":
        why = _NO_PLACE if None in (project, place) else _TOO_OLD
    if why == _TOO_OLD and datetime.now(UTC) - at <= _DELETION_WAITS:
        arguments = {"organization_id": str(place), "project_id": project}
        row["undo"] = {"tool": "project_cancel_deletion", "arguments": arguments}
    else:
        row["no_undo"] = why_no_undo(record["tool"], outcome, why)
    if record["event"] == "intent":
        row["note"] = _NO_END
    return {name: item for name, item in row.items() if item is not None}


def _record_of(line: bytes) -> JSONObject | None:
    """Read a line; None if it is no record as this program writes it, or was altered since."""
    link = parse_link(line)
    if len(line) > LONGEST_LINE or (link is not None and not link.intact):
        return None
    try:
        record = json.loads(line)
        at = datetime.fromisoformat(record["time"])
        told = (record["event"] in _EVENTS, record["tool"] in OPERATIONS, isinstance(record["effect"], str))
        words = (_ID.fullmatch(record["request_id"]), _WORD.fullmatch(record.get("outcome", "unknown")))
        at = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    return {**record, "time": at} if all(told) and all(words) else None


_CUT: Final = b"\n"
"""Stands for everything that was not read any more. No line holds a line break."""


def _lines_backwards(path: Path, most_bytes: int) -> Iterator[bytes | None]:
    """Yield the lines of a file and of those that it was rotated to, the last one first; None for one too long."""
    left = most_bytes
    for number in range(_MOST_ROTATED + 1):
        try:
            file = _open(path if number == 0 else path.with_name(f"{path.name}.{number}"))
        except OSError:
            if number == 0:
                raise
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            yield from _lines_of(file, size, left)
        left -= size
        if left <= 0:
            return


def _open(path: Path) -> BinaryIO:
    """Open a file to read, if it is a regular one. A pipe would have to be waited for.

    Raises:
        OSError: it is not there, cannot be read, or is no regular file.
    """
    file = os.fdopen(os.open(path, _OPEN), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "it is no regular file")


def _lines_of(file: BinaryIO, size: int, most_bytes: int) -> Iterator[bytes | None]:
    """Yield the lines of one file; `_CUT` at last, if it is longer than may be read."""
    start, end = max(0, size - most_bytes), size
    rest, too_long = b"", False
    while end > start:
        begin = max(start, end - _BLOCK)
        file.seek(begin)
        lines = (file.read(end - begin) + rest).split(b"\n")
        end = begin
        if too_long and len(lines) > 1:
            yield None
            del lines[-1]
            too_long = False
        rest = lines[0]
        yield from (line for line in reversed(lines[1:]) if line)
        if too_long or len(rest) > LONGEST_LINE:
            too_long, rest = True, b""
    if start:
        yield _CUT
    elif too_long:
        yield None
    elif rest:
        yield rest
