"""The agents SDK of OpenAI, with plain and with strict schemas."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from dev.conformance.libraries.journey import SANDBOX, run, walk

agents = import_module("agents.mcp")
context = import_module("agents.tool_context")


async def main(plan: dict[str, Any]) -> str:
    """Walk twice over one connection."""
    if "url" in plan:
        server = agents.MCPServerStreamableHttp({"url": plan["url"]}, client_session_timeout_seconds=60)
    else:
        server = agents.MCPServerStdio({"command": plan["command"], "env": SANDBOX}, client_session_timeout_seconds=60)
    async with server:
        listed = await server.list_tools()
        said = ""
        for strict in (True, False):
            tools = {tool.name: agents.MCPUtil.to_function_tool(tool, server, strict) for tool in listed}

            async def call(name: str, arguments: dict[str, Any], tools: dict[str, Any] = tools) -> object:
                text = json.dumps(arguments)
                about = context.ToolContext(context=None, tool_name=name, tool_call_id="1", tool_arguments=text)
                return await tools[name].on_invoke_tool(about, text)

            said = await walk(plan, tools, call)
    return f"{said}; strict and plain"


run("openai-agents", main)
