"""The adapter of CrewAI's tools, which is made with mcpadapt."""

from __future__ import annotations

import asyncio
import os
from importlib import import_module
from typing import Any

from dev.conformance.libraries.journey import SANDBOX, run, walk

os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_DISABLE_TRACKING": "true", "OTEL_SDK_DISABLED": "true"}
mcp = import_module("mcp")
adapters = import_module("crewai_tools.adapters.mcp_adapter")


async def main(plan: dict[str, Any]) -> str:
    """Walk with the tools of one connection. CrewAI calls them in a thread."""
    if "url" in plan:
        server: Any = {"url": plan["url"], "transport": "streamable-http"}
    else:
        server = mcp.StdioServerParameters(command=plan["command"], env=SANDBOX)
    connection = await asyncio.to_thread(adapters.MCPServerAdapter, server)
    try:
        tools = {tool.name: tool for tool in connection.tools}

        async def call(name: str, arguments: dict[str, Any]) -> object:
            return await asyncio.to_thread(lambda: tools[name].run(**arguments))

        return await walk(plan, tools, call)
    finally:
        await asyncio.to_thread(connection.stop)


run("crewai-tools", main)
