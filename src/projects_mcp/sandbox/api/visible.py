"""Find a project that is named without its organization."""

from __future__ import annotations

from projects_mcp.sandbox.api.permissions import has_scope, is_unlimited
from projects_mcp.sandbox.api.request import CURRENT, ApiRequest
from projects_mcp.sandbox.errors import forbidden, invalid, not_found
from projects_mcp.sandbox.world.state import Project


def find_visible_project(request: ApiRequest, scope: str) -> Project:
    """Return the project of an address below ``/api/projects/``, which names no organization.

    Args:
        request: The request.
        scope: The scope that a key needs.

    Raises:
        ApiError: 403 without the scope and outside of the key's restrictions, 404 for a project that the user does not
            see, 400 for an id that is no number.
    """
    key, segment = request.principal.key, request.http.path_params["project"]
    if key is not None and not is_unlimited(request, key) and not has_scope(key, scope):
        raise forbidden(f"API key missing required scope '{scope}'")
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
