"""Make a plan of what a file of settings wants, in as many calls as that takes."""

from __future__ import annotations

from typing import Final, NamedTuple

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.fleet.calling import call, pause
from projects_mcp.cli.fleet.project_reading import read_rows
from projects_mcp.fleet.resolving import ProjectName, Resolved, resolve
from projects_mcp.fleet.settings_file import SettingsFileError
from projects_mcp.fleet.settings_tables import SettingsDocument
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.tools.plan_tool import plan_tool

__all__ = ["MadePlan", "make_plan"]

_MOST_CALLS: Final = 200


class MadePlan(NamedTuple):
    """A plan, and what of the file is not in it.

    Attributes:
        preview: what `project_update` answers of the plan; without `plan` in it if nothing would change.
        resolved: what the file wants of each project.
    """

    preview: JSONObject
    resolved: Resolved


async def make_plan(runner: ToolRunner, document: SettingsDocument) -> MadePlan:
    """Read the projects that a file is about, and plan what would change. Nothing is written.

    Raises:
        GroupsDisagree: two groups of the file want different values.
        SettingsFileError: some projects may be missing, or the file wants nothing of any.
        CallError: the plan was refused, or cannot be made.
    """
    organization = str(document.organization)
    rows = await read_rows(runner, organization_id=organization)
    resolved = resolve(document, [ProjectName(row["id"], str(row.get("name", ""))) for row in rows])
    if not resolved.wanted:
        raise SettingsFileError("the file wants nothing of any project that this server may touch")
    tool, arguments = plan_tool(resolved.wanted), {"organization_id": organization, "dry_run": True}
    for _ in range(_MOST_CALLS):
        preview = await call(runner, tool, arguments)
        if "projects" in preview:
            return MadePlan(preview, resolved)
        await pause(preview.get("retry_after_s", 0))
    raise SettingsFileError("the projects could not all be read; try again in a while")
