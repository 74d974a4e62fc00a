"""Serve MCP over stdin and stdout, and end cleanly."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Container
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio
import anyio.to_thread

from projects_mcp.protocol import published
from projects_mcp.protocol.stdio_lanes import Lanes
from projects_mcp.protocol.stdio_pipes import LineReader, Lines, LineWriter, Writer
from projects_mcp.runner.garbage import collect_as_usual, collect_rarely
from projects_mcp.runner.runner import ToolRunner

if TYPE_CHECKING:
    from projects_mcp.protocol.server import ProjectsServer

__all__ = ["serve_in_lanes", "serve_until_closed"]

_INTERRUPTED: Final = 130
_END_S: Final = 1.0
"""Seconds from a signal to the end of the process, whatever still runs."""


def _ending_signals() -> list[signal.Signals]:
    """Return the signals that end the process: SIGHUP too, unless it was told to outlive its terminal (nohup)."""
    ending = [signal.SIGTERM, signal.SIGINT]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ending.append(signal.SIGHUP)
    return ending


async def serve_until_closed(serve: Callable[[], Awaitable[None]]) -> int:
    """Serve one client until it closes stdin, or a signal arrives, and return the exit code of the process.

    Args:
        serve: ends when the client has closed stdin.
    """
    code = 0

    async def end_on_signal() -> None:
        nonlocal code
        with anyio.open_signal_receiver(*_ending_signals()) as signals:
            async for number in signals:
                code = _INTERRUPTED if number == signal.SIGINT else 0
                # A thread that cannot be stopped would hold up the end of the process.
                last_resort = threading.Timer(_END_S, os._exit, [code])
                last_resort.daemon = True
                last_resort.start()
                group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        if sys.platform != "win32":  # whose event loops know no signals; there the default ends the process
            group.start_soon(end_on_signal)
        await serve()
        group.cancel_scope.cancel()
    return code


async def serve_in_lanes(runner: ToolRunner, pipes: tuple[LineReader, LineWriter]) -> None:
    """Serve one client, and import the SDK only if a message needs it. Closes the runner."""
    reader, writer = pipes
    try:
        await Lanes(runner, published.load(), writer, partial(_serve_with_sdk, runner)).serve(reader)
    finally:
        with anyio.CancelScope(shield=True):
            await runner.aclose()


async def _serve_with_sdk(runner: ToolRunner, lines: Lines, writer: Writer, elsewhere: Container[int | str]) -> None:
    # A signal does not wait for the import.
    server = await anyio.to_thread.run_sync(_import_server, runner, abandon_on_cancel=True)
    await server.run_lines_async(lines, writer, elsewhere)


def _import_server(runner: ToolRunner) -> ProjectsServer:
    collect_rarely()
    from projects_mcp.protocol.server import ProjectsServer  # noqa: PLC0415 - the SDK is slow to import

    server = ProjectsServer(runner, starts_runner=False)
    collect_as_usual()
    return server
