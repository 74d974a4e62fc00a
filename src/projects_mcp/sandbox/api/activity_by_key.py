"""The activity log that a key may read, at an address of its own."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from projects_mcp.sandbox.api.request import ApiRequest
from projects_mcp.sandbox.api.visible import find_visible_project
from projects_mcp.sandbox.errors import not_found
from projects_mcp.sandbox.world.activity_log import page_url, parse_count, serialize
from projects_mcp.sandbox.world.state import ActivityEntry

PATH = "/api/projects/{project}/activity_log"
PAGE_SIZE = 100
"""Entries on a page, unless ``page_size`` asks for another number."""
MAX_PAGE_SIZE = 1_000

_SCOPE = "activity_log:read"


def read_activity_log(request: ApiRequest) -> Response:
    """Respond with a page of the entries of a project, newest first, settings and renames alike.

    Query: ``scope`` (``Team`` or ``Project``), ``scopes`` (several, with commas), ``item_id``, ``user`` (an id),
    ``page`` and ``page_size``. PostHog's behaviour: what it does not know is ignored.

    Raises:
        ApiError: 403 without the scope ``activity_log:read``, 404 for a project that the user does not see, 400 for
            parameters that are no positive numbers.
    """
    project = find_visible_project(request, _SCOPE)
    query = request.http.query_params
    user = parse_count("user", query["user"]) if "user" in query else None
    scopes = query["scopes"].split(",") if query.get("scopes") else None
    entries = [
        entry
        for entry in reversed(project.activity)
        if query.get("scope", entry.scope) == entry.scope
        and (scopes is None or entry.scope in scopes)
        and query.get("item_id", entry.item_id) == entry.item_id
        and (user is None or user == entry.user_id)
    ]
    number = parse_count("page", query.get("page", "1"))
    size = min(MAX_PAGE_SIZE, parse_count("page_size", query.get("page_size", str(PAGE_SIZE))))
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
