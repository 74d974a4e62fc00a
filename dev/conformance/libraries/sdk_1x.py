"""The first line of the SDK for Python."""

from __future__ import annotations

from contextlib import AsyncExitStack
from importlib import import_module
from typing import Any

from dev.conformance.libraries.journey import SANDBOX, run, walk

mcp = import_module("mcp")  # the names of the first line, which the second has partly changed
stdio = import_module("mcp.client.stdio")
http = import_module("mcp.client.streamable_http")


async def main(plan: dict[str, Any]) -> str:
    """Walk with one session."""
    async with AsyncExitStack() as stack:
        if "url" in plan:
            streams = await stack.enter_async_context(http.streamable_http_client(plan["url"]))
        else:
            server = mcp.StdioServerParameters(command=plan["command"], env=SANDBOX)
            streams = await stack.enter_async_context(stdio.stdio_client(server))
        session = await stack.enter_async_context(mcp.ClientSession(*streams[:2]))
        await session.initialize()

        async def call(name: str, arguments: dict[str, Any]) -> object:
            return (await session.call_tool(name, arguments)).content

        return await walk(plan, [tool.name for tool in (await session.list_tools()).tools], call)


run("mcp", main)
