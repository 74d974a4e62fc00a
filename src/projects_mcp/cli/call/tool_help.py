"""The help of one tool: `projects-mcp call TOOL --help`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.cli.call.notation import example_of, settings_of, value_of
from projects_mcp.tools.tool import Tool

__all__ = ["arguments_of", "description_of", "examples_of", "settings_rows"]

_NOT_SHOWN: Final = "settings"


def description_of(tool: Tool) -> str:
    """Return what a tool does."""
    return f"{tool.title}. {tool.description}"


def arguments_of(tool: Tool) -> list[tuple[str, str]]:
    """Return a row for each argument: how it is written, and what it means."""
    needed = tool.arguments.get("required", ())
    rows = []
    for name, schema in tool.arguments["properties"].items():
        inside = name == _NOT_SHOWN and settings_of(tool)
        word = f"{name}.NAME=VALUE" if inside else f"{name}={value_of(schema)}"
        rows.append((word, f"{schema.get('description', '')}{' (required)' if name in needed else ''}"))
    return rows


def settings_rows(tool: Tool) -> list[tuple[str, str]]:
    """Return a row for each setting that a tool takes."""
    return [(f"{name}={value_of(schema)}", SETTINGS[name].about) for name, schema in settings_of(tool).items()]


def examples_of(tool: Tool) -> Sequence[str]:
    """Return command lines that the tool takes."""
    example = example_of(tool)
    return (example, f"{example} --json") if tool.effect.reads else (example,)
