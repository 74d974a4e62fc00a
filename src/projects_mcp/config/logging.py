"""Log to stderr without ever waiting for whoever reads it.

A full pipe that nobody reads would otherwise stop the server, and its end. Every record is formatted and redacted where
it is made. What stderr does not take at once waits in a bounded queue for a thread; what finds no room is dropped.
The thread writes to the descriptor itself: a lock of `sys.stderr` that it held would stop the end of the interpreter.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import select
import sys
import time
from contextlib import suppress
from logging.handlers import QueueHandler, QueueListener
from typing import Any, Final

from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import escape_invisible

__all__ = ["StderrListener", "configure_logging"]

_STDERR: Final = 2
_WAITING_RECORDS: Final = 10_000
_DRAIN_S: Final = 1.0
_BARE: Final = ("projects_mcp.audit", "projects_mcp.access", "projects_mcp.process")
"""Loggers whose records are whole lines: JSON for programs, and sentences for the operator."""


def configure_logging(redactor: Redactor, descriptor: int = _STDERR) -> StderrListener:
    """Send all records to stderr, redacted. Called before the SDK is built, which would configure logging its own way.

    Args:
        redactor: removes secrets from every line.
        descriptor: where the lines go. If it is closed, they go nowhere, and nothing else takes its place.

    Returns:
        What writes the records. It is stopped at the end of the process.
    """
    _keep_open(descriptor)
    listener = StderrListener(descriptor)
    handler = _DroppingHandler(listener)
    handler.setFormatter(_RedactingFormatter(redactor))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _BARE:
        logging.getLogger(name).setLevel(logging.INFO)
    atexit.register(listener.stop)
    return listener


class StderrListener(QueueListener):
    """Writes lines to a descriptor: at once if it takes them, else from a thread that waits until it does.

    Handing every line to the thread would cost a tenth of the processor time of a call.
    """

    def __init__(self, descriptor: int) -> None:
        self._lines: queue.Queue[bytes | None] = queue.Queue(_WAITING_RECORDS)
        super().__init__(self._lines)
        self._descriptor = descriptor
        self._closed = False

    def add(self, line: str) -> None:
        """Write or queue a line. Never waits: a line that finds no room is dropped."""
        left = line.encode(errors="replace")
        if not self._lines.unfinished_tasks:  # else it would overtake those that wait
            left = self._write_now(left)
        if not left or self._closed:
            return
        with suppress(queue.Full):
            self._lines.put_nowait(left)
        if self._thread is None:
            self.start()

    def handle(self, record: Any) -> None:
        """Write one line from the queue, however long that takes."""
        left = record
        while left and not self._closed:
            before, left = left, self._write(left)
            if left == before:  # a descriptor that does not block takes nothing now
                select.select([], [self._descriptor], [])

    def _write_now(self, line: bytes) -> bytes:
        """Write what goes without waiting, and return what is left."""
        if sys.platform == "win32":  # select knows sockets only
            return line
        if len(line) > select.PIPE_BUF or not select.select([], [self._descriptor], [], 0)[1]:
            return line
        return self._write(line)

    def _write(self, data: bytes) -> bytes:
        """Write as much as the descriptor takes, and return what is left."""
        try:
            return data[os.write(self._descriptor, data) :]
        except BlockingIOError:
            return data
        except OSError:
            self._closed = True  # nobody will read it any more
            return b""

    def stop(self) -> None:
        """Write what waits, for at most a second."""
        if self._thread is None or not self._thread.is_alive():
            return
        deadline = time.monotonic() + _DRAIN_S
        with suppress(queue.Full):
            self._lines.put(None, timeout=_DRAIN_S)
        self._thread.join(max(0.0, deadline - time.monotonic()))


class _DroppingHandler(QueueHandler):
    """Queues each record as a line, or drops it: whoever logs neither waits nor fails."""

    def __init__(self, listener: StderrListener) -> None:
        super().__init__(listener.queue)
        self._listener = listener

    def prepare(self, record: logging.LogRecord) -> str:
        return self.format(record) + "\n"

    def enqueue(self, record: Any) -> None:
        self._listener.add(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the standard library's
        """Do nothing: the default would write to `sys.stderr`, and may wait there for ever."""


class _RedactingFormatter(logging.Formatter):
    """Formats a record whole, traceback included, then removes secrets from it, and escapes what nobody can see."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage() if record.name in _BARE else super().format(record)
        return escape_invisible(self._redactor.text(text))


def _keep_open(descriptor: int) -> None:
    """Open nothing in the place of a closed descriptor, so that no socket or file gets its number, and log lines."""
    try:
        os.fstat(descriptor)
    except OSError:
        nothing = os.open(os.devnull, os.O_WRONLY)
        if nothing != descriptor:
            os.dup2(nothing, descriptor)
            os.close(nothing)
