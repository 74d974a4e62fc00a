"""Say of a plan that brings new names which of them several projects will have: twins are hard to tell apart later.

That a plan gives one name to several projects is seen in its steps. That other projects have it already is read from
the list of the organization when the plan is made, by the rules of `neighbours`: what cannot be seen is not said, and
nothing fails for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import anyio

from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.refusals import Refusal
from projects_mcp.fleet.plan import Step
from projects_mcp.gateway.context import ToolContext
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import listed
from projects_mcp.tools.all_projects import read_all_projects
from projects_mcp.tools.neighbours import folded_name, named

__all__ = ["describe_names", "find_twins"]

_WITHIN_S: Final = 5.0
_LONGEST_NAME: Final = 80
_MOST: Final = 10
"""Names of which this is said."""


async def find_twins(
    context: ToolContext, steps: Sequence[Step], rows: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """Find out which of the new names of a plan other projects have already.

    Args:
        context: of the call that makes the plan.
        steps: of the plan.
        rows: of the projects that were looked at, with their names if they come from PostHog's list.

    Returns:
        Names as they are compared, each with the sentence that says so; none if that could not be seen.
    """
    wanted = _new_names(steps)
    if not wanted:
        return []
    renamed = {number for ids, _ in wanted.values() for number in ids}
    having: dict[str, list[int]] = {}
    for row in await _rows(context, [name for _, name in wanted.values()], rows):
        if (folded := folded_name(row.get("name"))) in wanted and row["id"] not in renamed:
            having.setdefault(folded, []).append(row["id"])
    organization = context.organization
    where = named(context, organization) if isinstance(organization, UUID) else "this organization"
    return [
        (folded, _already(context.services.redactor, where, wanted[folded][1], sorted(ids)))
        for folded, ids in list(having.items())[:_MOST]
    ]


def describe_names(redactor: Redactor, steps: Sequence[Step], twins: Iterable[Sequence[str]]) -> list[str]:
    """Say which names several projects have when these steps are done.

    Args:
        redactor: removes secrets.
        steps: of the plan, or those of it that were carried out.
        twins: what `find_twins` has returned, for the whole plan.
    """
    wanted = _new_names(steps)
    shared = [(ids, name) for ids, name in wanted.values() if len(ids) > 1]
    said = [
        f"{len(ids)} projects of this plan get one name, {redactor.quote(name, _LONGEST_NAME)}: {listed(sorted(ids))}."
        for ids, name in shared[:_MOST]
    ]
    if len(shared) > _MOST:
        said.append(f"So do others, with {len(shared) - _MOST} more names.")
    return said + [sentence for folded, sentence in twins if folded in wanted]


def _new_names(steps: Sequence[Step]) -> dict[str, tuple[list[int], str]]:
    """Return each new name as it is compared, with the projects that get it and the name itself."""
    found: dict[str, tuple[list[int], str]] = {}
    for step in steps:
        if isinstance(name := step.sent.get("name"), str):
            found.setdefault(folded_name(name), ([], name.strip()))[0].append(step.project_id)
    return found


async def _rows(
    context: ToolContext, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """Return the projects that may have these names; none where the call may not know of others, or the list fails."""
    rights = context.authorization
    if rights.policy.only is not None or rights.key.projects is not None:
        return []
    if rows and all("name" in row for row in rows):
        return rows
    search = names[0] if len(names) == 1 else ""
    with anyio.move_on_after(_WITHIN_S):
        try:
            return (await read_all_projects(context, search, context.services.fleet_requests)).rows
        except (PostHogError, Refusal):
            return []
    return []


def _already(redactor: Redactor, where: str, name: str, ids: Sequence[int]) -> str:
    many = "a project has" if len(ids) == 1 else f"{len(ids)} projects have"
    return f"In {where} {many} the name {redactor.quote(name, _LONGEST_NAME)} already: {listed(ids)}."
