"""Record one line per call for whoever must know later what was done: in the process's log, and in a file if set.

A write leaves two lines, an intent before the request leaves and an outcome after, so that a crash in between can be
seen. The intent has reached the disk before the request leaves. No line holds an argument's value, except ids and the
names of fields.
"""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import anyio.to_thread

from projects_mcp.sanitize.redaction import Redactor

__all__ = ["AuditLog", "AuditUnavailable"]

logger: Final = logging.getLogger("projects_mcp.audit")
"""Gets every line. Nothing shows them unless the process configures logging for that."""

_OWNER_ONLY: Final = 0o600
_OTHERS: Final = 0o077


def _now() -> datetime:
    return datetime.now(UTC)


class AuditUnavailable(Exception):
    """The audit log cannot be written, so nothing may be changed."""


@dataclass
class AuditLog:
    """Writes audit records to the process's log, and to a file.

    Args:
        redactor: removes secrets from every line.
        path: the file; None if the operator wants none.
        clock: the time in UTC, for tests.
    """

    redactor: Redactor
    path: Path | None = None
    clock: Callable[[], datetime] = field(default=_now, repr=False)
    _broken: bool = field(default=False, init=False)
    _torn: bool = field(default=False, init=False)
    """The last line was cut off, so the next one begins on a new line."""

    def probe(self) -> bool:
        """Whether the audit log can be written now. Logs an error when that changes."""
        try:
            self._append(b"", durable=False)
        except OSError as error:
            self._report(error)
            return False
        return True

    async def intent(self, line: Mapping[str, Any]) -> None:
        """Record that a request that changes something is about to leave, and wait until the disk has it.

        Raises:
            AuditUnavailable: the audit log cannot be written.
        """
        text = self._text("intent", line)
        if self.path is not None:
            try:
                # Never abandoned: a line that is being written is written whole before a cancelled call ends.
                await anyio.to_thread.run_sync(lambda: self._append_line(text, durable=True))
            except OSError as error:
                self._report(error)
                raise AuditUnavailable from None
            self._broken = False
        logger.info("%s", text)

    def record(self, event: str, line: Mapping[str, Any]) -> None:
        """Record a call that has ended (`call`), or what became of a write (`outcome`). Never fails."""
        text = self._text(event, line)
        logger.info("%s", text)
        try:
            self._append_line(text, durable=False)
        except OSError as error:
            self._report(error)
        else:
            self._broken = False

    def _text(self, event: str, line: Mapping[str, Any]) -> str:
        when = self.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        whole = {"time": when, "event": event, **{name: value for name, value in line.items() if value is not None}}
        # Redacted as an object: whatever a subject is called, the line stays JSON.
        return json.dumps(self.redactor.value(whole), separators=(",", ":"))

    def _append_line(self, text: str, *, durable: bool) -> None:
        self._append(f"{text}\n".encode(), durable=durable)

    def _append(self, data: bytes, *, durable: bool) -> None:
        """Append to the file as it is now: it is opened anew each time, so that rotating it away is noticed."""
        if self.path is None:
            return
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
        descriptor = os.open(self.path, flags, _OWNER_ONLY)
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and status.st_mode & _OTHERS and hasattr(os, "fchmod"):
                with suppress(PermissionError):  # somebody else's file that we may append to
                    os.fchmod(descriptor, _OWNER_ONLY)
            if not data:
                return
            whole = b"\n" + data if self._torn else data
            self._torn = os.write(descriptor, whole) != len(whole)
            if self._torn:
                raise OSError("the line was written in part")
            if durable and stat.S_ISREG(status.st_mode):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _report(self, error: OSError) -> None:
        if self._broken:
            return
        self._broken = True
        reason = error.strerror or "it was written in part"
        logger.error("projects-mcp: the audit log cannot be written (%s); changes are refused until it can.", reason)
