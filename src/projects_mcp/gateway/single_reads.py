"""Read a project besides the one of the call, in a named organization and with one request, which can be counted.

The time of a call is not charged for it: many of these are under way at once, and whoever sends them has a deadline.
"""

from __future__ import annotations

from typing import Final

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.api.types import JSONObject, OrganizationRef, are_project_ids, parse_uuid
from projects_mcp.errors.connection import RequestNotSent
from projects_mcp.errors.refusals import CallerWithdrawn, ProjectNotIdentified
from projects_mcp.errors.rejected import Forbidden
from projects_mcp.gateway.context import ToolContext

__all__ = ["read_once"]

_GET: Final = OPERATIONS["project_get"]


async def read_once(context: ToolContext, organization: OrganizationRef, project: int, within_s: float) -> JSONObject:
    """Read a project with one request that is not repeated, and hold the answer to the rights of the call.

    Args:
        context: of the call.
        organization: where the project should be.
        project: its id.
        within_s: seconds for the request.

    Raises:
        Refusal: the call may not touch the project or its organization, or PostHog has refused it before.
        ProjectNotIdentified: PostHog answered another project.
        PostHogError: PostHog refused it, or could not be reached.
    """
    services, authorization = context.services, context.authorization
    if services.standing.withdrawn:
        raise CallerWithdrawn
    authorization.require_target(organization, project)
    if denial := services.denials.find(_GET, organization, project):
        raise denial
    key = services.posthog.credentials.key
    if key is None:
        raise RequestNotSent("no_credential")
    try:
        found = await services.posthog.exchange(_GET.method, _GET.path(organization, project), key, within_s)
    except Forbidden as error:
        services.denials.remember(_GET, [organization], project, error)
        raise
    if not are_project_ids(found.get("id")) or found["id"] != project:
        raise ProjectNotIdentified
    stated = found.get("organization") is not None
    authorization.require_place(parse_uuid(found.get("organization")), project, stated=stated)
    return found
