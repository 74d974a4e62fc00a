"""The activity log of a project: write entries, and read pages of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from projects_mcp.sandbox.errors import ApiError, invalid, server_error
from projects_mcp.sandbox.world.state import ActivityEntry, Fields, Project, World, timestamp

Change = Mapping[str, Any]
"""One changed field: ``type``, ``action``, ``field``, ``before``, ``after``."""

Scope = Literal["Team", "Project"]

_NOT_LOGGED = frozenset({"updated_at", "project_id"})
_PROJECT_FIELDS = frozenset({"name", "product_description"})
_SILENT_WHEN_CLEARED: frozenset[str] = frozenset({"survey_config"})
_LOGGED_AS = {"primary_dashboard": "primary_dashboard_id"}


def record(
    world: World,
    project: Project,
    user_id: int | None,
    activity: str,
    *,
    changes: Iterable[Change] = (),
    scope: Scope = "Team",
    at: datetime | None = None,
) -> None:
    """Add an entry to a project's activity log.

    Args:
        world: Its clock and its source of ids are used.
        project: The owner of the log.
        user_id: The author; None for PostHog itself.
        activity: ``created``, ``updated`` or ``deleted``.
        changes: Of the project's fields.
        scope: PostHog's behaviour: settings, tokens, creation and deletion are written as ``Team`` and shown; renames,
            descriptions and moves are written as ``Project`` and not shown.
        at: The time of the entry; the world's clock by default.
    """
    entry = ActivityEntry(
        id=world.new_uuid(),
        user_id=user_id,
        activity=activity,
        scope=scope,
        item_id=str(project.id),
        name=project.name,
        changes=tuple(changes),
        created_at=at or world.clock(),
    )
    project.activity.append(entry)


def describe_change(field: str, before: Any, after: Any, *, scope: Scope = "Team") -> Change:
    """Describe a changed field for the log."""
    action = "created" if before is None else "deleted" if after is None else "changed"
    return {"type": scope, "action": action, "field": field, "before": before, "after": after}


def record_changes(world: World, project: Project, user_id: int, before: Fields) -> None:
    """Record the difference between `before` and the project's fields, in one entry for each scope with changes."""
    scopes: tuple[Scope, ...] = ("Team", "Project")
    silent = _SILENT_WHEN_CLEARED if world.behaviour.former_rules else frozenset()
    for scope in scopes:
        changes = [
            describe_change(_LOGGED_AS.get(name, name), *_as_logged(name, before.get(name), value), scope=scope)
            for name, value in project.fields.items()
            if name not in _NOT_LOGGED
            and before.get(name) != value
            and _scope(name) == scope
            and not (value is None and name in silent)
        ]
        if changes:
            record(world, project, user_id, "updated", changes=changes, scope=scope)


def _as_logged(field: str, before: Any, after: Any) -> tuple[Any, Any]:
    """Return the values as the log shows them: PostHog's behaviour: a sample rate without zeros at its end."""
    if field != "session_recording_sample_rate":
        return before, after
    return _shorten(before), _shorten(after)


def _shorten(rate: Any) -> Any:
    return rate.rstrip("0").rstrip(".") if isinstance(rate, str) and "." in rate else rate


def _scope(field: str) -> Scope:
    return "Project" if field in _PROJECT_FIELDS else "Team"


def mask(token: str) -> str:
    """Mask a secret as PostHog does: keep its first and its last four characters."""
    return f"{token[:4]}...{token[-4:]}"


def read_page(world: World, project: Project, query: Mapping[str, str], url: str) -> Fields:
    """Return one page of a project's activity log, newest first.

    Args:
        world: Holds the authors.
        project: The owner of the log.
        query: ``limit`` (default 10) and ``page`` (default 1).
        url: The absolute address of the request, for the addresses of other pages.

    Raises:
        ApiError: 400 with the parameter for one that is not a positive number and for a page that does not exist; in
            older versions 500.
    """
    entries = [entry for entry in reversed(project.activity) if entry.scope == "Team"]
    try:
        limit, number = parse_count("limit", query.get("limit", "10")), parse_count("page", query.get("page", "1"))
        pages = max(1, -(-len(entries) // limit))
        if number > pages:
            raise invalid("That page contains no results.", attr="page")
    except ApiError:
        if world.behaviour.checks_activity_query:
            raise
        raise server_error() from None
    return {
        "results": [serialize(world, entry) for entry in entries[(number - 1) * limit : number * limit]],
        "next": page_url(url, page=number + 1, limit=limit) if number < pages else None,
        "previous": page_url(url, page=number - 1, limit=limit) if number > 1 else None,
        "total_count": len(entries),
    }


def parse_count(name: str, text: str) -> int:
    """Parse a parameter of a query that is a positive number.

    Raises:
        ApiError: 400 with its name.
    """
    try:
        number = int(text)
    except ValueError:
        raise invalid("A valid integer is required.", attr=name) from None
    if number < 1:
        detail = "Ensure this value is greater than or equal to 1."
        raise invalid(detail, code="min_value", attr=name)
    return number


def page_url(url: str, **parameters: int) -> str:
    """Return an address with other parameters."""
    for name, value in parameters.items():
        pattern = rf"([&?]{name}=)\d+"
        if re.search(pattern, url):
            url = re.sub(pattern, rf"\g<1>{value}", url)
        else:
            url += f"{'&' if '?' in url else '?'}{name}={value}"
    return url


def serialize(world: World, entry: ActivityEntry) -> Fields:
    """Return an entry as answers show it. PostHog's behaviour: older versions do not name it."""
    named = world.behaviour.names_activity_entries
    user = world.users.get(entry.user_id) if entry.user_id is not None else None
    return {
        **({"id": entry.id} if named else {}),
        "user": (
            {"first_name": user.first_name, "email": user.email}
            if user
            else {"first_name": "System", "email": None, "is_system": True}
        ),
        "activity": entry.activity,
        "scope": entry.scope,
        "item_id": entry.item_id,
        "detail": {
            **({"id": None, "merge": None} if named else {}),
            "changes": [dict(change) for change in entry.changes],
            "trigger": None,
            "name": entry.name,
            "short_id": None,
            "type": None,
        },
        "created_at": timestamp(entry.created_at),
    }
