"""Tell the project that a call has created from others of the same name.

Older versions of PostHog allow many projects of one name, and others create projects too. So the ids of that name are
read before the write, and only one that is new afterwards can be its project.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from projects_mcp.api.outcome import Outcome, ReadbackResult
from projects_mcp.api.types import CURRENT, JSONObject
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.refusals import Refusal
from projects_mcp.errors.rejected import StatusError
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.all_projects import read_all_projects
from projects_mcp.tools.readback_checks import is_since, parse_time

__all__ = ["Namesakes", "find_created", "read_namesakes"]

_MOST_NAMED: Final = 5


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


async def read_namesakes(context: ToolContext, name: str) -> Namesakes:
    """Read which projects of the organization have a name, as PostHog compares names: trimmed, in any case.

    Raises:
        PostHogError: PostHog could not be reached, or did not answer as it should.
    """
    wanted = name.strip().casefold()
    try:
        found = await read_all_projects(context, search=name)
    except (StatusError, Refusal):  # whoever may not list may create all the same
        return Namesakes(frozenset(), whole=False, at=context.posthog_time())
    ids = frozenset(row["id"] for row in found.rows if str(row.get("name")).strip().casefold() == wanted)
    return Namesakes(ids, not found.incomplete, context.posthog_time())


async def find_created(context: ToolContext, name: str, before: Namesakes) -> ReadbackResult:
    """Look for the project that the write has created. Any doubt whose it is makes it `unknown`.

    It was not there before, it is not older than the write by PostHog's own clock, and it is the current project of
    the key's owner, as PostHog makes every project that somebody creates.
    """
    now = await read_namesakes(context, name)
    if not (before.whole and now.whole):
        return ReadbackResult(Outcome.UNKNOWN, "Not all projects of the organization could be read.")
    new = sorted(now.ids - before.ids)
    if not new:
        return ReadbackResult(Outcome.NOT_APPLIED, "No new project of that name is in the organization.")
    if len(new) > 1:
        ids = ", ".join(map(str, new[:_MOST_NAMED]))
        return ReadbackResult(
            Outcome.UNKNOWN, f"Several projects of that name are new, and any may be this one: {ids}."
        )
    return await _judge(context, new[0], before.at)


async def _judge(context: ToolContext, number: int, asked_at: datetime) -> ReadbackResult:
    """Judge whether the one new project of the name is that of this call."""
    project = await context.read_other(number)
    made_at = parse_time(project.get("created_at"))
    doubt = ""
    if made_at is None:
        doubt = "when it was created is not known"
    elif not is_since(made_at, asked_at):
        doubt = "it is older than this call"
    elif not await _is_current(context, number):
        doubt = "it is not the current project of the key's owner, so somebody else may have created it"
    if doubt:
        return ReadbackResult(Outcome.UNKNOWN, f"Project {number} has that name now, but {doubt}.")
    return ReadbackResult(Outcome.APPLIED, f"Project {number} has that name and was created just now.", project)


async def _is_current(context: ToolContext, project: int) -> bool:
    try:
        current: JSONObject = await context.read_other(CURRENT)
    except PostHogError:
        return False
    return current.get("id") == project
