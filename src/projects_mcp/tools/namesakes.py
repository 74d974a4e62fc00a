"""Tell the project that a call has created from others of the same name.

Older versions of PostHog allow many projects of one name, and others create projects too. So the ids of that name are
read before the write, and only one that is new afterwards can be its project. That one is new does not make it that of
this call: another process with the same key leaves the same traces, so nobody is told that it is theirs.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from projects_mcp.api.outcome import Outcome, ReadbackResult
from projects_mcp.api.types import CURRENT
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.refusals import ProjectNotIdentified, RememberedDenial
from projects_mcp.errors.rejected import StatusError
from projects_mcp.gateway.context import ToolContext
from projects_mcp.sanitize.text import listed
from projects_mcp.tools.all_projects import AllProjects, read_all_projects
from projects_mcp.tools.neighbours import twins_of
from projects_mcp.tools.readback_checks import is_since, parse_time

__all__ = ["Namesakes", "find_created", "read_namesakes"]


class Namesakes(NamedTuple):
    """The projects of one name at one time.

    Attributes:
        ids: their ids, as far as they could be read.
        whole: whether these are all of them.
        at: when they were read, by PostHog's clock.
    """

    ids: frozenset[int]
    whole: bool
    at: datetime


async def read_namesakes(context: ToolContext, name: str, known: AllProjects | None = None) -> Namesakes:
    """Read which projects of the organization have a name, as PostHog compares names: trimmed, in any case.

    Args:
        context: of the call.
        name: the name.
        known: all projects of the organization, if they have just been read.

    Raises:
        PostHogError: PostHog could not be reached, or did not answer as it should.
    """
    try:
        found = known or await read_all_projects(context, search=name)
    except (StatusError, RememberedDenial):  # whoever may not list may create all the same
        return Namesakes(frozenset(), whole=False, at=context.posthog_time())
    return Namesakes(twins_of(name, found.rows), not found.incomplete, context.posthog_time())


async def find_created(context: ToolContext, name: str, before: Namesakes) -> ReadbackResult:
    """Look for the project that the write may have created.

    Returns:
        `unknown` with the ids of what was found, and what speaks for and against it; `not_applied` if nothing was.
        Never `applied`: PostHog does not say whose request has made a project.
    """
    now = await read_namesakes(context, name)
    new = sorted(now.ids - before.ids)
    if not (before.whole and now.whole):
        these = f" Of those that were, {listed(new)} may be of this call, or of somebody else." if new else ""
        return ReadbackResult(Outcome.UNKNOWN, f"Not all projects of the organization could be read.{these}")
    if not new:
        return ReadbackResult(Outcome.NOT_APPLIED, "No new project of that name is in the organization.")
    if len(new) > 1:
        return ReadbackResult(
            Outcome.UNKNOWN,
            f"Several projects of that name are new. Any of them may be of this call, or none: {listed(new)}.",
        )
    return ReadbackResult(Outcome.UNKNOWN, await _describe(context, new[0], before.at))


async def _describe(context: ToolContext, number: int, asked_at: datetime) -> str:
    """Say what speaks for and against that the one new project of the name is that of this call."""
    project = await context.read_other(number)
    made_at = parse_time(project.get("created_at"))
    if made_at is not None and not is_since(made_at, asked_at):
        return f"Project {number} has that name now, but it is older than this call."
    found = f"Project {number} has that name" + (" and was created just now." if made_at else " and is new.")
    if await _current_project(context) not in (number, None):
        doubt = "it is not the current project of the key's owner, as a new one would be."
        return f"{found} It may be yours, or somebody else's: {doubt}"
    return f"{found} It may be yours, or somebody else's: another process with the same key leaves the same traces."


async def _current_project(context: ToolContext) -> int | None:
    """Return the id of the current project of the key's owner; None if it cannot be read."""
    try:
        current = await context.read_other(CURRENT)
    except (PostHogError, ProjectNotIdentified, RememberedDenial):
        return None
    return int(current["id"])
