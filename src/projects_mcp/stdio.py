"""Serving over stdin and stdout, and ending cleanly."""

import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Final, TextIO

import anyio

from projects_mcp.assembly import assemble
from projects_mcp.config import Settings
from projects_mcp.dispatch import Dispatcher
from projects_mcp.safety.redaction import Redactor

if TYPE_CHECKING:
    from projects_mcp.server import ProjectsServer

__all__ = ["configure_logging", "serve_stdio"]

_INTERRUPTED: Final = 130


class _RedactingFormatter(logging.Formatter):
    """Formats a record whole, traceback included, and then removes secrets from it."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text(super().format(record))


def configure_logging(redactor: Redactor, stream: TextIO | None = None) -> None:
    """Send all logs to stderr, redacted. Called before the SDK is built, which would configure logging its own way."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_RedactingFormatter(redactor))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def serve_stdio(settings: Settings) -> int:
    """Serve one client until it closes stdin, or a signal arrives.

    Returns:
        The exit code of the process.
    """
    dispatcher = assemble(settings, echo=sys.stderr)
    configure_logging(dispatcher.redactor)
    from projects_mcp.server import ProjectsServer  # noqa: PLC0415 - the SDK is slow to import

    server = ProjectsServer(dispatcher)
    anyio.run(_until_closed, server, dispatcher)
    return 0


async def _until_closed(server: "ProjectsServer", dispatcher: Dispatcher) -> None:
    async with anyio.create_task_group() as group:
        if sys.platform != "win32":  # whose event loops know no signals; there the default ends the process
            group.start_soon(_end_on_signal, dispatcher)
        await server.run_stdio_async()
        group.cancel_scope.cancel()


async def _end_on_signal(dispatcher: Dispatcher) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            await dispatcher.aclose()
            sys.stderr.flush()
            # A thread still waits for a line of stdin, and only the client could end that wait.
            os._exit(0 if number == signal.SIGTERM else _INTERRUPTED)
