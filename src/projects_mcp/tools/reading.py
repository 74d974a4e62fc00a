"""Read projects: the list, one of them, its demo data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

from projects_mcp.api.ingestion import ingestion_host
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import CURRENT, MAX_ID, JSONObject, are_project_ids
from projects_mcp.errors.connection import InvalidResponse
from projects_mcp.errors.refusals import OtherOrganization, ProjectNotIdentified
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.all_projects import holds, read_all_projects, read_page
from projects_mcp.tools.allowed_projects import read_allowed_projects
from projects_mcp.tools.auditing import audit_projects, beyond_list
from projects_mcp.tools.comparing import compare_projects
from projects_mcp.tools.names import nearest
from projects_mcp.tools.tool import tool
from projects_mcp.tools.views import list_items, select_fields, summary

__all__ = ["project_get", "project_is_generating_demo_data", "project_list"]

_SEARCHED_HERE: Final = "PostHog did not search, so all projects were read and their names compared here."
_UNORDERED: Final = (
    "PostHog keeps no order: a project that is edited in between can be missing from the pages, or come twice. Up to "
    "500 come in one."
)
_ONE_BY_ONE: Final = "The key is restricted to certain projects, so each of these was read by itself."
_UNREADABLE: Final = (
    "The key may touch them, but they are in another organization (give its organization_id), or are gone."
)
_FEWER: Final = "PostHog answered fewer projects than it counts. Try again in a moment."

_PAGE: Final = 100
"""Projects in a page, unless another number is asked for."""
_FIELDS: Final[Mapping[str, Any]] = {
    "type": "array",
    "items": {"type": "string", "maxLength": 100},
    "maxItems": 100,
    "description": "Fields to show",
}


@tool(
    "project_list",
    "List projects",
    "List PostHog projects, ids and names. Find PostHog projects, look one up by name (staging) or project id, see "
    "every one in an organization (org), how many exist, to pick one of several projects.",
    {
        "search": {"type": "string", "maxLength": 200, "description": "Look for PostHog projects named like this"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 500, "description": "PostHog projects in a page"},
        "offset": {"type": "integer", "minimum": 0, "description": "The next_offset"},
        "fields": _FIELDS,
        "where": {
            "type": "object",
            "description": "Fields to the values to find",
        },
    },
)
async def project_list(
    context: ToolContext,
    *,
    search: str = "",
    limit: int | None = None,
    offset: int = 0,
    fields: Sequence[str] = (),
    where: Mapping[str, Any] | None = None,
) -> JSONObject:
    """Return one page of projects, the organization stated once, and where the next page starts."""
    if where or (fields and beyond_list(fields)):
        return await audit_projects(context, where or {}, fields, search, limit, offset)
    limit = _PAGE if limit is None else limit
    allowed = context.authorization.key.projects
    if allowed is not None:
        listed = await _part_of_allowed(context, allowed, search.strip(), limit, offset)
    elif search.strip() or context.services.policy.only:
        listed = await _part_of_all(context, search, limit, offset)
    else:
        listed = await _page(context, limit, offset)
    projects = listed.projects
    organization = projects[0].get("organization") if projects else _stated(context)
    result: JSONObject = {
        "organization_id": organization,
        "total": listed.total,
        "projects": list_items(projects, fields, organization),
    }
    if listed.more:
        result["next_offset"] = offset + len(projects)
    result |= {name: said for name, said in (("incomplete", listed.incomplete), ("note", listed.note)) if said}
    if listed.unreadable:
        result["unreadable"] = {"projects": listed.unreadable, "why": _UNREADABLE}
    known = {name for item in projects for name in item}
    if projects and (missing := [name for name in fields if name not in known]):
        result["not_in_list"] = {"fields": missing, "use": "project_get", **_meant(missing, {*known, *SETTINGS})}
    return result


@tool(
    "project_get",
    "Get a project",
    "Get PostHog project settings, phc_ token (API key). Check, show how PostHog is really configured: network "
    "domains, filters, time zone, week, IP, phc_ key, if surveys, session recordings are enabled.",
    {
        "detail": {
            "type": "string",
            "enum": ["compact", "full"],
            "description": "full: all fields, heatmaps and each toggle too",
        },
        "fields": {**_FIELDS, "description": "Fields to show, like api_token (public API key)"},
        "compare_to": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_ID,
            "description": "Other PostHog project to see differences",
        },
    },
    current_project=True,
)
async def project_get(
    context: ToolContext,
    *,
    detail: str = "compact",
    fields: Sequence[str] | None = None,
    compare_to: int | None = None,
) -> JSONObject:
    """Return one project, compact, in full, or exactly the fields that were asked for."""
    project = await context.read()
    if not are_project_ids(project.get("id")) or not isinstance(project.get("name"), str):
        raise InvalidResponse("shape")
    if context.project is not CURRENT and project["id"] != context.project:
        raise ProjectNotIdentified
    if context.organization is not CURRENT and project.get("organization") not in (None, str(context.organization)):
        # PostHog answers the current project of the key's owner, whatever organization the path names.
        raise OtherOrganization
    if compare_to is not None:
        return await compare_projects(context, project, compare_to, fields or ())
    if fields:
        selected = select_fields(project, list(dict.fromkeys(fields)))
        return selected | _meant(selected.get("not_returned_by_posthog", ()), project)
    if detail == "full":
        return select_fields(project, None) | {"ingestion_host": ingestion_host(context.origin)}
    return summary(project, context.origin)


@tool(
    "project_is_generating_demo_data",
    "Check demo data",
    "Say whether PostHog is still generating the demo data (sample, fake data) of a project or is done, finished and "
    "ready.",
)
async def project_is_generating_demo_data(context: ToolContext) -> JSONObject:
    """Return PostHog's flag as one boolean."""
    flag = (await context.read()).get("is_generating_demo_data")
    if not isinstance(flag, bool):
        raise InvalidResponse("shape")
    return {"project_id": context.project, "is_generating_demo_data": flag}


class _Listed(NamedTuple):
    """The projects of one answer, how many there are in all, whether more follow, and what is to be said of them.

    `unreadable` are ids of projects that belong to it and that could not be read.
    """

    projects: list[JSONObject]
    total: int | None
    more: bool
    incomplete: str = ""
    note: str = ""
    unreadable: Sequence[int] = ()


async def _page(context: ToolContext, limit: int, offset: int) -> _Listed:
    """Read one page, as PostHog cuts it."""
    page = await read_page(context, limit=limit, offset=offset)
    missing = page.total is not None and not page.more and offset + len(page.rows) < page.total
    note = _UNORDERED if page.more or (offset and page.rows) else ""
    return _Listed(page.rows, page.total, page.more, _FEWER if missing else "", note)


async def _part_of_all(context: ToolContext, search: str, limit: int, offset: int) -> _Listed:
    """Read all projects, and keep those that were looked for and that the operator allows.

    Nothing is said of the others, nor how many they are.
    """
    found = await read_all_projects(context, search)
    only = context.services.policy.only
    rows = [row for row in found.rows if not only or row["id"] in only]
    note = _SEARCHED_HERE if found.searched_here else ""
    return _Listed(rows[offset : offset + limit], len(rows), offset + limit < len(rows), found.incomplete, note)


async def _part_of_allowed(
    context: ToolContext, allowed: AbstractSet[int], search: str, limit: int, offset: int
) -> _Listed:
    """Read the projects of a restricted key, and keep those that were looked for and that the operator allows."""
    only = context.services.policy.only
    found = await read_allowed_projects(context, allowed if only is None else allowed & only)
    rows = [row for row in found.rows if holds(row.get("name"), search)]
    shown = rows[offset : offset + limit]
    told = [number for number in found.unreadable if number in context.authorization.key_projects]
    return _Listed(shown, len(rows), offset + limit < len(rows), found.incomplete, _ONE_BY_ONE, told)


def _meant(missing: Iterable[str], known: Iterable[str]) -> JSONObject:
    """Say for fields that are not there which ones may have been meant."""
    names = sorted(known)
    near = {name: name_meant for name in missing if (name_meant := nearest(name, names)) is not None}
    return {"did_you_mean": near} if near else {}


def _stated(context: ToolContext) -> str | None:
    return None if context.organization is CURRENT else str(context.organization)
