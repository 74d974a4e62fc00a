"""What a person does with the first line of the SDK: list, call, be asked, say no, say yes.

Runs in an environment of its own, with nothing of this project in it: `python client_1x.py '{"command": "…", "asks":
true, "tools": 2}'`. `tools` is the number that must be listed, and `url` stands in place of `command` for HTTP. If the
server has no way to ask this client, `asks` is false, and it must refuse instead. Prints one line, or fails.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Any

# The names of the first line, which the second has partly changed.
mcp = importlib.import_module("mcp")
types = importlib.import_module("mcp.types")
stdio = importlib.import_module("mcp.client.stdio")
http = importlib.import_module("mcp.client.streamable_http")


async def main(plan: dict[str, Any]) -> None:
    """Do all of it over one connection."""
    if "url" in plan:
        async with http.streamable_http_client(plan["url"]) as (incoming, outgoing, _):
            await journey(incoming, outgoing, asks=plan["asks"], count=plan["tools"])
    else:
        parameters = mcp.StdioServerParameters(command=plan["command"], env={"PROJECTS_MCP_SANDBOX": "1"})
        async with stdio.stdio_client(parameters) as (incoming, outgoing):
            await journey(incoming, outgoing, asks=plan["asks"], count=plan["tools"])


async def journey(incoming: Any, outgoing: Any, *, asks: bool, count: int) -> None:
    """List, call, be asked, say no, say yes."""
    questions: list[str] = []
    answers = [
        types.ElicitResult(action="decline"),
        types.ElicitResult(action="accept", content={"confirm": True}),
    ]

    async def asked(_context: object, question: Any) -> Any:
        questions.append(question.message)
        return answers[len(questions) - 1]

    async with mcp.ClientSession(incoming, outgoing, elicitation_callback=asked) as session:
        hello = await session.initialize()
        tools = (await session.list_tools()).tools
        expect(len(tools) == count, f"{len(tools)} tools")
        listed = await session.call_tool("project_list", {})
        expect(not listed.isError, listed)
        project = listed.structuredContent["projects"][-1]
        removal = {"project_id": project["id"], "confirm_project_name": project["name"]}

        refused = await session.call_tool("project_delete", removal)
        expect(refused.isError, "no means no")
        expect(len(questions) == int(asks), f"{len(questions)} questions")
        if asks:
            done = await session.call_tool("project_delete", removal)
            expect(not done.isError, done)
            expect(project["name"] in questions[-1], "the question names the project")
        how = "asked: no, yes" if asks else "cannot be asked, so refused"
        sys.stdout.write(f"{hello.protocolVersion}: {len(tools)} tools, called, {how}\n")


def expect(met: object, otherwise: object) -> None:
    """Fail where something is not as it should be."""
    if not met:
        raise SystemExit(f"failed: {otherwise}")


asyncio.run(main(json.loads(sys.argv[1])))
