"""Decide in which organization a project is created, before the request leaves.

`@current` is what the key's owner has open in the browser, and may be another one a moment later. So it is resolved to
the organization that PostHog answers for it now, and the receipt names where the project is.
"""

from __future__ import annotations

from typing import Final

from projects_mcp.api.types import CURRENT, organization_of
from projects_mcp.errors.refusals import OrganizationNeeded, RememberedDenial
from projects_mcp.errors.rejected import StatusError
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.all_projects import AllProjects, read_page

__all__ = ["choose_organization"]

_SMALL_PAGE: Final = 100
"""Projects that are read to learn where they are. Few organizations have more, so that names need no other list."""


async def choose_organization(context: ToolContext) -> AllProjects | None:
    """Make the organization of a call concrete, as far as PostHog says which one it is.

    Returns:
        All projects of the organization, if one page that was read for this holds them; else None.

    Raises:
        OrganizationNeeded: the key works in several, and neither the call nor the operator names one.
        PostHogError: PostHog could not be reached, or did not answer as it should.
    """
    if context.organization is not CURRENT:
        return None
    allowed = sorted(context.authorization.key_organizations)
    if len(allowed) > 1:
        raise OrganizationNeeded(organizations=allowed)
    if allowed:
        context.organization = allowed[0]
        return None
    return await _look_around(context)


async def _look_around(context: ToolContext) -> AllProjects | None:
    """Take the organization of any of its projects. Of one without projects, PostHog does not tell the id."""
    try:
        page = await read_page(context, limit=_SMALL_PAGE)
    except (StatusError, RememberedDenial):  # whoever may not list may create all the same
        return None
    if page.rows:
        context.organization = organization_of(page.rows[0], CURRENT)
    return AllProjects(page.rows) if page.is_whole else None
