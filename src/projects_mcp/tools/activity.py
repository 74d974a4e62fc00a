"""Show who changed what in a project and when, and with each change of settings how to take it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import JSONObject
from projects_mcp.errors.refusals import InvalidArguments
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.activity_log import LogPage, find_entries, read_log_page
from projects_mcp.tools.names import unknown_name
from projects_mcp.tools.readback_checks import parse_time
from projects_mcp.tools.tool import tool
from projects_mcp.tools.way_back import logged_field, undo_of_entry

__all__ = ["project_activity"]

_BY_SESSION: Final = "This log leaves out new names, new descriptions and moves, and masks secrets."
_BY_KEY: Final = "This log masks secrets, and goes back as far as the organization's plan says."
_NOT_ALL: Final = "Only the newest 1,000 entries were looked through."


@tool(
    "project_activity",
    "Show a project's activity",
    "Show the activity log, audit log of a PostHog project: who made changes, changed settings, and when. History, "
    "last changes: know if someone edited, modified, moved, removed something, disabled replay.",
    {
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "description": "Entries in a page"},
        "page": {"type": "integer", "minimum": 1, "maximum": 100_000, "description": "Page to show"},
        "field": {"type": "string", "minLength": 1, "maxLength": 100, "description": "Setting somebody changed"},
        "by": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Anyone's name or email"},
        "since": {"type": "string", "minLength": 1, "maxLength": 40, "description": "ISO 8601 time"},
    },
)
async def project_activity(
    context: ToolContext, *, limit: int = 10, page: int = 1, field: str = "", by: str = "", since: str = ""
) -> JSONObject:
    """Return one page of the activity log, or of those entries that were looked for."""
    begin = _time(since)
    if field and field not in SETTINGS:
        raise InvalidArguments(problems=[unknown_name(field, "settings", list(SETTINGS))])
    by_session = context.operation.session_only
    if not by_session:  # the address of the log names no organization, to which the call may be held
        await context.read_project()
    if field or by or begin:
        log = await find_entries(context, lambda entry: _is_wanted(entry, field, by), begin, limit, page)
    else:
        log = await read_log_page(context, limit, page)
    result: JSONObject = {
        "project_id": context.project,
        "total": log.total,
        "page": page,
        "activity": await context.work(_lines, context, log),
        "note": _BY_SESSION if by_session else _BY_KEY,
    }
    if log.more:
        result["next_page"] = page + 1
    if log.incomplete:
        result["incomplete"] = _NOT_ALL
    return result


def _time(text: str) -> datetime | None:
    """Read the time from which entries are wanted.

    Raises:
        InvalidArguments: it is none.
    """
    when = parse_time(text)
    if text and when is None:
        raise InvalidArguments(problems=["`since` must be a time such as 2026-05-04 or 2026-05-04T10:15:00Z."])
    return when


def _is_wanted(entry: Mapping[str, Any], field: str, by: str) -> bool:
    if by and by.strip().casefold() not in (_who(entry.get("user")) or "").casefold():
        return False
    return not field or any(logged_field(change) == field for change in _changes(entry))


def _lines(context: ToolContext, log: LogPage) -> list[JSONObject]:
    return [_line(context, entry) for entry in log.entries]


def _line(context: ToolContext, entry: Mapping[str, Any]) -> JSONObject:
    """One line of the log: when, who, what, the values before and after, and the call that takes it back."""
    detail = _detail(entry)
    line: JSONObject = {
        "at": entry.get("created_at"),
        "by": _who(entry.get("user")),
        "activity": entry.get("activity"),
        "name": detail.get("name"),
    }
    if changes := _changes(entry):
        line["changes"] = [
            {name: change.get(name) for name in ("field", "before", "after") if name in change} for change in changes
        ]
        line |= undo_of_entry(context, changes)
    return {name: value for name, value in line.items() if value is not None}


def _detail(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    detail = entry.get("detail")
    return detail if isinstance(detail, dict) else {}


def _changes(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    changes = _detail(entry).get("changes")
    return [change for change in changes if isinstance(change, dict)] if isinstance(changes, list) else []


def _who(user: object) -> str | None:
    if not isinstance(user, dict):
        return None
    name, email = user.get("first_name"), user.get("email")
    return f"{name} <{email}>" if name and email else name or email
