"""Read what is not the project of the call, in a named organization and with one request, which can be counted.

The time of a call is not charged for it: many of these are under way at once, and whoever sends them has a deadline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.api.types import JSONObject, OrganizationRef, are_project_ids, parse_uuid
from projects_mcp.errors.connection import RequestNotSent
from projects_mcp.errors.refusals import CallerWithdrawn, ProjectNotIdentified
from projects_mcp.errors.rejected import Forbidden
from projects_mcp.gateway.context import ToolContext

__all__ = ["list_once", "read_once"]

_GET: Final = OPERATIONS["project_get"]
_LIST: Final = OPERATIONS["project_list"]


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


async def list_once(
    context: ToolContext, organization: OrganizationRef, query: Mapping[str, str | int], within_s: float
) -> JSONObject:
    """Read one page of an organization's projects with one request that is not repeated.

    Args:
        context: of a call that may touch the organization.
        organization: whose projects.
        query: of the page.
        within_s: seconds for the request.

    Raises:
        Refusal: PostHog has refused it before, or the caller's rights were withdrawn.
        PostHogError: PostHog refused it, or could not be reached.
    """
    services = context.services
    if services.standing.withdrawn:
        raise CallerWithdrawn
    if services.denials and (denial := services.denials.find(_LIST, organization)):
        raise denial
    key = services.posthog.credentials.key
    if key is None:
        raise RequestNotSent("no_credential")
    path = _LIST.path(organization, None)
    try:
        return await services.posthog.exchange(_LIST.method, path, key, within_s, query=query)
    except Forbidden as error:
        services.denials.remember(_LIST, [organization], None, error)
        raise
