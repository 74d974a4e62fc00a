"""The agent development kit of Google, with its declarations of functions."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from unittest.mock import MagicMock

from dev.conformance.libraries.journey import SANDBOX, expect, run, walk

mcp = import_module("mcp")
toolsets = import_module("google.adk.tools.mcp_tool")
sessions = import_module("google.adk.tools.mcp_tool.mcp_session_manager")


async def main(plan: dict[str, Any]) -> str:
    """Walk with one toolset."""
    if "url" in plan:
        server = sessions.StreamableHTTPConnectionParams(url=plan["url"])
    else:
        parameters = mcp.StdioServerParameters(command=plan["command"], env=SANDBOX)
        server = sessions.StdioConnectionParams(server_params=parameters, timeout=60)
    toolset = toolsets.McpToolset(connection_params=server)
    try:
        tools = {tool.name: tool for tool in await toolset.get_tools()}
        for name, tool in tools.items():
            declared = tool._get_declaration()  # noqa: SLF001 - what it sends to the model
            expect(declared and declared.name == name, f"{name} has no declaration")

        async def call(name: str, arguments: dict[str, Any]) -> object:
            return await tools[name].run_async(args=arguments, tool_context=MagicMock(tool_confirmation=None))

        return await walk(plan, tools, call)
    finally:
        await toolset.close()


run("google-adk", main)
