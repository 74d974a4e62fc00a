"""Look at the other projects of an organization before one is deleted, renamed or moved.

Whoever decides about a project should know if it is the last one, and if another one has the name that it gets: older
versions of PostHog allow twins. One page is read, with one request and within some seconds. What it does not show is
not said: a question never waits longer for it, and never fails for it.

Nothing is asked, and nothing said, where a call may not know of other projects (`PROJECTS_MCP_ONLY_PROJECTS`), or where
PostHog lists none (a key that is restricted to projects).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from projects_mcp.api.types import CURRENT, JSONObject, OrganizationRef, are_project_ids
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.refusals import Refusal
from projects_mcp.gateway.context import ToolContext
from projects_mcp.gateway.single_reads import list_once
from projects_mcp.policy.confirmation import ProjectSnapshot
from projects_mcp.sanitize.text import listed

__all__ = ["describe_twins", "folded_name", "named", "only_one", "same_name", "twins_of"]

_WITHIN_S: Final = 5.0
_LARGEST_PAGE: Final = 500


async def only_one(context: ToolContext, target: ProjectSnapshot) -> str:
    """Say in a sentence that a project is the only one of its organization, as far as the key can see.

    Returns:
        The sentence; empty if it is not, or if that could not be seen.
    """
    answer = await _read_list(context, target.organization, {"limit": 2})
    rows, count = answer.get("results"), answer.get("count")
    if not isinstance(rows, list) or len(rows) != 1 or answer.get("next") or (type(count) is int and count != 1):
        return ""
    if not _is_in(rows[0], target.organization) or rows[0].get("id") != target.id:
        return ""
    return f"It is the only project that this key can see in {named(context, target.organization)}."


async def same_name(context: ToolContext, name: str, organization: OrganizationRef) -> str:
    """Say in a sentence that other projects of an organization have a name already.

    Args:
        context: of the call. Its own project does not count.
        name: the name, as PostHog compares names: trimmed, in any case.
        organization: whose projects.

    Returns:
        The sentence; empty if none has it, or if that could not be seen.
    """
    answer = await _read_list(context, organization, {"limit": _LARGEST_PAGE, "search": name.strip()})
    rows = answer.get("results")
    here = [row for row in rows if _is_in(row, organization)] if isinstance(rows, list) else []
    return describe_twins(context, twins_of(name, here) - {context.project}, organization)


def twins_of(name: str, rows: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    """Return the ids of the projects that have a name, as PostHog compares names: trimmed, in any case."""
    wanted = folded_name(name)
    return frozenset(row["id"] for row in rows if folded_name(row.get("name")) == wanted)


def folded_name(name: object) -> str:
    """Return a name as PostHog compares names: trimmed, in any case."""
    return str(name).strip().casefold()


def describe_twins(context: ToolContext, twins: frozenset[int], organization: OrganizationRef) -> str:
    """Say which projects of an organization have a name already; nothing if none has."""
    ids = sorted(twins)
    if not ids:
        return ""
    where = named(context, organization) if isinstance(organization, UUID) else "this organization"
    many = "a project has" if len(ids) == 1 else f"{len(ids)} projects have"
    return f"In {where} {many} that name already: {listed(ids)}."


def named(context: ToolContext, place: UUID) -> str:
    """Name an organization as people do, if the key may read its name, and by its UUID in any case."""
    name = next((one.name for one in context.authorization.organizations if one.id == place and one.name), None)
    return f"organization {place}" if name is None else f"{context.services.redactor.quote(name)} ({place})"


def _is_in(row: object, organization: OrganizationRef) -> bool:
    """Whether a row of a list is a project of that organization, as far as PostHog says."""
    if not isinstance(row, dict) or not are_project_ids(row.get("id")):
        return False
    return organization is CURRENT or row.get("organization") in (None, str(organization))


async def _read_list(context: ToolContext, organization: OrganizationRef, query: dict[str, str | int]) -> JSONObject:
    """Read one page; return nothing if none is there to be read."""
    rights = context.authorization
    if rights.policy.only is not None or rights.key.projects is not None:
        return {}
    try:
        return await list_once(context, organization, query, _WITHIN_S)
    except (PostHogError, Refusal):
        return {}
