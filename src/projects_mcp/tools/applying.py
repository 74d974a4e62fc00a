"""Apply a plan: as many of its steps as a call has time and the key has room for. The same call made again goes on.

One project comes first, then a tenth of them, then the rest. Three failures in a row end it until a person says again
that it shall go on. Everything that another process needs to go on is in the state store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import anyio
import anyio.to_thread

from projects_mcp.api.types import JSONObject
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.refusals import NoSuchPlan, PlanNotConfirmed, Refusal, StateUnavailable, TooManyPlans
from projects_mcp.fleet.marks import Mark, Status
from projects_mcp.fleet.plan import Plan, Step
from projects_mcp.gateway.confirmation import confirm_plan
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.confirmation import Assertion, Channel, ConfirmationEvidence
from projects_mcp.state.plans import Plans
from projects_mcp.state.store import StoreError
from projects_mcp.state.stored_plan import StoredPlan
from projects_mcp.tools.plan_answers import MOST_WITHOUT_CONSENT, receipt, revert_of, said_of
from projects_mcp.tools.plan_step import StepWork
from projects_mcp.tools.plan_store import keep_plan, load_plan, plans_of, stored
from projects_mcp.tools.plan_turn import final_of, read_marks, wait_for_turn

__all__ = ["apply_plan"]

_WORK_S: Final = 20.0
"""Seconds in which steps begin. With the time that the last of them may take, a call works for 40 at the most."""
_STEP_S: Final = 8.0
"""Seconds for the write of one step; reading before and after it has seconds of its own."""
_PART: Final = _WORK_S / 30.0
"""Of the operator's limit for a call, if that is shorter than the default."""
_BUSY_S: Final = 10.0
"""Seconds after which it makes sense to try a project again that was held."""
_AT_ONCE: Final = 8
"""Steps at a time, once one has gone well: a quarter of the connections."""
_MOST_FAILURES: Final = 3
_TENTH: Final = 10
_STOPPED: Final = (
    "Three projects in a row failed: {} Nothing more is sent until a person says again that it shall go on."
)


async def apply_plan(context: ToolContext, plan: str, words: str) -> JSONObject:
    """Apply a plan that was previewed, or go on with it.

    Args:
        context: of a call of `project_update`.
        plan: the id of the plan.
        words: those of `confirm_plan`.

    Returns:
        The receipt, with `left`: how many projects are still to be changed. If it is not 0, the same call goes on,
        after `retry_after_s` seconds if that is there.

    Raises:
        NoSuchPlan: the caller has no such plan, or its time is over.
        PlanNotConfirmed: the words are not those of the plan.
        PlanBusy: another call is at work on it, for longer than this one may wait.
        Refusal: a person has to agree and has not, or the store cannot be used. Nothing has been sent.
        ConsentPendingError: a person has to be asked in another round.
        Unauthenticated: PostHog does not accept the key any more. What was done is kept.
    """
    kept, whole = await load_plan(context, plan)
    if words.strip() != whole.words:
        raise PlanNotConfirmed
    plans = plans_of(context)
    with stored():
        marks = await read_marks(plans, kept)
    if final_of(marks) < len(whole.steps):
        kept = await _begun(context, plans, kept, whole, marks)
        ends_s = anyio.current_time() + min(_WORK_S, context.services.posthog.limits.call_s * _PART)
        token, kept = await wait_for_turn(context, plans, kept, whole, ends_s)
        try:
            kept, marks, retry_after_s = await _work(context, plans, kept, whole, ends_s)
            kept = await _revertible(context, plans, kept, whole, marks)
        finally:
            with anyio.CancelScope(shield=True):
                await _release(plans, kept.id, token)
    else:  # all is done, perhaps by a process that has ended since
        retry_after_s = 0.0
        kept = await _revertible(context, plans, kept, whole, marks)
    return await anyio.to_thread.run_sync(receipt, context, kept, whole, marks, retry_after_s)


async def _release(plans: Plans, plan: str, token: str) -> None:
    try:
        await plans.release(plan, token)
    except StoreError:
        return  # it ends by itself


async def _begun(
    context: ToolContext, plans: Plans, kept: StoredPlan, whole: Plan, marks: dict[int, Mark]
) -> StoredPlan:
    """Make sure that whoever has to agree has agreed, and note it with the plan. Later calls go on without asking."""
    if not kept.begun or kept.stopped:
        evidence: ConfirmationEvidence | None = None
        if kept.stopped or len(whole.steps) > MOST_WITHOUT_CONSENT or whole.is_irreversible:
            said = await anyio.to_thread.run_sync(said_of, context, kept, whole, marks)
            evidence = await confirm_plan(context, whole.words, kept.id, said)
        with stored():
            begun = await plans.begin(kept, _kept_evidence(evidence))
        if begun is None:
            raise NoSuchPlan
        kept = begun
    context.audit.evidence = _evidence_of(kept)
    return kept


def _kept_evidence(agreed: ConfirmationEvidence | None) -> dict[str, Any] | None:
    if agreed is None:
        return None
    assertion = None if agreed.assertion is None else agreed.assertion._asdict()
    return {**agreed._asdict(), "channel": agreed.channel.value, "assertion": assertion}


def _evidence_of(kept: StoredPlan) -> ConfirmationEvidence | None:
    if kept.evidence is None:
        return None
    facts = dict(kept.evidence)
    assertion = facts.pop("assertion")
    channel = Channel(facts.pop("channel"))
    return ConfirmationEvidence(channel, **facts, assertion=None if assertion is None else Assertion(**assertion))


async def _work(
    context: ToolContext, plans: Plans, kept: StoredPlan, whole: Plan, ends_s: float
) -> tuple[StoredPlan, dict[int, Mark], float]:
    with stored():
        marks = await read_marks(plans, kept)
    if kept.stopped:  # by another call, while this one has waited for its turn
        return kept, marks, 0.0
    if (wait_s := kept.not_before - plans.clock()) > 0:
        return kept, marks, wait_s
    run = _Run(context, StepWork(context, plans, kept), whole, marks, kept.failures, ends_s)
    await run.go()
    facts: dict[str, Any] = {"failures": run.failures, "not_before": run.not_before}
    if run.failures >= _MOST_FAILURES:
        facts["stopped"] = _STOPPED.format(run.last_failure)
    with stored():
        kept = await plans.change(kept, **facts) or kept
    if run.fatal is not None:
        raise run.fatal
    left = len(whole.steps) - run.done
    wait_s = await context.services.fleet_requests.wait_s(2 * left) if left else 0.0
    return kept, marks, max(wait_s, run.not_before - plans.clock(), _BUSY_S if run.busy else 0.0)


@dataclass(slots=True)
class _Run:
    """The work of one call on one plan.

    Attributes:
        context: of the call.
        work: carries out steps.
        plan: all steps.
        marks: how far each is. Kept up to date.
        failures: how many have failed one after another.
        ends_s: when no more steps begin, by the clock of the event loop.
        last_failure: why the last one did, as a sentence.
        not_before: when PostHog wants the next request, in seconds since 1970; 0 if it does not say.
        busy: whether a project was held by another call, or by a process that has ended since.
        fatal: why nothing more may be sent at all.
    """

    context: ToolContext
    work: StepWork
    plan: Plan
    marks: dict[int, Mark]
    failures: int
    ends_s: float
    last_failure: str = ""
    not_before: float = 0.0
    busy: bool = False
    fatal: Refusal | PostHogError | None = None
    _ended: bool = False

    @property
    def done(self) -> int:
        """Steps of which nothing is to be done any more."""
        return final_of(self.marks)

    async def go(self) -> None:
        """Settle what may have been sent, then carry out what has not, as far as time and room allow."""
        if self.failures >= _MOST_FAILURES:  # another call has ended it
            return
        unsettled = [step for step in self.plan.steps if self._status(step) is Status.SENT]
        await self._all(unsettled, settle=True)
        waiting = [step for step in self.plan.steps if self._status(step) in (None, Status.AGAIN)]
        while waiting and not self._ended:
            some = self._next(len(waiting))
            await self._all(waiting[:some])
            waiting = waiting[some:]

    def _next(self, waiting: int) -> int:
        """Return how many steps come next, all at a time: one, until one has gone well; then a tenth; then the rest."""
        if not any(mark.status in (Status.APPLIED, Status.UNCHANGED) for mark in self.marks.values()):
            return 1
        tenth = -(-len(self.plan.steps) // _TENTH)
        begun = len(self.plan.steps) - waiting
        return tenth - begun if begun < tenth else waiting

    def _status(self, step: Step) -> Status | None:
        mark = self.marks.get(step.project_id)
        return None if mark is None else mark.status

    async def _all(self, steps: Sequence[Step], *, settle: bool = False) -> None:
        steps_left = iter(steps)

        async def work() -> None:
            for step in steps_left:
                if self._ended:
                    break
                await self._one(step, settle=settle)
                if self.context.progress is not None:
                    await self.context.progress.report(self.done, len(self.plan.steps))

        async with anyio.create_task_group() as tasks:
            for _ in range(min(_AT_ONCE, len(steps))):
                tasks.start_soon(work)

    async def _one(self, step: Step, *, settle: bool) -> None:
        windows = self.context.services.fleet_requests
        if anyio.current_time() >= self.ends_s or (not settle and (await windows.take() or await windows.take())):
            self._ended = True
            return
        former = self.marks.get(step.project_id)
        try:
            if settle and former is not None:
                came = await self.work.settle(step, former, _STEP_S)
            else:
                came = await self.work.carry_out(step, former, _STEP_S)
        except (Refusal, PostHogError) as error:
            self._ended, self.fatal = True, error
            return
        if came.mark is not None:
            self.marks[step.project_id] = came.mark
        self.busy = self.busy or came.busy
        if came.wait_s:
            self._ended = True
            self.not_before = max(self.not_before, self.work.plans.clock() + came.wait_s)
        if came.failed:
            self.failures += 1
            self.last_failure = "" if came.mark is None else came.mark.says
        elif came.mark is not None and came.mark.status not in (Status.FAILED, Status.DRIFTED):
            self.failures = 0
        self._ended = self._ended or self.failures >= _MOST_FAILURES


async def _revertible(
    context: ToolContext, plans: Plans, kept: StoredPlan, whole: Plan, marks: dict[int, Mark]
) -> StoredPlan:
    """Keep the plan that undoes what was done, and its id, once nothing more is done. Without room, there is none."""
    left = sum(step.project_id not in marks or not marks[step.project_id].status.is_final for step in whole.steps)
    if (left and not kept.stopped) or not any(mark.status is Status.APPLIED for mark in marks.values()):
        return kept
    revert = await anyio.to_thread.run_sync(revert_of, whole, marks)
    if not revert.steps or kept.revert == revert.id:
        return kept
    try:
        await keep_plan(context, revert, {"reverts": kept.id})
        with stored():
            return await plans.change(kept, revert=revert.id) or kept
    except (StateUnavailable, TooManyPlans):
        return kept
