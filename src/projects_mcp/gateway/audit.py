"""Record one line per call for whoever must know later what was done: in the process's log, and in a file if set.

A write leaves two lines, an intent before the request leaves and an outcome after, so that a crash in between can be
seen. The intent has reached the disk before the request leaves. No line holds an argument's value, except ids and the
names of fields; where a passkey has signed what was shown, that too.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import anyio.to_thread

from projects_mcp.api.outcome import Outcome
from projects_mcp.errors.refusals import AuditLogUnavailable
from projects_mcp.gateway.audit_file import AuditFile
from projects_mcp.gateway.call_tally import CallTally
from projects_mcp.gateway.write_tally import WriteTally
from projects_mcp.sanitize.redaction import Redactor

__all__ = ["AuditLog", "AuditUnavailable"]

logger: Final = logging.getLogger("projects_mcp.audit")
"""Gets every line. Nothing shows them unless the process configures logging for that."""

_INTENT_WAIT_S: Final = 5.0
"""Seconds to wait, in a thread, for another process that appends; then the call is refused."""
_RECORD_WAIT_S: Final = 0.2
"""Seconds to wait for it where nothing else goes on meanwhile; then the line is written without a chain."""


def _now() -> datetime:
    return datetime.now(UTC)


class AuditUnavailable(Exception):
    """The audit log cannot be written, so nothing may be changed."""


@dataclass
class AuditLog:
    """Writes audit records to the process's log, and to a file, chained there.

    Args:
        redactor: removes secrets from every line.
        path: the file; None if the operator wants none.
        clock: the time in UTC, for tests.
        tally: counts the calls too; None if nobody reads the counts.
        origin: where PostHog is, for each line; None leaves it out.
        writes: counts the requests that change something.
    """

    redactor: Redactor
    path: Path | None = None
    clock: Callable[[], datetime] = field(default=_now, repr=False)
    tally: CallTally | None = field(default=None, repr=False)
    origin: str | None = None
    writes: WriteTally = field(default_factory=WriteTally, repr=False)
    _file: AuditFile | None = field(default=None, init=False, repr=False)
    _broken: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.path is not None:
            self._file = AuditFile(self.path)

    def probe(self) -> bool:
        """Whether the audit log can be written now. Logs an error when that changes."""
        if self._file is None:
            return True
        try:
            self._file.probe()
        except OSError as error:
            self._report(error)
            return False
        return True

    def require_writable(self) -> None:
        """Make sure that the audit log can be written.

        Raises:
            AuditLogUnavailable: it cannot, so nothing may be changed.
        """
        if not self.probe():
            raise AuditLogUnavailable

    async def intent(self, line: Mapping[str, Any], signed: Mapping[str, Any] | None = None) -> None:
        """Record that a request that changes something is about to leave, and wait until the disk has it.

        Args:
            line: the record. It is redacted.
            signed: what a signature can be checked with later. It is public, and goes into the file only, as it is:
                a changed character would spoil it.

        Raises:
            AuditUnavailable: the audit log cannot be written.
        """
        text = self._text("intent", line)
        if (file := self._file) is not None:
            whole = _joined(text, signed).encode()
            try:
                # Never abandoned: a line that is being written is written whole before a cancelled call ends.
                await anyio.to_thread.run_sync(
                    lambda: file.append(whole, durable=True, wait_s=_INTENT_WAIT_S, must_chain=True)
                )
            except OSError as error:
                self._report(error)
                raise AuditUnavailable from None
            self._broken = False
        self.writes.begun += 1
        logger.info("%s", text)

    def record(self, event: str, line: Mapping[str, Any]) -> None:
        """Record a call that has ended (`call`), or what became of a write (`outcome`). Never fails."""
        if event == "outcome":
            self.writes.ended += 1
            self.writes.applied += line["outcome"] == Outcome.APPLIED.value
            self.writes.unknown += line["outcome"] == Outcome.UNKNOWN.value
        text = self._text(event, line)
        logger.info("%s", text)
        if self._file is None:
            return
        try:
            self._file.append(text.encode(), durable=False, wait_s=_RECORD_WAIT_S, must_chain=False)
        except OSError as error:
            self._report(error)
        else:
            self._broken = False

    def _text(self, event: str, line: Mapping[str, Any]) -> str:
        when = self.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        known = {"posthog": self.origin, **line}
        whole = {"time": when, "event": event, **{name: value for name, value in known.items() if value is not None}}
        # Redacted as an object: whatever a subject is called, the line stays JSON.
        return json.dumps(self.redactor.value(whole), separators=(",", ":"))

    def _report(self, error: OSError) -> None:
        if self._broken:
            return
        self._broken = True
        reason = error.strerror or "it was written in part"
        logger.error("projects-mcp: the audit log cannot be written (%s); changes are refused until it can.", reason)


def _joined(text: str, signed: Mapping[str, Any] | None) -> str:
    """Add members to a JSON object that is text already."""
    return f"{text[:-1]},{json.dumps(signed, separators=(',', ':'))[1:]}" if signed else text
