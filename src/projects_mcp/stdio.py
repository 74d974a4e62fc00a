"""Serving over stdin and stdout, and ending cleanly."""

import logging
import os
import signal
import sys
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, TextIO

import anyio

from projects_mcp.assembly import assemble
from projects_mcp.config import Settings
from projects_mcp.dispatch import Dispatcher
from projects_mcp.journal import Echo
from projects_mcp.safety.redaction import Redactor

if TYPE_CHECKING:
    from projects_mcp.server import ProjectsServer

__all__ = ["PatientStream", "configure_logging", "serve_stdio"]

_INTERRUPTED: Final = 130
_MOST_WAITING: Final = 10_000
_DRAIN_S: Final = 1.0


class PatientStream:
    """A stream before another one that nobody may be reading: whoever writes here never waits.

    A full pipe would otherwise stop the whole server. Lines that find no room are dropped; the audit log has them all.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._pass_on, name="stderr", daemon=True)
        self._thread.start()

    def write(self, text: str, /) -> int:
        """Take a text, unless too many wait already."""
        if self._lines.qsize() < _MOST_WAITING:
            self._lines.put(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: waiting is what this stream is there to avoid."""

    def drain(self) -> None:
        """Give what waits a moment to be written, at the end of the process."""
        self._lines.put(None)
        self._thread.join(_DRAIN_S)

    def _pass_on(self) -> None:
        while (text := self._lines.get()) is not None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):
                return  # nobody will read it any more


class _RedactingFormatter(logging.Formatter):
    """Formats a record whole, traceback included, and then removes secrets from it."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.text(super().format(record))


def configure_logging(redactor: Redactor, stream: Echo) -> None:
    """Send all logs to stderr, redacted. Called before the SDK is built, which would configure logging its own way."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_RedactingFormatter(redactor))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def serve_stdio(settings: Settings) -> int:
    """Serve one client until it closes stdin, or a signal arrives.

    Returns:
        The exit code of the process.
    """
    lines = PatientStream(sys.stderr)
    dispatcher = assemble(settings, echo=lines)
    configure_logging(dispatcher.redactor, lines)
    from projects_mcp.server import ProjectsServer  # noqa: PLC0415 - the SDK is slow to import

    server = ProjectsServer(dispatcher)
    anyio.run(_until_closed, server, dispatcher, lines)
    lines.drain()
    return 0


async def _until_closed(server: "ProjectsServer", dispatcher: Dispatcher, lines: PatientStream) -> None:
    async with anyio.create_task_group() as group:
        if sys.platform != "win32":  # whose event loops know no signals; there the default ends the process
            group.start_soon(_end_on_signal, dispatcher, lines)
        await server.run_stdio_async()
        group.cancel_scope.cancel()


async def _end_on_signal(dispatcher: Dispatcher, lines: PatientStream) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            await dispatcher.aclose()
            lines.drain()
            # A thread still waits for a line of stdin, and only the client could end that wait.
            os._exit(0 if number == signal.SIGTERM else _INTERRUPTED)
