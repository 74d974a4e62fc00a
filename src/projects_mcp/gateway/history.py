"""What this server did: a bounded record of the calls that change something, and how each is undone.

A record is written to the state store when its call ends, before the caller has the answer; where the store is of this
process alone, it waits in memory. It is a help, and no proof: that is the audit log, which is written before a request
leaves. What the store does not have, such as the last call of a process that was killed, is looked for there.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, NamedTuple

import anyio
import anyio.to_thread

from projects_mcp.api.types import JSONObject
from projects_mcp.gateway.audit_past import read_audit_past
from projects_mcp.gateway.no_undo import why_no_undo
from projects_mcp.policy.authorization import CallerGrant, Policy
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import strip_invisible_throughout
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["Done", "History", "Past"]

_PREFIX: Final = "history:"
_KEPT_S: Final = 30 * 86_400
_MOST: Final = 1_000
"""Records that are kept, the newest."""
_PRUNED_EVERY: Final = 50
_MOST_PENDING: Final = 100
_LONGEST_UNDO: Final = 16_384
"""Characters of an undo as JSON. What is longer is not kept."""
_TOO_LONG: Final = "it is too long to be kept"
_NOT_SHOWN: Final = "it holds a value that is not shown"
_NOT_DONE: Final = "the plan is not done yet; its last receipt names the plan that undoes it"
_CANCEL: Final = "project_cancel_deletion"
_WRITTEN_EVERY_S: Final = 5.0
_FLUSHED_WITHIN_S: Final = 2.0
"""Seconds that an answer waits for its record in the state store."""
_ANY: Final = Policy()
_MOST_AUDIT_BYTES: Final = 4 << 20
"""Bytes of the audit log that are read, from its end: some ten thousand records; a quarter for a caller over HTTP."""
_MOST_NAMED_BYTES: Final = 64 << 20
"""The same of a file that somebody has named."""


@cache
def _this_process() -> str:
    """Return what tells the sandbox of this process from those of others."""
    return token_hex(8)


class Done(NamedTuple):
    """A call that has ended.

    Attributes:
        at: when, in seconds since 1970.
        number: tells it apart from others.
        tool: the tool.
        project: the project that was asked for.
        outcome: one word, as in the audit log.
        body: its receipt.
        changed: settings that it has changed -> their values before and after.
    """

    at: float
    number: str
    tool: str
    project: object
    outcome: str
    body: JSONObject | None
    changed: Mapping[str, Mapping[str, Any]]


class Past(NamedTuple):
    """What was done.

    Attributes:
        calls: the newest first, each with the call that undoes it if there is one.
        notes: what could not be read, as sentences.
    """

    calls: list[JSONObject]
    notes: list[str]


class History:
    """The record of one PostHog in a state store.

    Args:
        store: the store.
        origin: where PostHog is. Records of another one are not shown.
        redactor: removes secrets.
        caller: whose calls are noted here, and whose are shown; None for whoever has started the process, who sees all.
        policy: projects that may not be touched are not shown.
        audit_log: the file of the audit log, which is read too; None if there is none.
        fresh: this PostHog is a sandbox in this process, so that what other processes did to theirs is not shown.

    Attributes:
        pending: what has not been written yet, oldest first.
    """

    def __init__(
        self,
        store: StateStore,
        origin: str,
        redactor: Redactor,
        caller: CallerGrant | None = None,
        policy: Policy = _ANY,
        audit_log: Path | None = None,
        *,
        fresh: bool = False,
    ) -> None:
        self._origin, self._audit_log = origin, None if fresh else audit_log
        self._store, self._redactor = store, redactor
        self._caller, self._policy = caller, policy
        self._prefix = f"{_PREFIX}{hashlib.sha256((origin + _this_process() * fresh).encode()).hexdigest()[:16]}:"
        self.pending: deque[Done] = deque(maxlen=_MOST_PENDING)
        self._written = 0

    async def flush(self) -> None:
        """Write what is pending. What the store does not take now stays pending."""
        while self.pending:
            done = self.pending[0]
            # The newest has the least key, and so comes first.
            key = f"{self._prefix}{10**14 - int(done.at * 1000):015d}:{done.number}"
            try:
                await self._store.add(key, json.dumps(self._record(done), separators=(",", ":")), _KEPT_S)
                self._written += 1
                if self._written % _PRUNED_EVERY == 1:
                    await self._prune()
            except StoreError:
                return
            if self.pending and self.pending[0] is done:  # another flush may have been quicker
                self.pending.popleft()

    async def flush_in_time(self) -> None:
        """Write what is pending before an answer leaves, unless the store takes too long: then it is written later."""
        with anyio.move_on_after(_FLUSHED_WITHIN_S):
            await self.flush()

    async def keep(self) -> None:
        """Write what is pending every few seconds, until this is cancelled."""
        while True:
            await anyio.sleep(_WRITTEN_EVERY_S)
            await self.flush()

    async def entries(self, file: Path | None = None) -> Past:
        """Return what was done, as the state store and the audit log have it: a call that is in both, by the store.

        Args:
            file: an audit log to read in the place of this process's own, such as that of another machine.

        Raises:
            StoreError: the store cannot be used, and there is no audit log.
            OSError: the file that was named cannot be read.
        """
        rows: dict[str, JSONObject] = {}
        notes: list[str] = []
        await self.flush()
        try:
            rows |= {
                key.rpartition(":")[2]: json.loads(text) for key, text in await self._store.find(self._prefix, _MOST)
            }
        except StoreError as error:
            if file is None and self._audit_log is None:
                raise
            notes.append(f"The state store cannot be used: {error}. These are from the audit log.")
        rows = {number: row for number, row in rows.items() if self._may_see(row)}
        audited, said = await self._audited(file)
        newest_first = sorted((audited | rows).values(), key=lambda row: str(row["at"]), reverse=True)
        return Past(newest_first[:_MOST], notes + said)

    async def _audited(self, file: Path | None) -> tuple[dict[str, JSONObject], list[str]]:
        """Return the calls of the audit log by their ids, and what could not be read, for whoever may read the file."""
        path, most = (self._audit_log, _MOST_AUDIT_BYTES) if file is None else (file, _MOST_NAMED_BYTES)
        most //= 1 if self._caller is None else 4  # who can ask again and again gets less of a processor's time
        if path is None:
            return {}, []
        notes = []
        try:
            past = await anyio.to_thread.run_sync(
                partial(read_audit_past, path, self._origin, self._may_see, _MOST, most)
            )
        except OSError as error:
            if file is not None:
                raise
            unread = f"The audit log could not be read: {error.strerror or error}."
            nothing_yet = isinstance(error, FileNotFoundError)
            return {}, [] if nothing_yet or self._caller is not None else [unread]
        if past.skipped:
            lines = "1 line" if past.skipped == 1 else f"{past.skipped} lines"
            notes.append(
                f"{lines} of the audit log could not be read, and {'is' if past.skipped == 1 else 'are'} left out."
            )
        if not past.whole:
            notes.append("Older parts of the audit log were not read.")
        cleaned = {number: self._clean(row) for number, row in past.calls.items()}
        return cleaned, notes if self._caller is None else []

    def _clean(self, row: JSONObject) -> JSONObject:
        clean: JSONObject = self._redactor.value(strip_invisible_throughout(row))
        return clean

    def _may_see(self, row: Mapping[str, Any]) -> bool:
        return _may_see(row, self._caller, self._policy)

    async def _prune(self) -> None:
        for key, text in (await self._store.find(self._prefix, _MOST + 2 * _PRUNED_EVERY))[_MOST:]:
            await self._store.replace(key, text, None)

    def _record(self, done: Done) -> JSONObject:
        body = done.body or {}
        project = body.get("project")
        record: JSONObject = {
            "at": datetime.fromtimestamp(done.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "caller": None if self._caller is None else self._caller.name,
            "tool": done.tool,
            "project": project if isinstance(project, dict) else {"id": done.project},
            "outcome": done.outcome,
            "changed": sorted(body["changed"]) if isinstance(body.get("changed"), dict) else None,
        }
        undo, why = self._undo(done)
        record |= {"undo": undo, "no_undo": why}
        clean: JSONObject = self._redactor.value({name: item for name, item in record.items() if item is not None})
        return clean | ({"undo": undo} if undo is not None else {})  # it was exact, and holds no secret

    def _undo(self, done: Done) -> tuple[JSONObject | None, str | None]:
        """Return the call that undoes it, or why there is none."""
        body = done.body or {}
        suggested = next((step for step in body.get("next", ()) if step.get("tool") == _CANCEL), None)
        if suggested is not None and "arguments" in suggested:
            return {"tool": _CANCEL, "arguments": suggested["arguments"]}, None
        if isinstance(plan := body.get("revert_plan"), dict):
            arguments = {name: plan[name] for name in ("plan", "confirm_plan")}
            return {"tool": "project_update", "arguments": arguments}, None
        if body.get("left"):
            return None, _NOT_DONE
        revert, project = body.get("revert"), body.get("project")
        if not isinstance(revert, dict) or not isinstance(project, dict):
            return None, why_no_undo(done.tool, done.outcome)
        settings, clear = revert.get("settings", {}), revert.get("clear", [])
        expected = {name: done.changed[name]["after"] for name in [*settings, *clear] if name in done.changed}
        arguments = {
            "organization_id": project.get("organization_id"),
            "project_id": project.get("id"),
            "settings": settings,
            "clear": clear,
            "expected": expected,
        }
        if len(expected) < len(settings) + len(clear) or self._redactor.value(arguments) != arguments:
            return None, _NOT_SHOWN
        undo = {"tool": "project_update", "arguments": {name: item for name, item in arguments.items() if item}}
        return (undo, None) if len(json.dumps(undo)) <= _LONGEST_UNDO else (None, _TOO_LONG)


def _may_see(row: Mapping[str, Any], caller: CallerGrant | None, policy: Policy) -> bool:
    project = row.get("project", {})
    if policy.only is not None and project.get("id") not in policy.only:
        return False
    if caller is None:
        return True
    places = None if caller.organizations is None else {str(place) for place in caller.organizations}
    return row.get("caller") == caller.name and (places is None or project.get("organization_id") in places)
