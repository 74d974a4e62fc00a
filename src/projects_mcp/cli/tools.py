"""`projects-mcp tools`: list the tools. Imports no MCP."""

from __future__ import annotations

import json
from typing import Any

import anyio

from projects_mcp.cli.exit_codes import DONE
from projects_mcp.cli.terminal import say
from projects_mcp.config.settings import Settings
from projects_mcp.runner.build import build_runner
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.tools.catalog import CATALOG
from projects_mcp.tools.tool import Tool

__all__ = ["run_tools"]


def run_tools(settings: Settings, *, as_json: bool) -> int:
    """Print the tools on stdout, in the order of the catalog.

    Args:
        settings: decide which tools are hidden.
        as_json: print the offered tools with their schemas, as a JSON list; otherwise a line for every tool, with the
            reason if it is hidden.

    Returns:
        The exit code.
    """
    hidden = anyio.run(_hidden_tools, build_runner(settings))
    if as_json:
        say(json.dumps([_to_json(tool) for tool in CATALOG if tool.name not in hidden], indent=2))
        return DONE
    width = max(len(tool.name) for tool in CATALOG)
    for tool in CATALOG:
        state = "hidden" if tool.name in hidden else tool.effect.value
        say(f"{tool.name:{width}}  {state:8}{hidden.get(tool.name, tool.title)}")
    return DONE


async def _hidden_tools(runner: ToolRunner) -> dict[str, str]:
    """Return the reason for each hidden tool, by the tool's name."""
    try:
        return await runner.hidden_tools()
    finally:
        await runner.aclose()


def _to_json(tool: Tool) -> dict[str, Any]:
    """Return a tool in the form of MCP's `tools/list`."""
    hints = tool.effect.hints
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": {
            "readOnlyHint": hints.read_only,
            "destructiveHint": hints.destructive,
            "idempotentHint": hints.idempotent,
            "openWorldHint": hints.open_world,
        },
    }
