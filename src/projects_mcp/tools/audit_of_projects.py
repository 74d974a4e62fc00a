"""Which projects have which values: the matching ones, and how often each value was found."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import CURRENT, JSONObject
from projects_mcp.fleet.values import SECRET_FIELDS, plain, value_text
from projects_mcp.fleet.where import Where
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.all_projects import holds
from projects_mcp.tools.candidates import find_candidates
from projects_mcp.tools.reading_many import ReadProjects, Unreadable, read_each

__all__ = ["AuditRequest", "audit"]

_SHOWN: Final = 20
"""Matching projects that are shown unless more are asked for: 500 projects take two answers of 500 tokens."""
_MOST_COUNTED: Final = 12
"""Fields whose values are counted."""
_MOST_VALUES: Final = 10
"""Values of a field whose number is told, the most frequent first."""
_MOST_UNREADABLE: Final = 20
_OTHERS: Final = "(other values)"


class AuditRequest(NamedTuple):
    """What is asked of many projects.

    Attributes:
        where: which projects are meant.
        fields: what is shown of them.
        search: a part of the name of all that are looked at.
        limit: matching projects that are shown at the most; without conditions also those that are looked at.
        from_id: where to go on: the lowest id that is looked at.
    """

    where: Where
    fields: Sequence[str] = ()
    search: str = ""
    limit: int | None = None
    from_id: int = 0

    @property
    def needed(self) -> list[str]:
        """The fields that must be known of each project."""
        return list(dict.fromkeys([*self.where.names, *self.fields]))


async def audit(context: ToolContext, request: AuditRequest) -> JSONObject:
    """Look at projects, from an id on, as far as the time of a call and the limits of the key allow.

    Raises:
        Refusal: the caller has been taken out, or the limits are used up before the list could be read.
        PostHogError: the list, or anything of the projects, could not be read.
    """
    found = await find_candidates(context, request.search)
    rows = [row for row in found.rows if row["id"] >= request.from_id]
    if not request.where.conditions and request.limit is not None:
        beyond, rows = rows[request.limit :], rows[: request.limit]
    else:
        beyond = []
    read = await read_each(context, rows, request.needed)
    if read.next_id is None and beyond:
        read.next_id = beyond[0]["id"]
    if found.told is not None:  # the list could not be searched, since there was none
        read.projects = [project for project in read.projects if holds(project["name"], request.search.strip())]
        read.unreadable = [one for one in read.unreadable if one.id in found.told]
    result = _answer(context, request, read)
    if found.told != frozenset():
        result["total"] = len(found.rows)
    if incomplete := " ".join(filter(None, (found.incomplete, read.incomplete))):
        result["incomplete"] = incomplete
    return result


def _answer(context: ToolContext, request: AuditRequest, read: ReadProjects) -> JSONObject:
    where = request.where
    matching = [project for project in read.projects if where.holds(project)]
    shown = matching[: _SHOWN if request.limit is None else request.limit]
    columns = list(dict.fromkeys([*where.open_names, *request.fields]))
    result: JSONObject = {"organization_id": _organization(context, read), "read": len(read.projects)}
    if where.conditions:
        result["matching"] = len(matching)
    result["counts"] = _counts(context, request.needed, read.projects)
    if presence := _presence(request.needed, read.projects):
        result["presence"] = presence
    result["projects"] = [_row(project, columns) for project in shown]
    if len(matching) > len(shown):
        result["more"] = len(matching) - len(shown)
    if read.unreadable:
        result["unreadable"] = _named(read.unreadable)
    if read.projects and (missing := _missing(request.needed, read.projects)):
        result["not_returned_by_posthog"] = missing
    if read.next_id is not None:
        result["next_offset"] = read.next_id
        if read.retry_after_s:
            result["retry_after_s"] = math.ceil(read.retry_after_s)
    return result


def _organization(context: ToolContext, read: ReadProjects) -> Any:
    if context.organization is not CURRENT:
        return str(context.organization)
    return read.projects[0]["organization"] if read.projects else None


def _row(project: Mapping[str, Any], columns: Sequence[str]) -> JSONObject:
    row: JSONObject = {"id": project["id"], "name": project["name"]}
    return row | {name: plain(name, project[name]) for name in columns if name in project}


def _counts(context: ToolContext, names: Sequence[str], projects: Sequence[Mapping[str, Any]]) -> JSONObject:
    """Count the values of each field over everything that was read. A name is each project's own."""
    redactor = context.services.redactor
    counted = [name for name in names if name in SETTINGS and name != "name" and name not in SECRET_FIELDS]
    result: JSONObject = {}
    for name in counted[:_MOST_COUNTED]:
        values = Counter(value_text(redactor, name, project[name]) for project in projects if name in project)
        if not values:
            continue
        first = sorted(values.items(), key=lambda item: (-item[1], item[0]))[:_MOST_VALUES]
        if others := values.total() - sum(number for _, number in first):
            first.append((_OTHERS, others))
        result[name] = dict(first)
    return result


def _presence(names: Sequence[str], projects: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say how many projects have a secret. In words: a number beside the name of a secret would be taken for one."""
    asked = [name for name in names if name in SECRET_FIELDS and any(name in project for project in projects)]
    return [f"{sum(bool(project.get(name)) for project in projects)} projects have a {name}" for name in asked]


def _named(unreadable: Sequence[Unreadable]) -> JSONObject:
    """Name what could not be read, by the reason."""
    by_reason: dict[str, list[int]] = {}
    for one in unreadable[:_MOST_UNREADABLE]:
        by_reason.setdefault(one.why, []).append(one.id)
    named: JSONObject = {"projects": by_reason}
    if len(unreadable) > _MOST_UNREADABLE:
        named["more"] = len(unreadable) - _MOST_UNREADABLE
    return named


def _missing(names: Sequence[str], projects: Sequence[Mapping[str, Any]]) -> list[str]:
    return [name for name in names if not any(name in project for project in projects)]
