"""Pydantic AI."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from dev.conformance.libraries.journey import SANDBOX, run, walk

ai = import_module("pydantic_ai")
mcp = import_module("pydantic_ai.mcp")
models = import_module("pydantic_ai.models.test")
usage = import_module("pydantic_ai.usage")
transports = import_module("fastmcp.client.transports")


async def main(plan: dict[str, Any]) -> str:
    """Walk with one toolset."""
    stdio = None if "url" in plan else transports.StdioTransport(command=plan["command"], args=[], env=SANDBOX)
    # The five seconds of the library can run out on a busy machine, and say nothing of the server.
    toolset = mcp.MCPToolset(stdio or plan["url"], init_timeout=60)
    context = ai.RunContext(deps=None, model=models.TestModel(), usage=usage.RunUsage())
    async with toolset:
        tools = await toolset.get_tools(context)

        async def call(name: str, arguments: dict[str, Any]) -> object:
            taken = tools[name].args_validator.validate_python(arguments)
            try:
                return await toolset.call_tool(name, taken, context, tools[name])
            except ai.ModelRetry as error:
                return str(error)

        return await walk(plan, tools, call)


run("pydantic-ai-slim", main)
