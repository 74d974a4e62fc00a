"""Serving over stdin and stdout, and ending cleanly."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from importlib.util import find_spec
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, TextIO

import anyio

from projects_mcp.config.settings import Settings
from projects_mcp.gateway.audit import Echo
from projects_mcp.protocol.stdio_pipes import ALWAYS_FITS, is_writable
from projects_mcp.runner.build import build_runner
from projects_mcp.sanitize.redaction import Redactor

if TYPE_CHECKING:
    from projects_mcp.protocol.server import ProjectsServer

__all__ = ["PatientStream", "configure_logging", "serve_stdio"]

_INTERRUPTED: Final = 130
_MOST_WAITING: Final = 10_000
_DRAIN_S: Final = 1.0


class PatientStream:
    """A stream before another one that nobody may be reading: whoever writes here never waits.

    A full pipe would otherwise stop the whole server. What cannot be written at once waits for a thread of its own;
    lines that find no room there are dropped, and the audit log has them all.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def write(self, text: str, /) -> int:
        """Take a text, unless too many wait already."""
        rest = self._write_now(text)
        if rest and self._lines.qsize() < _MOST_WAITING:
            self._lines.put(rest)
            if self._thread is None:
                self._thread = threading.Thread(target=self._pass_on, name="stderr", daemon=True)
                self._thread.start()
        return len(text)

    def flush(self) -> None:
        """Do nothing: waiting is what this stream is there to avoid."""

    def drain(self) -> None:
        """Give what waits a moment to be written, at the end of the process."""
        if self._thread is not None:
            self._lines.put(None)
            self._thread.join(_DRAIN_S)

    def _write_now(self, text: str) -> str:
        """Write what goes without blocking, as long as nothing waits before it, and return what is left."""
        if self._thread is not None or sys.platform == "win32":  # where only sockets can be asked
            return text
        data = text.encode(errors="replace")
        try:
            descriptor = self._stream.fileno()
            if len(data) <= ALWAYS_FITS and is_writable(descriptor):
                return data[os.write(descriptor, data) :].decode(errors="replace")
        except (OSError, ValueError):
            pass
        return text

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
    dispatcher = build_runner(settings, echo=lines)
    configure_logging(dispatcher.redactor, lines)
    from projects_mcp.protocol.server import ProjectsServer  # noqa: PLC0415 - the SDK is slow to import

    server = ProjectsServer(dispatcher)
    gc.freeze()  # what is imported stays for good, and is never looked at again
    gc.enable()
    fast_loop = {"use_uvloop": find_spec("uvloop") is not None}
    code: int = anyio.run(_until_closed, server, backend_options=fast_loop)
    lines.drain()
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
                last_resort = threading.Timer(_DRAIN_S, os._exit, [code])
                last_resort.daemon = True
                last_resort.start()
                group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        if sys.platform != "win32":  # whose event loops know no signals; there the default ends the process
            group.start_soon(end_on_signal)
        await server.run_stdio_async()
        group.cancel_scope.cancel()
    return code
