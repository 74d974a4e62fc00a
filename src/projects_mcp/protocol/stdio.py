"""Serve MCP over stdin and stdout, and end cleanly."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import anyio

from projects_mcp.config.logging import configure_logging
from projects_mcp.config.settings import Settings
from projects_mcp.runner.build import build_runner

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
    runner = build_runner(settings)
    configure_logging(runner.redactor)
    from projects_mcp.protocol.server import ProjectsServer  # noqa: PLC0415 - the SDK is slow to import

    server = ProjectsServer(runner)
    gc.freeze()  # what is imported stays for good, and is never looked at again
    gc.enable()
    fast_loop = {"use_uvloop": find_spec("uvloop") is not None}
    code: int = anyio.run(_until_closed, server, backend_options=fast_loop)
    return code


async def _until_closed(server: ProjectsServer) -> int:
    """Serve until stdin ends or a signal arrives, and return the exit code."""
    code = 0

    async def end_on_signal() -> None:
        nonlocal code
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for number in signals:
                code = 0 if number == signal.SIGTERM else _INTERRUPTED
                # Where stdin is no pipe, a thread waits for its next line, and only the end of the process ends that.
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
