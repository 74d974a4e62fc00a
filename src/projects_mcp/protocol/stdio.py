"""Serve MCP over stdin and stdout, and end cleanly."""

from __future__ import annotations

import os
import signal
import sys
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import anyio

from projects_mcp.config.logging import configure_logging
from projects_mcp.config.settings import Settings
from projects_mcp.protocol.stdio_pipes import keep_pipes_open
from projects_mcp.runner.build import build_runner
from projects_mcp.runner.garbage import collect_as_usual

if TYPE_CHECKING:
    from projects_mcp.protocol.server import ProjectsServer

__all__ = ["serve_stdio"]

_INTERRUPTED: Final = 130
_END_S: Final = 1.0
"""Seconds from a signal to the end of the process, whatever still runs."""


def serve_stdio(settings: Settings) -> int:
    """Serve one client until it closes stdin, or a signal arrives.

    Returns:
        The exit code of the process.
    """
    keep_pipes_open()  # before anything else is opened
    runner = build_runner(settings)
    configure_logging(runner.redactor)
    from projects_mcp.protocol.server import ProjectsServer  # noqa: PLC0415 - the SDK is slow to import

    server = ProjectsServer(runner)
    collect_as_usual()
    fast_loop = {"use_uvloop": find_spec("uvloop") is not None}
    code: int = anyio.run(_until_closed, server, backend_options=fast_loop)
    return code


def _ending_signals() -> list[signal.Signals]:
    """Return the signals that end the process: SIGHUP too, unless it was told to outlive its terminal (nohup)."""
    ending = [signal.SIGTERM, signal.SIGINT]
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ending.append(signal.SIGHUP)
    return ending


async def _until_closed(server: ProjectsServer) -> int:
    """Serve until stdin ends or a signal arrives, and return the exit code."""
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
        await server.run_stdio_async()
        group.cancel_scope.cancel()
    return code
