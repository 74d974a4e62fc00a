"""The real client over both lanes, in memory: every message is a line, as over stdio."""

from collections.abc import AsyncIterator, Container
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp import Client
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.protocol.stdio_lanes import Lanes
from projects_mcp.protocol.stdio_pipes import Lines, LongLine, Writer
from projects_mcp.runner.runner import ToolRunner
from tests.support.harness import Ask, Era, Harness
from tests.support.lanes import PUBLISHED


@dataclass
class _ToClient:
    messages: MemoryObjectSendStream[SessionMessage | Exception]

    async def write(self, text: str) -> None:
        await self.messages.send(SessionMessage(jsonrpc_message_adapter.validate_json(text)))


async def _serve_rest(runner: ToolRunner, lines: Lines, writer: Writer, elsewhere: Container[int | str]) -> None:
    await ProjectsServer(runner, starts_runner=False).run_lines_async(lines, writer, elsewhere)


async def _as_lines(
    messages: MemoryObjectReceiveStream[SessionMessage], lines: MemoryObjectSendStream[str | LongLine]
) -> None:
    async with messages, lines:
        async for item in messages:
            await lines.send(item.message.model_dump_json(by_alias=True, exclude_unset=True))


@asynccontextmanager
async def lanes_transport(runner: ToolRunner) -> AsyncIterator[Any]:
    """Serve one client over lines, and give it the streams that it reads and writes."""
    to_server, lines = anyio.create_memory_object_stream[str | LongLine](0)
    to_client, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    write, messages = anyio.create_memory_object_stream[SessionMessage](0)
    async with anyio.create_task_group() as group, to_client, read, write, lines:
        group.start_soon(_as_lines, messages, to_server)
        group.start_soon(Lanes(runner, PUBLISHED, _ToClient(to_client), partial(_serve_rest, runner)).serve, lines)
        try:
            yield read, write
        finally:
            group.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await runner.aclose()


class LaneHarness(Harness):
    """A harness whose clients speak to both lanes."""

    @asynccontextmanager
    async def client(self, era: Era = "auto", ask: Ask | None = None, **environment: str) -> AsyncIterator[Client]:
        transport = lanes_transport(self.runner(**environment))
        async with Client(transport, mode=era, elicitation_callback=ask, cache=None) as client:
            yield client
