"""`projects-mcp demo`: a real MCP client calls every tool of the real server over stdio, on the sandbox."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import Final, TextIO

import anyio
from mcp import Client, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent

from projects_mcp.cli.demo.page import Page
from projects_mcp.cli.demo.steps import STEPS, JSONObject, Step
from projects_mcp.cli.exit_codes import DONE, FAILED
from projects_mcp.cli.terminal import AnswerNotWrittenError, takes_colour
from projects_mcp.config.variables import VARIABLES
from projects_mcp.sandbox import READ_ONLY_KEY
from projects_mcp.tools.catalog import CATALOG

__all__ = ["run_demo"]

_AUDITED_TOOL: Final = "project_reset_token"
"""The tool whose records of the audit log are shown at the end."""


def run_demo(*, color: str = "auto") -> int:
    """Run the demonstration.

    Args:
        color: `always`, `never`, or `auto`: as `takes_colour` says of stdout.

    Returns:
        The exit code: `DONE` if every step went as expected.
    """
    use_color = color == "always" or (color == "auto" and takes_colour(sys.stdout))
    try:
        return anyio.run(_Demo(Page(color=use_color)).run)
    except* AnswerNotWrittenError as group:
        (reason, *_) = _leaves(group)
    raise reason


@dataclass
class _Demo:
    """One run of the demonstration.

    Attributes:
        page: the output.
        earlier: the body of each tool's last successful call.
        failed: the numbers of the steps that did not go as expected.
        log: what the servers write to stderr.
    """

    page: Page
    earlier: dict[str, JSONObject] = field(default_factory=dict)
    failed: list[int] = field(default_factory=list)
    log: TextIO = field(default=sys.stderr)

    async def run(self) -> int:
        self.page.print_title(f"projects-mcp: an MCP client drives all {len(CATALOG)} tools, on the sandbox")
        async with AsyncExitStack() as stack:
            self.log = stack.enter_context(_temporary_file())
            writer = await stack.enter_async_context(self._client({}))
            reader = await stack.enter_async_context(self._client({"POSTHOG_PERSONAL_API_KEY": READ_ONLY_KEY}))
            for number, step in enumerate(STEPS, 1):
                await self._run_step(number, step, reader if step.read_only else writer)
            self.page.print_audit_records(self._audit_records(_AUDITED_TOOL))
        self.page.print_verdict(self.failed, len(STEPS))
        return FAILED if self.failed else DONE

    def _client(self, environment: Mapping[str, str]) -> Client:
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "projects_mcp", "--sandbox"],
            env={
                **{name: value for name, value in os.environ.items() if name not in VARIABLES},
                "PROJECTS_MCP_STATE": "memory",  # what was decided in another run is about another sandbox
                **environment,
            },
        )
        return Client(stdio_client(server, errlog=self.log), elicitation_callback=self._accept)

    async def _accept(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context  # the SDK's form of a callback
        self.page.print_question(params.message)
        return ElicitResult(action="accept", content={"confirm": True})

    async def _run_step(self, number: int, step: Step, client: Client) -> None:
        self.page.print_heading(number, step)
        arguments = dict(step.arguments(self.earlier))
        self.page.print_call(step.tool, arguments)
        result = await client.call_tool(step.tool, arguments)
        body = _body(result)
        if result.is_error:
            self.page.print_refusal(body["refusal"])
        else:
            self.page.print_result(body)
        if result.is_error is not step.refused or not step.check(body):
            self.failed.append(number)
            self.page.print_unexpected()
        if not result.is_error:
            self.earlier[step.tool] = body

    def _audit_records(self, tool: str) -> list[JSONObject]:
        """Read the intents and outcomes of a tool from the audit log, which the servers write to stderr."""
        self.log.seek(0)
        records = [json.loads(line) for line in self.log if line.startswith("{")]
        return [record for record in records if record["tool"] == tool and record["event"] in {"intent", "outcome"}]


def _leaves(group: BaseExceptionGroup[AnswerNotWrittenError]) -> Iterator[AnswerNotWrittenError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _temporary_file() -> AbstractContextManager[TextIO]:
    return TemporaryFile("w+", encoding="utf-8")


def _body(result: CallToolResult) -> JSONObject:
    if result.is_error:
        return {"refusal": "".join(block.text for block in result.content if isinstance(block, TextContent))}
    body: JSONObject = result.structured_content or {}
    return body
