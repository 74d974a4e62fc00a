"""Pages of PostHog's activity log of one project, by either of its two addresses.

A session reads what PostHog's own page of the project shows. A key reads the log of the whole project, of which only
the project itself is asked for: its settings (`Team`), and its name, description and place (`Project`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from projects_mcp.api.types import JSONObject
from projects_mcp.errors.connection import InvalidResponse
from projects_mcp.errors.refusals import NoSuchPage
from projects_mcp.errors.rejected import InvalidRequest, NotFound, ServerError
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.readback_checks import parse_time

__all__ = ["LogPage", "find_entries", "read_log_page"]

_SCOPES: Final = ("Team", "Project")
_PAGE: Final = 100
_MOST_PAGES: Final = 10
"""Pages that are read to find entries: a thousand entries, and two seconds or so."""


class LogPage(NamedTuple):
    """Entries of the log, newest first.

    Attributes:
        entries: as PostHog answers them.
        total: how many there are in all, if that is known.
        more: whether older ones follow.
        read: how many were looked through to find these.
        incomplete: whether there may be more that were not looked through.
    """

    entries: list[JSONObject]
    total: int | None
    more: bool
    read: int = 0
    incomplete: bool = False


async def read_log_page(context: ToolContext, limit: int, page: int) -> LogPage:
    """Read one page.

    Args:
        context: of the call.
        limit: entries in a page, 1 to 100.
        page: its number, from 1.

    Raises:
        NoSuchPage: it is past the end.
        PostHogError: PostHog refused it, or could not be reached.
    """
    try:
        answer = await context.read(_query(context, limit, page))
    except (InvalidRequest, NotFound, ServerError):
        await _require_page(context, limit, page)
        raise
    results = answer.get("results")
    if not isinstance(results, list):
        raise InvalidResponse("shape")
    if page > 1 and not results:
        await _require_page(context, limit, page)
    entries = [item for item in results if isinstance(item, dict) and _is_of_project(context, item)]
    return LogPage(entries, _total(answer), bool(answer.get("next")), len(results))


async def find_entries(
    context: ToolContext, wanted: Callable[[Mapping[str, Any]], bool], since: datetime | None, limit: int, page: int
) -> LogPage:
    """Look for entries, page by page, in the newest thousand.

    Args:
        context: of the call.
        wanted: whether an entry is one of those.
        since: nothing older is looked for; None for any time.
        limit: entries in a page of those found.
        page: which page of those found.

    Raises:
        PostHogError: PostHog refused a page, or could not be reached.
    """
    found: list[JSONObject] = []
    read, more, number = 0, True, 0
    while more and number < _MOST_PAGES and len(found) <= limit * page:
        number += 1
        part = await read_log_page(context, _PAGE, number)
        read, more = read + part.read, part.more
        young = [entry for entry in part.entries if not _is_older(entry, since)]
        more = more and len(young) == len(part.entries)
        found += [entry for entry in young if wanted(entry)]
    shown = found[limit * (page - 1) : limit * page]
    left = len(found) > limit * page
    return LogPage(shown, None if more else len(found), left, read, incomplete=more and not left)


def _query(context: ToolContext, limit: int, page: int) -> dict[str, str | int]:
    if context.operation.session_only:
        return {"limit": limit, "page": page}
    return {"page": page, "page_size": limit, "scopes": ",".join(_SCOPES), "item_id": str(context.project)}


def _is_of_project(context: ToolContext, entry: Mapping[str, Any]) -> bool:
    """Whether an entry is about the project itself, in case a version of PostHog does not filter."""
    if context.operation.session_only:
        return True
    return entry.get("scope") in _SCOPES and str(entry.get("item_id")) == str(context.project)


def _total(answer: Mapping[str, Any]) -> int | None:
    total = answer.get("total_count", answer.get("count"))
    return total if type(total) is int else None


def _is_older(entry: Mapping[str, Any], since: datetime | None) -> bool:
    when = parse_time(entry.get("created_at"))
    return since is not None and when is not None and when < since


async def _require_page(context: ToolContext, limit: int, page: int) -> None:
    """Make sure that a page is there. Of one past the end, versions of PostHog answer 404, 400, 500 or nothing.

    Raises:
        NoSuchPage: it is past the end.
        PostHogError: the first page cannot be read either.
    """
    if page == 1:
        return
    total = _total(await context.read(_query(context, limit, 1)))
    if total is not None and total <= (page - 1) * limit:
        raise NoSuchPage(page=page, pages=max(1, -(-total // limit)))
