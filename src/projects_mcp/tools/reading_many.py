"""Read many projects: as many at a time as others can bear, within the time of a call and the limits of a key.

What is read is a run of the projects by id, without gaps: who goes on behind it reads each project once, whatever is
created, deleted or moved meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import anyio

from projects_mcp.api.types import CURRENT, JSONObject, OrganizationRef, parse_uuid
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.refusals import CallerWithdrawn, ProjectNotIdentified, Refusal
from projects_mcp.errors.rejected import Forbidden, NotFound, RateLimited, Unauthenticated
from projects_mcp.gateway.context import ToolContext
from projects_mcp.gateway.single_reads import read_once
from projects_mcp.posthog.retry import worth_repeating

__all__ = ["ReadProjects", "Unreadable", "read_each"]

_AT_ONCE: Final = 16
"""Half of the connections, so that other calls go on."""
_WORK_S: Final = 25.0
"""Seconds in which new requests begin. A call has 30 by default; with less, it is this part of it."""
_PART: Final = _WORK_S / 30.0
_LAST_REQUEST_S: Final = 4.0
"""Seconds that a request may take beyond that."""
_PAUSE_S: Final = 0.25
"""Seconds before a request that failed for the moment is sent once more."""
_MOST_FAILURES: Final = 5
"""Failures one after another, none of them about one project, after which PostHog is left alone."""

_REQUESTS_OF_A_LIST: Final = 5
"""Requests that finding the projects takes again, before the next of them is read: 2,000 come in five pages."""

_GONE: Final = "It is gone, in another organization, or not visible to this key."
_NOT_ALLOWED: Final = "This key may not read it."
_FAILED: Final = "PostHog did not answer it properly. Try again in a moment."
_STOPPED: Final = "PostHog stopped answering. Try again in a moment."


class Unreadable(NamedTuple):
    """A project that belongs to what was asked for, and that could not be read: its id, and why in a sentence."""

    id: int
    why: str


@dataclass(slots=True)
class ReadProjects:
    """What was read.

    Attributes:
        projects: with the fields that were asked for, by id.
        unreadable: those that could not be read.
        next_id: the lowest id that was not tried; None if all were.
        retry_after_s: seconds after which it makes sense to go on; 0 for at once.
        incomplete: why it ended early, as a sentence; empty if time or the limits of the key were the reason.
    """

    projects: list[JSONObject] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    next_id: int | None = None
    retry_after_s: float = 0.0
    incomplete: str = ""


async def read_each(context: ToolContext, rows: Sequence[Mapping[str, Any]], needed: Iterable[str]) -> ReadProjects:
    """Read the projects whose rows of the list do not hold all that is needed.

    Args:
        context: of the call.
        rows: one for each project, by id, with at least the id.
        needed: the fields to keep besides id and name.

    Raises:
        CallerWithdrawn: the caller has been taken out meanwhile.
        PostHogError: nothing at all could be read.
    """
    reading = _Reading(context, rows, frozenset(needed))
    async with anyio.create_task_group() as tasks:
        for _ in range(min(_AT_ONCE, len(rows))):
            tasks.start_soon(reading.work)
    return await reading.result()


class _Reading:
    def __init__(self, context: ToolContext, rows: Sequence[Mapping[str, Any]], needed: frozenset[str]) -> None:
        self._context, self._rows, self._needed = context, rows, needed
        self._windows = context.services.fleet_requests
        self._deadline = anyio.current_time() + min(_WORK_S, context.services.posthog.limits.call_s * _PART)
        self._next = 0
        self._done: dict[int, JSONObject | Unreadable] = {}
        self._stopped = False
        self._fatal: Refusal | PostHogError | None = None
        self._last: PostHogError | None = None
        self._failures = 0
        self._retry_after_s = 0.0

    async def work(self) -> None:
        """Read one project after the other, as long as there are some, time and room."""
        while self._next < len(self._rows) and not self._stopped:
            at = self._next
            self._next += 1
            row = self._rows[at]
            self._done |= {at: self._kept(row)} if self._needed <= row.keys() else await self._read(at, row["id"])
            if self._context.progress is not None:
                await self._context.progress.report(len(self._done), len(self._rows))

    async def _read(self, at: int, project: int) -> dict[int, JSONObject | Unreadable]:
        """Return what came of one project; nothing if it was not tried to the end."""
        for last in (False, True):
            left_s = self._deadline - anyio.current_time()
            if left_s <= 0 or await self._windows.take():
                self._stopped = True
                break
            try:
                found = await read_once(self._context, self._context.organization, project, left_s + _LAST_REQUEST_S)
            except (CallerWithdrawn, Unauthenticated) as error:
                self._stopped, self._fatal = True, error
            except RateLimited as error:
                self._stopped, wait_s = True, error.retry_after_s or 1.0
                if wait_s > self._retry_after_s:  # others are told of the same limit later, and shorter
                    self._last, self._retry_after_s = error, wait_s
            except (Refusal, PostHogError) as error:
                if not last and isinstance(error, PostHogError) and worth_repeating(error):
                    await anyio.sleep(_PAUSE_S)
                    continue
                return {at: Unreadable(project, self._reason(error))}
            else:
                self._failures = 0
                return {at: self._kept(found) if self._is_here(found) else Unreadable(project, _GONE)}
            break
        return {}

    def _reason(self, error: Refusal | PostHogError) -> str:
        """Say why a project could not be read, and give up if PostHog does not answer at all."""
        if isinstance(error, NotFound | ProjectNotIdentified):
            return _GONE
        if isinstance(error, Refusal | Forbidden):
            return _NOT_ALLOWED
        self._last = error
        self._failures += 1
        self._stopped = self._stopped or self._failures >= _MOST_FAILURES
        return _FAILED

    def _is_here(self, project: Mapping[str, Any]) -> bool:
        asked: OrganizationRef = self._context.organization
        return asked is CURRENT or parse_uuid(project.get("organization")) in (None, asked)

    def _kept(self, project: Mapping[str, Any]) -> JSONObject:
        """Return what is needed of a project: many whole ones would be much to hold."""
        kept = {name: project[name] for name in self._needed if name in project}
        return {"id": project["id"], "name": project.get("name"), "organization": project.get("organization"), **kept}

    async def result(self) -> ReadProjects:
        """Return the run of projects that were tried, up to the first that was not."""
        if self._fatal is not None:
            raise self._fatal
        tried = next((at for at in range(len(self._rows)) if at not in self._done), len(self._rows))
        read = ReadProjects()
        for at in range(tried):
            found = self._done[at]
            if isinstance(found, Unreadable):
                read.unreadable.append(found)
            else:
                read.projects.append(found)
        if self._last is not None and not read.projects:
            raise self._last
        if tried < len(self._rows):
            read.next_id = self._rows[tried]["id"]
            read.retry_after_s = max(
                self._retry_after_s, await self._windows.wait_s(len(self._rows) - tried + _REQUESTS_OF_A_LIST)
            )
            read.incomplete = _STOPPED if self._failures >= _MOST_FAILURES else ""
        return read
