"""`projects-mcp tools`: list the tools. Imports no MCP."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

import anyio

from projects_mcp.api.effects import Effect
from projects_mcp.cli.exit_codes import DONE
from projects_mcp.cli.for_people import spoken
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.table import DIM, GREEN, MAGENTA, RED, print_table
from projects_mcp.cli.terminal import Styled, styled
from projects_mcp.config.settings import Settings
from projects_mcp.runner.build import build_runner
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.text import on_one_line
from projects_mcp.tools.catalog import CATALOG
from projects_mcp.tools.tool import Tool

__all__ = ["run_tools"]

_HIDDEN: Final = "hidden"
_STYLES: Final[Mapping[str, str]] = {
    Effect.READ.value: GREEN,
    Effect.ADD.value: MAGENTA,
    Effect.CHANGE.value: MAGENTA,
    Effect.DESTROY.value: RED,
    _HIDDEN: DIM,
}


def run_tools(settings: Settings, *, as_json: bool) -> int:
    """Print the tools on stdout, in the order of the catalog.

    Args:
        settings: decide which tools are hidden.
        as_json: print the offered tools with their schemas, as a JSON list; otherwise a table of all tools, with the
            reason if one is hidden.

    Returns:
        The exit code.
    """
    hidden = anyio.run(_hidden_tools, build_runner(settings))
    offered = [_to_json(tool) for tool in CATALOG if tool.name not in hidden]
    print_answer(offered, lambda: _print_table(hidden), as_json=as_json)
    return DONE


def _print_table(hidden: Mapping[str, str]) -> None:
    rows: list[list[str | Styled]] = []
    for tool in CATALOG:
        state = _HIDDEN if tool.name in hidden else tool.effect.value
        about = on_one_line(spoken(hidden.get(tool.name, tool.title)))
        style = DIM if state == _HIDDEN else ""
        rows.append([tool.name, styled(state, _STYLES.get(state, ""), sys.stdout), styled(about, style, sys.stdout)])
    print_table(["tool", "effect", "what it does, or why it is hidden"], rows, wrap=True)


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
