"""Decide in which organization a project is created, before the request leaves.

`@current` is what the key's owner has open in the browser, and may be another one a moment later. So it is resolved to
the organization that PostHog answers for it now, and the receipt names where the project is.
"""

from __future__ import annotations

from projects_mcp.api.types import CURRENT, OrganizationRef, organization_of
from projects_mcp.errors.refusals import OrganizationNeeded, RememberedDenial
from projects_mcp.errors.rejected import StatusError
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.all_projects import read_page

__all__ = ["choose_organization"]


async def choose_organization(context: ToolContext) -> None:
    """Make the organization of a call concrete, as far as PostHog says which one it is.

    Raises:
        OrganizationNeeded: the key works in several, and neither the call nor the operator names one.
        PostHogError: PostHog could not be reached, or did not answer as it should.
    """
    if context.organization is not CURRENT:
        return
    allowed = sorted(context.authorization.key_organizations)
    if len(allowed) > 1:
        raise OrganizationNeeded(organizations=allowed)
    context.organization = allowed[0] if allowed else await _current(context)


async def _current(context: ToolContext) -> OrganizationRef:
    """Return the organization of any of its projects. Of one without projects, PostHog does not tell the id."""
    try:
        page = await read_page(context, limit=1)
    except (StatusError, RememberedDenial):  # whoever may not list may create all the same
        return CURRENT
    return organization_of(page.rows[0], CURRENT) if page.rows else CURRENT
