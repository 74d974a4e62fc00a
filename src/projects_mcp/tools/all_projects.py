"""Read all projects of an organization, although PostHog's pages have no order.

PostHog's list takes an offset and sorts by nothing. A project that is edited moves, so pages that are read one after
another can miss one and repeat another. Here pages overlap, a project counts once, and the number of projects is held
against the one that PostHog states. What cannot be made whole is called incomplete.

Versions of 2025 ignore `search` and answer every project. So names are compared here, as PostHog compares them: the
phrase is somewhere in the name, in any case. PostHog searches no other field.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from projects_mcp.api.types import CURRENT, JSONObject, are_project_ids
from projects_mcp.errors.connection import InvalidResponse, PostHogError
from projects_mcp.errors.refusals import RequestsUsedUp
from projects_mcp.gateway.context import ToolContext
from projects_mcp.state.sliding_windows import SlidingWindows

__all__ = ["AllProjects", "Page", "holds", "read_all_projects", "read_page"]

_LARGEST_PAGE: Final = 500
_OVERLAP: Final = 25
"""Rows that are read again with the next page: more than are edited while a page is on its way."""
_MOST_PROJECTS: Final = 5_000
"""PostHog's own cap is 2,000 projects in an organization."""
_MOST_PAGES: Final = 70
"""Enough for the most projects, even if a page holds no more than 100."""

_MOVED: Final = "Projects changed while they were read, so some may be missing. Try again in a moment."
_TOO_MANY: Final = f"Only the first {_MOST_PROJECTS:,} projects were read."


class Page(NamedTuple):
    """One page of projects as PostHog answered it.

    Attributes:
        rows: the projects.
        total: how many there are in all, if PostHog says so.
        more: whether others follow.
    """

    rows: list[JSONObject]
    total: int | None
    more: bool

    @property
    def is_whole(self) -> bool:
        """Whether this first page holds all projects, as far as PostHog says, and all of one organization."""
        number = len({row["id"] for row in self.rows})
        return not self.more and self.total in (None, number) and _of_one_organization(self.rows)


class AllProjects(NamedTuple):
    """The projects of an organization.

    Attributes:
        rows: those that were looked for, each once, by id.
        incomplete: why some may be missing, as a sentence; empty if all are here.
        searched_here: whether PostHog answered others too, so that names were compared here.
    """

    rows: list[JSONObject]
    incomplete: str = ""
    searched_here: bool = False


class _Reading(NamedTuple):
    """What reading through the pages once has shown: the projects by id, and why some may be missing."""

    rows: dict[int, JSONObject]
    incomplete: str = ""


async def read_all_projects(
    context: ToolContext, search: str = "", windows: SlidingWindows | None = None
) -> AllProjects:
    """Read all projects of the call's organization whose name holds a phrase; if some may be missing, once more.

    Args:
        context: of the call.
        search: the phrase; empty for all.
        windows: count the requests; None if they need not be counted.

    Raises:
        RequestsUsedUp: no more requests may be sent now.
        PostHogError: PostHog refused the first reading, or could not be reached.
    """
    phrase = search.strip()
    found = await _read_through(context, phrase, windows)
    if found.incomplete and found.incomplete != _TOO_MANY:
        found = await _read_again(context, phrase, found, windows)
    rows = [found.rows[number] for number in sorted(found.rows)]
    matching = [row for row in rows if holds(row.get("name"), phrase)]
    return AllProjects(matching, found.incomplete, searched_here=len(matching) < len(rows))


async def read_page(context: ToolContext, *, search: str = "", limit: int = _LARGEST_PAGE, offset: int = 0) -> Page:
    """Read one page of the organization's projects.

    Raises:
        InvalidResponse: what came is no page of projects of that organization.
    """
    query: dict[str, str | int] = {"limit": limit}
    if offset:
        query["offset"] = offset
    if search:
        query["search"] = search
    answer = await context.list_projects(query)
    rows, count = answer.get("results"), answer.get("count")
    if not isinstance(rows, list) or not _are_projects(context, rows):
        raise InvalidResponse("shape")
    total = count if type(count) is int else None
    more = bool(rows) and (bool(answer.get("next")) or (total is not None and offset + len(rows) < total))
    return Page(rows, total, more)


async def _read_through(context: ToolContext, phrase: str, windows: SlidingWindows | None) -> _Reading:
    rows: dict[int, JSONObject] = {}
    totals: set[int | None] = set()
    offset = 0
    for number in range(1, _MOST_PAGES + 1):
        if windows is not None and (wait_s := await windows.take()):
            raise RequestsUsedUp(retry_after_s=math.ceil(wait_s))
        page = await read_page(context, search=phrase, offset=offset)
        totals.add(page.total)
        known = len(rows)
        rows |= {row["id"]: row for row in page.rows}
        if not page.more:
            stated = totals == {len(rows)} or (totals == {None} and number == 1)
            return _Reading(rows, "" if stated and _of_one_organization(rows.values()) else _MOVED)
        if len(rows) >= _MOST_PROJECTS:
            break
        if len(rows) == known:  # whatever is asked for, the same projects come
            return _Reading(rows, _MOVED)
        offset += len(page.rows) - min(_OVERLAP, len(page.rows) // 2)
    return _Reading(rows, _TOO_MANY)


async def _read_again(context: ToolContext, phrase: str, first: _Reading, windows: SlidingWindows | None) -> _Reading:
    try:
        second = await _read_through(context, phrase, windows)
    except (PostHogError, RequestsUsedUp):
        return first
    return _Reading({**first.rows, **second.rows}, second.incomplete) if second.incomplete else second


def _are_projects(context: ToolContext, rows: list[Any]) -> bool:
    if not all(isinstance(row, dict) for row in rows) or not are_project_ids(*[row.get("id") for row in rows]):
        return False
    asked = context.organization
    return asked is CURRENT or all(row.get("organization") in (None, str(asked)) for row in rows)


def _of_one_organization(rows: Iterable[JSONObject]) -> bool:
    """Whether the current organization has stayed the same from page to page."""
    return len({str(row.get("organization")) for row in rows}) <= 1


def holds(name: object, phrase: str) -> bool:
    """Whether a phrase is in a name, in any case. What is upper case of what differs between Python and databases."""
    return isinstance(name, str) and any(
        folded(phrase) in folded(name) for folded in (str.casefold, str.lower, str.upper)
    )
