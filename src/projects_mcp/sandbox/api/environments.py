"""The environments of a project: there is one, which is the project itself, and PostHog refuses another."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from projects_mcp.sandbox.api.request import ApiRequest
from projects_mcp.sandbox.api.visible import find_visible_project
from projects_mcp.sandbox.errors import forbidden

PATH = "/api/projects/{project}/environments"

_LIMIT: Final = (
    "You have reached the maximum limit of allowed environments for your current plan. "
    "Upgrade your plan to be able to create and manage more environments."
)


def create_environment(request: ApiRequest) -> Response:
    """Refuse another environment.

    PostHog's behaviour: a project has one environment that is no demo, whatever the plan; in August 2025 the plan could
    allow more. The words are those of a plan all the same.

    Raises:
        ApiError: 403, always; also those of `find_visible_project`.
    """
    find_visible_project(request, "project:write")
    raise forbidden(_LIMIT)
