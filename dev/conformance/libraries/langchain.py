"""LangChain's adapter."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dev.conformance.libraries.journey import SANDBOX, run, walk

adapter = import_module("langchain_mcp_adapters.client")
loading = import_module("langchain_mcp_adapters.tools")


async def main(plan: dict[str, Any]) -> str:
    """Walk with the tools of one session."""
    stdio: dict[str, Any] = {"transport": "stdio", "command": plan.get("command"), "args": [], "env": SANDBOX}
    server = {"transport": "streamable_http", "url": plan["url"]} if "url" in plan else stdio
    async with adapter.MultiServerMCPClient({"projects": server}).session("projects") as session:
        tools = {tool.name: tool for tool in await loading.load_mcp_tools(session)}

        async def call(name: str, arguments: dict[str, Any]) -> object:
            return await tools[name].ainvoke(arguments)

        return await walk(plan, tools, call)


run("langchain-mcp-adapters", main)
