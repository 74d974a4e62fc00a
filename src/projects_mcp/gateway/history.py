"""What this server did: a bounded record of the calls that change something, and how each is undone.

A record is noted in memory when its call ends, and written to the state store a moment later, so that no call waits for
it. It is a help, and no proof: that is the audit log, which is written before a request leaves. A process that is
killed loses what it did in its last seconds.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import anyio

from projects_mcp.api.types import JSONObject
from projects_mcp.policy.authorization import CallerGrant, Policy
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["Done", "History"]

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
_CANCEL: Final = "project_cancel_deletion"
_WRITTEN_EVERY_S: Final = 5.0
_ANY: Final = Policy()


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


class History:
    """The record of one PostHog in a state store.

    Args:
        store: the store.
        origin: where PostHog is. Records of another one are not shown.
        redactor: removes secrets.
        caller: whose calls are noted here, and whose are shown; None for whoever has started the process, who sees all.
        policy: projects that may not be touched are not shown.

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
    ) -> None:
        self._store, self._redactor = store, redactor
        self._caller, self._policy = caller, policy
        self._prefix = f"{_PREFIX}{hashlib.sha256(origin.encode()).hexdigest()[:16]}:"
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

    async def keep(self) -> None:
        """Write what is pending every few seconds, until this is cancelled."""
        while True:
            await anyio.sleep(_WRITTEN_EVERY_S)
            await self.flush()

    async def entries(self) -> list[JSONObject]:
        """Return what was done, newest first, each with the call that undoes it if there is one.

        Raises:
            StoreError: the store cannot be used.
        """
        await self.flush()
        rows = [json.loads(text) for _, text in await self._store.find(self._prefix, _MOST)]
        return [row for row in rows if _may_see(row, self._caller, self._policy)]

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
        revert, project = body.get("revert"), body.get("project")
        if not isinstance(revert, dict) or not isinstance(project, dict):
            return None, None
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
