"""Our server class with the fixtures of the conformance suite beside its own tools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from mcp.server import MCPServer, ServerRequestContext
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp_types import (
    CallToolResult,
    EmptyResult,
    GetPromptResult,
    InputRequiredResult,
    Prompt,
    Resource,
    ResourceTemplate,
    SetLevelRequestParams,
    SubscribeRequestParams,
    Tool,
    UnsubscribeRequestParams,
)
from pydantic import AnyUrl

from conformance import asking, contents, documents, rounds
from projects_mcp.dispatch import Dispatcher
from projects_mcp.server import ProjectsServer

__all__ = ["ConformanceServer"]

_SCHEME: Final = "test://"
"""Of every resource of the suite."""


class ConformanceServer(ProjectsServer):
    """The server as it is, with the fixtures after what it offers.

    Whatever is the server's own stays under test: how it seals its state, what it announces, how long its lists hold.
    What the SDK keeps for a server is all fixtures: the server keeps its own tools, prompts and resources itself.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__(dispatcher)
        for part in (contents, asking, rounds, documents):
            part.mount(self)
        self._answer_what_only_older_clients_ask()

    async def list_tools(self) -> list[Tool]:
        fixtures = await MCPServer.list_tools(self)
        return [
            *await super().list_tools(),
            *(
                tool.model_copy(update={"input_schema": contents.SCHEMA}) if tool.name == contents.WITH_SCHEMA else tool
                for tool in fixtures
            ),
        ]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        if name in {tool.name for tool in await MCPServer.list_tools(self)}:
            return await MCPServer.call_tool(self, name, arguments, context)
        return await super().call_tool(name, arguments, context)

    async def list_prompts(self) -> list[Prompt]:
        return [*await super().list_prompts(), *await MCPServer.list_prompts(self)]

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[None, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        if name in {prompt.name for prompt in await MCPServer.list_prompts(self)}:
            return await MCPServer.get_prompt(self, name, arguments, context)
        return await super().get_prompt(name, arguments, context)

    async def list_resources(self) -> list[Resource]:
        return [*await super().list_resources(), *await MCPServer.list_resources(self)]

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        return [*await super().list_resource_templates(), *await MCPServer.list_resource_templates(self)]

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[None, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        if str(uri).startswith(_SCHEME):
            return await MCPServer.read_resource(self, uri, context)
        return await super().read_resource(uri, context)

    def _answer_what_only_older_clients_ask(self) -> None:
        # The SDK has no public way for these three, which the suite for 2025-11-25 requires.
        add = self._lowlevel_server.add_request_handler
        add("logging/setLevel", SetLevelRequestParams, _done)
        add("resources/subscribe", SubscribeRequestParams, _done)
        add("resources/unsubscribe", UnsubscribeRequestParams, _done)


async def _done(context: ServerRequestContext[Any, Any], params: object) -> EmptyResult:
    return EmptyResult()
