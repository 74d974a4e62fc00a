"""The projects that a call about many of them may be about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.all_projects import read_all_projects

__all__ = ["Candidates", "find_candidates"]


class Candidates(NamedTuple):
    """The projects to look at, and what is to be said of how they were found.

    Attributes:
        rows: one for each project, by id: as PostHog's list shows it, or the id alone.
        incomplete: why some may be missing, as a sentence; empty if none is.
        told: ids that the caller may hear of even if nothing could be read; None for all of them.
    """

    rows: Sequence[Mapping[str, Any]]
    incomplete: str = ""
    told: frozenset[int] | None = None


async def find_candidates(context: ToolContext, search: str = "") -> Candidates:
    """Find the projects of the call's organization that the operator allows, and the key.

    Raises:
        RequestsUsedUp: the limits are used up before the list could be read.
        PostHogError: the list could not be read.
    """
    only, allowed = context.services.policy.only, context.authorization.key.projects
    if allowed is not None:  # PostHog lists none for such a key
        ids = sorted(allowed if only is None else allowed & only)
        return Candidates([{"id": number} for number in ids], told=frozenset(context.authorization.key_projects))
    listed = await read_all_projects(context, search, context.services.fleet_requests)
    rows = [row for row in listed.rows if only is None or row["id"] in only]
    return Candidates(rows, listed.incomplete)
