"""The activity log of a project: write entries, and read pages of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal

from projects_mcp.sandbox.errors import server_error
from projects_mcp.sandbox.world.state import ActivityEntry, Fields, Project, World, timestamp

Change = Mapping[str, Any]
"""One changed field: ``type``, ``action``, ``field``, ``before``, ``after``."""

Scope = Literal["Team", "Project"]

_NOT_LOGGED = frozenset({"updated_at", "project_id"})
_PROJECT_FIELDS = frozenset({"name", "product_description"})
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
    for scope in scopes:
        changes = [
            describe_change(_LOGGED_AS.get(name, name), before.get(name), value, scope=scope)
            for name, value in project.fields.items()
            if name not in _NOT_LOGGED and before.get(name) != value and _scope(name) == scope
        ]
        if changes:
            record(world, project, user_id, "updated", changes=changes, scope=scope)


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
        ApiError: 500 for a query that is not a number and for a page that does not exist, as PostHog does.
    """
    limit, number = _parse_integer(query.get("limit", "10")), _parse_integer(query.get("page", "1"))
    entries = [entry for entry in reversed(project.activity) if entry.scope == "Team"]
    pages = max(1, -(-len(entries) // limit)) if limit > 0 else 0
    if not 1 <= number <= pages:
        raise server_error()
    return {
        "results": [_serialize(world, entry) for entry in entries[(number - 1) * limit : number * limit]],
        "next": _page_url(url, number + 1, limit) if number < pages else None,
        "previous": _page_url(url, number - 1, limit) if number > 1 else None,
        "total_count": len(entries),
    }


def _parse_integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise server_error() from None


def _page_url(url: str, number: int, limit: int) -> str:
    for name, value in (("page", number), ("limit", limit)):
        pattern = rf"([&?]{name}=)\d+"
        if re.search(pattern, url):
            url = re.sub(pattern, rf"\g<1>{value}", url)
        else:
            url += f"{'&' if '?' in url else '?'}{name}={value}"
    return url


def _serialize(world: World, entry: ActivityEntry) -> Fields:
    user = world.users.get(entry.user_id) if entry.user_id is not None else None
    return {
        "id": entry.id,
        "user": (
            {"first_name": user.first_name, "email": user.email}
            if user
            else {"first_name": "System", "email": None, "is_system": True}
        ),
        "activity": entry.activity,
        "scope": entry.scope,
        "item_id": entry.item_id,
        "detail": {
            "id": None,
            "changes": [dict(change) for change in entry.changes],
            "merge": None,
            "trigger": None,
            "name": entry.name,
            "short_id": None,
            "type": None,
        },
        "created_at": timestamp(entry.created_at),
    }
