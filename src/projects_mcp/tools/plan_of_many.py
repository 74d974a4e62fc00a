"""A plan in which each project changes in its own way: what a command asks for, and no client sees."""

from __future__ import annotations

from collections.abc import Mapping

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.api.types import JSONObject
from projects_mcp.fleet.plan import Wanted
from projects_mcp.gateway.context import ToolContext
from projects_mcp.tools.planning import plan_changes
from projects_mcp.tools.schema import closed_object
from projects_mcp.tools.tool import Tool

__all__ = ["plan_tool"]

_OPERATION = "project_update"


def plan_tool(wanted: Mapping[int, Wanted]) -> Tool:
    """Return the tool that plans these changes. It takes `organization_id`, and `dry_run`, which has to be true.

    The changes are no arguments: those of one call are bounded for clients, and 2,000 projects are more.

    Args:
        wanted: the id of each project -> what is wanted of it, in the strict form of the settings.
    """

    async def plan(context: ToolContext, *, dry_run: bool) -> JSONObject:
        del dry_run  # it says that nothing is written
        return await plan_changes(context, wanted)

    arguments = closed_object(
        {"organization_id": {"type": "string", "maxLength": 64}, "dry_run": {"type": "boolean", "enum": [True]}},
        ["dry_run"],
    )
    return Tool(_OPERATION, "", "", OPERATIONS[_OPERATION], arguments, arguments, plan)
