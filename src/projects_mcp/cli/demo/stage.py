"""Where the demonstration plays: servers over stdio, the clients that call them, and the person who answers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TextIO

import anyio
from mcp import Client, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.demo.page import Page
from projects_mcp.cli.demo.world import PlayedPostHog
from projects_mcp.config.variables import VARIABLES
from projects_mcp.sandbox import READ_ONLY_KEY

__all__ = ["Stage", "Who"]

Who = Literal["usual", "silent", "reader"]
"""The client that asks the person, the one that cannot, and the one with a key that only reads."""

_REQUEST: Final = "Accept only if this is what you want."
"""How each question ends."""
_READS_FOR_S: Final = 1.2
"""An answer that comes faster is not believed to be a person's."""


@dataclass
class Stage:
    """Plays calls and prints them.

    Attributes:
        page: the output.
        posthog: the PostHog that is played.
        log: what the servers write to stderr.
        agrees: what the person answers when asked.
        wrong: what did not go as it should in this scene.
        told: sentences of answers that were printed.
    """

    page: Page
    posthog: PlayedPostHog
    log: TextIO
    agrees: bool = True
    wrong: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    _clients: dict[Who, Client] = field(default_factory=dict)

    async def open(self, stack: AsyncExitStack) -> None:
        """Start the servers. They end with the stack."""
        kinds: Mapping[Who, Mapping[str, str]] = {
            "usual": {},
            "silent": {"PROJECTS_MCP_CONFIRMATION": "human"},
            "reader": {"POSTHOG_PERSONAL_API_KEY": READ_ONLY_KEY},
        }
        for who, environment in kinds.items():
            self._clients[who] = await stack.enter_async_context(self._client(environment, asks=who != "silent"))

    async def call(self, tool: str, who: Who = "usual", **arguments: Any) -> JSONObject:
        """Make a call and print it.

        Returns:
            The answer; of a refusal `refusal` with its text, and what it says for programs.
        """
        self.page.print_call(tool, arguments)
        result = await self._clients[who].call_tool(tool, arguments)
        if not result.is_error:
            return result.structured_content or {}
        text = "".join(block.text for block in result.content if isinstance(block, TextContent))
        self.page.print_refusal(text)
        return {"refusal": text, **_detail(result)}

    def expect(self, true: object, what: str) -> None:
        """Note that something is not as it should be."""
        if not true:
            self.wrong.append(what)
            self.page.print_unexpected(what)

    def audit_records(self, tool: str) -> list[JSONObject]:
        """Read the intents and outcomes of a tool from the audit log, which the servers write to stderr."""
        self.log.seek(0)
        records = [json.loads(line) for line in self.log if line.startswith("{")]
        return [record for record in records if record["tool"] == tool and record["event"] in {"intent", "outcome"}]

    def _folded(self, question: str) -> str:
        """Return a question, without the sentence at its end if that was shown."""
        if _REQUEST in self.told:
            return question.removesuffix(_REQUEST).rstrip()
        self.told.add(_REQUEST)
        return question

    def _client(self, environment: Mapping[str, str], *, asks: bool) -> Client:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "projects_mcp"],
            env={
                **{name: value for name, value in os.environ.items() if name not in VARIABLES},
                "PROJECTS_MCP_STATE": "memory",  # what was decided in another run is about another sandbox
                **self.posthog.credentials,
                **environment,
            },
        )
        answer = self._answer if asks else None
        return Client(stdio_client(server, errlog=self.log), elicitation_callback=answer)

    async def _answer(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context  # the SDK's form of a callback
        self.page.print_question(self._folded(params.message))
        await anyio.sleep(_READS_FOR_S)
        self.page.print_person("The person answers yes." if self.agrees else "The person answers no.")
        if self.agrees:
            return ElicitResult(action="accept", content={"confirm": True})
        return ElicitResult(action="decline")


def _detail(result: CallToolResult) -> JSONObject:
    detail: JSONObject = (result.meta or {}).get("projects-mcp/error") or {}
    return detail
