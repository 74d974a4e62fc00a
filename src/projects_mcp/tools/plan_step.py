"""Carry out one step of a plan: read the project again, write once, and note both in the store before and after.

What is noted decides whether a request may leave: a step that may have been sent is never sent again, whoever carries
on with the plan. What became of it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import anyio

from projects_mcp.api.outcome import Outcome
from projects_mcp.api.settings_diff import SettingsDiff
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import JSONObject, OrganizationRef, parse_uuid
from projects_mcp.errors.connection import PostHogError, RequestNotSent, ResponseLost
from projects_mcp.errors.context import FailureContext
from projects_mcp.errors.refusals import (
    AuditLogUnavailable,
    CallerWithdrawn,
    ProjectBusy,
    ProjectNotIdentified,
    Refusal,
    StateUnavailable,
)
from projects_mcp.errors.rejected import Forbidden, NotFound, RateLimited, ServerError, Unauthenticated
from projects_mcp.fleet.marks import Mark, Status
from projects_mcp.fleet.plan import Step
from projects_mcp.gateway.context import ToolContext
from projects_mcp.gateway.plan_context import step_context
from projects_mcp.gateway.single_reads import read_once
from projects_mcp.state.plans import Plans
from projects_mcp.state.stored_plan import StoredPlan
from projects_mcp.tools.plan_store import stored
from projects_mcp.tools.way_back import way_back

__all__ = ["Carried", "StepWork"]

_GONE: Final = "It is gone, in another organization, or not visible to this key."
_NOT_ALLOWED: Final = "This key or this server may not change it."
_READ_S: Final = 4.0
"""Seconds for one reading."""
_STILL: Final = (
    "It still has the former values. PostHog may have made the change later: look at it before you repeat it."
)
_PARTLY: Final = "It has other values than before, and other ones than were sent."
_UNREAD: Final = "It could not be read afterwards."
_ENDED: Final = "PostHog ended the request with an error of its own."
_LOOKED_FOR_S: Final = 600.0
"""Seconds in which later calls try to find out what became of a request."""
_ENDS = (StateUnavailable, AuditLogUnavailable, CallerWithdrawn, Unauthenticated)
"""After which nothing more may be sent, whatever the project."""


class Carried(NamedTuple):
    """What came of one try.

    Attributes:
        mark: what is noted of the step now; None if nothing is, so that it is still to be done.
        failed: whether PostHog did not answer properly, or refused the change for a reason that others may share.
        wait_s: seconds that PostHog wants to be left alone for; 0 if it does not say.
    """

    mark: Mark | None
    failed: bool = False
    wait_s: float = 0.0


class StepWork(NamedTuple):
    """Carries out steps of one plan.

    Args:
        context: of the call.
        plans: where the marks are kept.
        plan: as it is kept.
    """

    context: ToolContext
    plans: Plans
    plan: StoredPlan

    async def carry_out(self, step: Step, former: Mark | None, within_s: float) -> Carried:
        """Carry out a step that has not been sent.

        Args:
            step: of the plan.
            former: what was noted of it before; None if nothing was.
            within_s: seconds for all of its requests.

        Raises:
            StateUnavailable, AuditLogUnavailable, CallerWithdrawn, Unauthenticated: nothing more may be sent.
        """
        context = self._context_of(step, within_s)
        try:
            turn = await context.project_turn()
            now = await self._read(context, step, within_s)
            body, decided = self._decide(step, now)
            if decided is not None:
                return await self._noted(step, former, decided)
            if step.lost:
                context.authorization.require_irreversible(step.project_id)
            async with context.hold(turn):
                if turn.others_wrote:
                    if await context.services.fleet_requests.take():
                        return Carried(former)
                    now = await self._read(context, step, within_s)
                    body, decided = self._decide(step, now)
                    if decided is not None:
                        return await self._noted(step, former, decided)
                return await self._send(context, step, former, body, now)
        except _ENDS:
            raise
        except ProjectBusy:
            return Carried(None, wait_s=1.0)
        except (Refusal, PostHogError) as error:
            return await self._not_sent(step, former, error, tried=former is not None)

    async def settle(self, step: Step, former: Mark, within_s: float) -> Carried:
        """Find out by reading what became of a step that may have been sent. Nothing is sent."""
        context = self._context_of(step, within_s)
        return await self._settled(context, step, former, ended=False)

    def _context_of(self, step: Step, within_s: float) -> ToolContext:
        organization: OrganizationRef = parse_uuid(step.organization) or self.context.organization
        return step_context(self.context, step.project_id, organization, self.plan.id, within_s)

    async def _read(self, context: ToolContext, step: Step, within_s: float) -> JSONObject:
        return await read_once(context, context.organization, step.project_id, min(within_s, _READ_S))

    def _decide(self, step: Step, now: Mapping[str, Any]) -> tuple[dict[str, Any], Mark | None]:
        """Hold the project as it is to what it was when the plan was made.

        Returns:
            What is to be sent; and what is noted if nothing is.
        """
        moved = [name for name, value in step.before.items() if not SETTINGS[name].same(now.get(name), value)]
        if not moved:
            return step.sent, None
        after = step.after
        if all(SETTINGS[name].same(now.get(name), value) for name, value in after.items()):
            return {}, Mark(Status.UNCHANGED)
        rest = {name: value for name, value in step.sent.items() if name not in moved}
        if rest and self.plan.reverts:
            return rest, None
        return {}, Mark(Status.DRIFTED, names=tuple(moved))

    async def _send(
        self, context: ToolContext, step: Step, former: Mark | None, body: Mapping[str, Any], now: JSONObject
    ) -> Carried:
        sent = Mark(Status.SENT, names=tuple(body), at=self.plans.clock())
        if not await self._note(step, former, sent):
            return Carried(None)  # another call has it
        try:
            after = await context.write(context.organization, body)
        except (ResponseLost, ServerError) as error:
            ended = isinstance(error, ServerError) and error.ended
            return (await self._settled(context, step, sent, ended=ended))._replace(failed=True)
        except (Refusal, PostHogError) as error:
            self._finish(context, Outcome.NOT_APPLIED)
            if isinstance(error, (RateLimited, *_ENDS)):
                await self._note(step, sent, former)
                if isinstance(error, _ENDS):
                    raise
                return Carried(former, wait_s=error.retry_after_s or 1.0)
            return await self._not_sent(step, sent, error, tried=former is not None)
        except BaseException:
            self._finish(context, Outcome.UNKNOWN)
            raise
        mark = self._compared(step, body, now, after)
        self._finish(context, Outcome.APPLIED if mark.status is Status.APPLIED else Outcome.NOT_APPLIED)
        return await self._noted(step, sent, mark)

    def _compared(self, step: Step, body: Mapping[str, Any], before: Mapping[str, Any], after: JSONObject) -> Mark:
        diff = SettingsDiff.between(body, before, after)
        kept_back = tuple(name for name in step.sent if name not in body)
        if not diff.changed:
            return Mark(Status.UNCHANGED if not diff.ignored else Status.IGNORED, names=tuple(diff.ignored))
        settings, clear, lost = way_back(diff)
        undo = {**settings, **dict.fromkeys(clear)}
        return Mark(
            Status.APPLIED, _left_alone(kept_back), (*diff.ignored, *kept_back), diff.changed, undo, tuple(lost)
        )

    async def _settled(self, context: ToolContext, step: Step, sent: Mark, *, ended: bool) -> Carried:
        """Read what became of a request whose answer was lost. If it cannot be read now, that is for another call."""
        mark = await self._read_back(context, step, sent)
        if mark is not None and mark.status is Status.FAILED and not ended:
            await anyio.sleep(self.context.services.posthog.limits.second_look_s)
            mark = await self._read_back(context, step, sent)
        if mark is not None and mark.status is Status.FAILED and not ended:
            mark = Mark(Status.UNKNOWN, _STILL)
        if mark is None and self.plans.clock() > sent.at + _LOOKED_FOR_S:
            mark = Mark(Status.UNKNOWN, _UNREAD)
        known = {Status.APPLIED: Outcome.APPLIED, Status.FAILED: Outcome.NOT_APPLIED}
        self._finish(context, Outcome.UNKNOWN if mark is None else known.get(mark.status, Outcome.UNKNOWN))
        return Carried(sent) if mark is None else await self._noted(step, sent, mark)

    async def _read_back(self, context: ToolContext, step: Step, sent: Mark) -> Mark | None:
        """Return what the project shows; None if it cannot be read now. `failed` means here that nothing shows."""
        body = {name: step.sent[name] for name in sent.names}
        if await self.context.services.fleet_requests.take():
            return None
        try:
            now = await self._read(context, step, _READ_S)
        except (NotFound, Forbidden, ProjectNotIdentified):
            return Mark(Status.UNKNOWN, _UNREAD)
        except (Refusal, PostHogError):
            return None
        mark = self._compared(step, body, {**now, **step.before}, now)
        if mark.status is not Status.APPLIED:
            return Mark(Status.FAILED, _ENDED)
        after = step.after
        if all(SETTINGS[name].same(now.get(name), after[name]) for name in body):
            return mark
        return Mark(Status.UNKNOWN, _PARTLY)

    async def _not_sent(
        self, step: Step, former: Mark | None, error: Refusal | PostHogError, *, tried: bool
    ) -> Carried:
        """Note why nothing was changed."""
        if isinstance(error, RateLimited):
            return Carried(former, wait_s=error.retry_after_s or 1.0)
        if isinstance(error, NotFound | ProjectNotIdentified):
            return await self._noted(step, former, Mark(Status.FAILED, _GONE))
        if isinstance(error, Refusal | Forbidden):
            return await self._noted(step, former, Mark(Status.FAILED, _NOT_ALLOWED))
        why = error.words(self._failure_context()).what
        if not tried and isinstance(error, RequestNotSent | ResponseLost | ServerError):
            return await self._noted(step, former, Mark(Status.AGAIN, why), failed=True)
        return await self._noted(step, former, Mark(Status.FAILED, why), failed=True)

    def _failure_context(self) -> FailureContext:
        operation = self.context.operation
        return FailureContext(operation.tool, operation.effect, self.context.origin, self.context.services.redactor)

    async def _noted(self, step: Step, former: Mark | None, mark: Mark, *, failed: bool = False) -> Carried:
        mark = mark._replace(at=self.plans.clock())
        return Carried(mark if await self._note(step, former, mark) else None, failed)

    async def _note(self, step: Step, former: Mark | None, mark: Mark | None) -> bool:
        with stored():
            old, new = (None if each is None else each.dump() for each in (former, mark))
            return await self.plans.mark(self.plan, step.project_id, old, new)

    def _finish(self, context: ToolContext, outcome: Outcome) -> None:
        if context.audit.intent_written:
            place = {"id": context.project, "organization_id": str(context.organization)}
            context.audit.finish(outcome.value, None, place)


def _left_alone(names: tuple[str, ...]) -> str:
    return f"Others have changed {', '.join(names)} meanwhile, so that was left alone." if names else ""
