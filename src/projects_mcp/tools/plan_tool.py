"""A plan with a change of its own for each project, which no client can ask for: commands make it from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from projects_mcp.api.types import JSONObject
from projects_mcp.fleet.plan import Wanted
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.planning import plan_changes
from projects_mcp.tools.schema import closed_object
from projects_mcp.tools.tool import Tool
from projects_mcp.tools.update import project_update

__all__ = ["plan_tool"]


def plan_tool(wanted: Mapping[int, Wanted]) -> Tool:
    """Return `project_update` as it previews exactly these changes. It is called with `dry_run`, and not published.

    Args:
        wanted: the id of each project -> what is wanted of it, in the strict form of the settings.

    The answers are those of `plan_changes`; the plan is applied by `project_update` itself.
    """
    properties: Mapping[str, Any] = project_update.arguments["properties"]
    taken = {name: properties[name] for name in ("organization_id", "dry_run")}

    async def run(context: ToolContext, *, dry_run: bool = True) -> JSONObject:
        if not dry_run:
            raise AssertionError("a plan is previewed")
        return await plan_changes(context, wanted)

    return project_update._replace(arguments=closed_object(taken, ["dry_run"]), run=run)
