"""The arguments of `project_update` that are about several projects: a preview, and its plan, which is applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.types import JSONObject
from projects_mcp.errors.refusals import InvalidArguments, PlanNeeded
from projects_mcp.fleet.plan import Wanted
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.applying import apply_plan
from projects_mcp.tools.auditing import read_where
from projects_mcp.tools.planning import plan_changes, plan_where

__all__ = ["change_many"]

_OF_A_PLAN: Final = "`{}` is part of the plan already: give only plan and confirm_plan."
_OF_ONE: Final = "`{}` is for one project, and this call is about several."
_REQUIRED: Final = "`project_id` is required. Find the id with project_list and its `search`."


async def change_many(
    context: ToolContext,
    sent: Mapping[str, Any],
    project_ids: Sequence[int] | None,
    where: Mapping[str, Any] | None,
    plan: str | None,
    confirm_plan: str | None,
    *,
    dry_run: bool,
    others: Sequence[str],
) -> JSONObject:
    """Preview a change of several projects, or apply one that was previewed.

    Args:
        context: of the call.
        sent: setting -> value, null to clear.
        project_ids: which projects.
        where: or conditions on their settings.
        plan: the id of a plan.
        confirm_plan: its words.
        dry_run: whether to preview.
        others: the names of arguments that were given and that are for one project.

    Raises:
        InvalidArguments: the arguments do not go together.
        PlanNeeded: several projects are named, and there is no preview yet.
        Refusal, PostHogError: see `plan_changes`, `plan_where` and `apply_plan`.
    """
    chosen = {"project_ids": project_ids is not None, "where": where is not None}
    if context.project is not None:
        others = ["project_id", *others]
    if plan is not None or confirm_plan is not None:
        given = [
            name
            for name, is_given in {"settings or clear": bool(sent), **chosen, "dry_run": dry_run}.items()
            if is_given
        ]
        _require(
            *[_OF_A_PLAN.format(name) for name in [*others, *given]],
            *(["`plan` is required: confirm_plan is about one."] if plan is None else []),
        )
        return await apply_plan(context, plan or "", confirm_plan or "")
    if not any(chosen.values()):
        raise InvalidArguments(problems=[_REQUIRED])
    _require(
        *[_OF_ONE.format(name) for name in others],
        *(["Give `project_ids` or `where`, not both."] if all(chosen.values()) else []),
        *(["`project_ids` names no project."] if project_ids is not None and not project_ids else []),
        *(["`where` has no condition."] if where is not None and not where else []),
    )
    if not dry_run:
        raise PlanNeeded
    wanted = Wanted(
        {name: value for name, value in sent.items() if value is not None},
        tuple(name for name, value in sent.items() if value is None),
    )
    if project_ids is not None:
        return await plan_changes(context, dict.fromkeys(project_ids, wanted))
    return await plan_where(context, read_where(context, where or {}), wanted)


def _require(*problems: str) -> None:
    """Make sure that there is no problem.

    Raises:
        InvalidArguments: there is one.
    """
    if problems:
        raise InvalidArguments(problems=list(problems)[:4])
