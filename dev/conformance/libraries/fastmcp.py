"""FastMCP's client."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dev.conformance.libraries.journey import SANDBOX, run, walk

fastmcp = import_module("fastmcp")
transports = import_module("fastmcp.client.transports")


async def main(plan: dict[str, Any]) -> str:
    """Walk with one client."""
    stdio = None if "url" in plan else transports.StdioTransport(command=plan["command"], args=[], env=SANDBOX)
    async with fastmcp.Client(stdio or plan["url"]) as client:

        async def call(name: str, arguments: dict[str, Any]) -> object:
            return (await client.call_tool(name, arguments, raise_on_error=False)).content

        return await walk(plan, [tool.name for tool in await client.list_tools()], call)


run("fastmcp", main)
