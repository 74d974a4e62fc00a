"""All tools, in the order of the operations: the order in which clients see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.tools import activity, deletion, lifecycle, onboarding, organizations, reading, tokens, update
from projects_mcp.tools.tool import Tool

__all__ = ["CATALOG", "TOOLS"]

_FUNCTIONS: Final[Mapping[str, Tool]] = {
    value.name: value
    for module in (reading, activity, update, lifecycle, deletion, tokens, onboarding, organizations)
    for value in vars(module).values()
    if isinstance(value, Tool)
}

CATALOG: Final[tuple[Tool, ...]] = tuple(_FUNCTIONS[name] for name in OPERATIONS)
TOOLS: Final[Mapping[str, Tool]] = {tool.name: tool for tool in CATALOG}
