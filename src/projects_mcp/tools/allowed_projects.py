"""Read the projects of a key that is restricted to certain projects: PostHog lets it read each, and list none.

So a list is made of single readings, one for each project that the key may touch. What cannot be read is told apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from projects_mcp.api.types import CURRENT, JSONObject, parse_uuid
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.refusals import ProjectNotIdentified, Refusal, RememberedDenial
from projects_mcp.errors.rejected import Forbidden, NotFound
from projects_mcp.gateway.context import ToolContext

__all__ = ["AllowedProjects", "read_allowed_projects"]

_MOST_READ: Final = 100
"""A request for each: PostHog allows a key 480 a minute."""
_TOO_MANY: Final = f"Only the first {_MOST_READ} projects that the key may touch were read."
_STOPPED: Final = "PostHog stopped answering, so some projects were not read. Try again in a moment."


class AllowedProjects(NamedTuple):
    """The projects of a restricted key.

    Attributes:
        rows: those that are in the organization of the call, in full, by id.
        unreadable: ids of those that are not, that are gone, or that PostHog does not show.
        incomplete: why some may be missing, as a sentence; empty if all were asked for.
    """

    rows: list[JSONObject]
    unreadable: list[int]
    incomplete: str = ""


async def read_allowed_projects(context: ToolContext, projects: Iterable[int]) -> AllowedProjects:
    """Read projects one after another.

    Raises:
        PostHogError: PostHog could not be reached, or did not accept the key, before anything was read.
    """
    ids = sorted(projects)
    found = AllowedProjects([], [], _TOO_MANY if len(ids) > _MOST_READ else "")
    for number in ids[:_MOST_READ]:
        try:
            project = await context.read_other(number)
        except (Forbidden, NotFound, RememberedDenial, ProjectNotIdentified):
            found.unreadable.append(number)
        except PostHogError:
            if not found.rows:
                raise
            return found._replace(incomplete=_STOPPED)
        else:
            if _is_here(context, project, number):
                found.rows.append(project)
            else:
                found.unreadable.append(number)
    return found


def _is_here(context: ToolContext, project: JSONObject, number: int) -> bool:
    """Whether a project is in the organization of the call, and that is one that the call may touch."""
    place = parse_uuid(project.get("organization"))
    try:
        context.authorization.require_place(place, number, stated=project.get("organization") is not None)
    except Refusal:
        return False
    return context.organization is CURRENT or place in (None, context.organization)
