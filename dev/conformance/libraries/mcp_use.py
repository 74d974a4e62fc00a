"""The adapter of mcp-use."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from dev.conformance.libraries.journey import SANDBOX, run, walk

os.environ["MCP_USE_ANONYMIZED_TELEMETRY"] = "false"
mcp_use = import_module("mcp_use")
adapters = import_module("mcp_use.agents.adapters.langchain_adapter")


async def main(plan: dict[str, Any]) -> str:
    """Walk with the tools of one client. It also makes tools of our resources and prompts, if it is asked to."""
    server = {"url": plan["url"]} if "url" in plan else {"command": plan["command"], "args": [], "env": SANDBOX}
    client = mcp_use.MCPClient.from_dict({"mcpServers": {"projects": server}})
    try:
        await client.create_all_sessions()
        made = await adapters.LangChainAdapter().create_tools(client)
        tools = {tool.name: tool for tool in made}

        async def call(name: str, arguments: dict[str, Any]) -> object:
            return await tools[name].ainvoke(arguments)

        return await walk(plan, tools, call)
    finally:
        await client.close_all_sessions()


run("mcp-use", main)
