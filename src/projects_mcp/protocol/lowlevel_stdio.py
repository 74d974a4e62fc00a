"""Run an MCP server over streams of our own: a work-around for the SDK's `MCPServer.run_stdio_async`.

That method always reads the process's stdin and writes its stdout. Only the low-level server inside, which is private,
runs over other streams.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import anyio
from mcp.server import MCPServer

from projects_mcp.protocol.stdio_pipes import Lines, Writer
from projects_mcp.protocol.stdio_transport import conversations

__all__ = ["run_over_lines"]


async def run_over_lines(
    server: MCPServer[Any], reader: Lines, writer: Writer, elsewhere: Container[int | str] = ()
) -> None:
    """Serve one client over a reader and a writer of lines until the reader ends.

    Args:
        server: whose low-level server runs.
        reader: gives the client's lines.
        writer: takes the answers.
        elsewhere: the ids of the client's requests that are under way, and that something else answers.
    """
    lowlevel = server._lowlevel_server  # noqa: SLF001 - what this module works around
    async with conversations(reader, writer, elsewhere) as begun, anyio.create_task_group() as group:
        async for incoming, outgoing in begun:
            group.start_soon(lowlevel.run, incoming, outgoing, lowlevel.create_initialization_options())
