"""The activity log that a key may read, at an address of its own."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from projects_mcp.sandbox.api.permissions import has_scope, is_unlimited
from projects_mcp.sandbox.api.request import CURRENT, ApiRequest
from projects_mcp.sandbox.errors import forbidden, invalid, not_found
from projects_mcp.sandbox.world.activity_log import page_url, parse_count, serialize
from projects_mcp.sandbox.world.state import ActivityEntry, Project

PATH = "/api/projects/{project}/activity_log"
PAGE_SIZE = 100
"""Entries on a page, unless ``page_size`` asks for fewer."""

_SCOPE = "activity_log:read"


def read_activity_log(request: ApiRequest) -> Response:
    """Respond with a page of the entries of a project, newest first, settings and renames alike.

    Query: ``scope`` (``Team`` or ``Project``), ``item_id``, ``user`` (an id), ``page`` and ``page_size``.

    Raises:
        ApiError: 403 without the scope ``activity_log:read``, 404 for a project that the user does not see, 400 for
            parameters that are no positive numbers.
    """
    project = _find_project(request)
    query = request.http.query_params
    user = parse_count("user", query["user"]) if "user" in query else None
    entries = [
        entry
        for entry in reversed(project.activity)
        if query.get("scope", entry.scope) == entry.scope
        and query.get("item_id", entry.item_id) == entry.item_id
        and (user is None or user == entry.user_id)
    ]
    number = parse_count("page", query.get("page", "1"))
    size = min(PAGE_SIZE, parse_count("page_size", query.get("page_size", str(PAGE_SIZE))))
    return JSONResponse(_page(request, entries, number, size))


def _page(request: ApiRequest, entries: list[ActivityEntry], number: int, size: int) -> dict[str, object]:
    pages = max(1, -(-len(entries) // size))
    if number > pages:
        raise not_found("Invalid page.")
    shown = entries[(number - 1) * size : number * size]
    return {
        "count": len(entries),
        "next": page_url(request.url, page=number + 1) if number < pages else None,
        "previous": page_url(request.url, page=number - 1) if number > 1 else None,
        "results": [serialize(request.world, entry) for entry in shown],
    }


def _find_project(request: ApiRequest) -> Project:
    key, segment = request.principal.key, request.http.path_params["project"]
    if key is not None and not is_unlimited(request, key) and not has_scope(key, _SCOPE):
        raise forbidden(f"API key missing required scope '{_SCOPE}'")
    try:
        number = request.user.current_project_id if segment == CURRENT else int(segment)
    except ValueError:
        raise invalid(f"Field 'id' expected a number but got '{segment}'.") from None
    project = request.world.projects.get(number or 0)
    if project is None or request.world.level(request.user.id, project.organization_id) is None:
        raise not_found()
    if key is not None and key.scoped_teams and project.id not in key.scoped_teams:
        raise forbidden(f"API key does not have access to the requested project: ID {project.id}.")
    if key is not None and key.scoped_organizations and project.organization_id not in key.scoped_organizations:
        raise forbidden(f"API key does not have access to the requested organization: ID {project.organization_id}.")
    return project
