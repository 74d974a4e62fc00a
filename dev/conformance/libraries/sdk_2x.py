"""The second line of the SDK for Python."""

from __future__ import annotations

from typing import Any

from mcp import Client, StdioServerParameters

from dev.conformance.libraries.journey import SANDBOX, run, walk


async def main(plan: dict[str, Any]) -> str:
    """Walk with one client."""
    server = plan["url"] if "url" in plan else StdioServerParameters(command=plan["command"], env=SANDBOX)
    async with Client(server) as client:

        async def call(name: str, arguments: dict[str, Any]) -> object:
            return (await client.call_tool(name, arguments)).content

        return await walk(plan, [tool.name for tool in (await client.list_tools()).tools], call)


run("mcp", main)
