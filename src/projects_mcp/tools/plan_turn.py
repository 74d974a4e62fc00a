"""The turn at a plan: one call works on it at a time, and the others wait for that, and tell how far it is.

Whoever makes the same call while another process is at work wants to know what comes of the plan, and not that somebody
else was quicker. So the call waits as long as it may work, and looks at the plan meanwhile. The lease of a process that
was killed ends by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import anyio

from projects_mcp.errors.refusals import PlanBusy
from projects_mcp.fleet.marks import Mark
from projects_mcp.fleet.plan import Plan
from projects_mcp.gateway.context import ToolContext
from projects_mcp.state.plans import PlanLease, Plans
from projects_mcp.state.store import StoreError
from projects_mcp.state.stored_plan import StoredPlan
from projects_mcp.tools.plan_store import stored

__all__ = ["final_of", "read_marks", "wait_for_turn"]

_LOOK_EVERY_S: Final = 0.5
_OTHER: Final = "another process is at work"


async def wait_for_turn(
    context: ToolContext, plans: Plans, kept: StoredPlan, whole: Plan, deadline_s: float
) -> PlanLease:
    """Take the turn at a plan. While another call has it, wait and report how far the plan is.

    Args:
        context: of the call.
        plans: of the caller.
        kept: the plan, begun.
        whole: its steps.
        deadline_s: until when to wait, by the clock of the event loop.

    Raises:
        PlanBusy: another call still has it then, or has made the plan anew.
        StateUnavailable: the state store cannot be used.
    """
    while True:
        with stored():
            if (lease := await plans.lease(kept)) is not None:
                return lease
            left_s = await plans.leased_s(kept.id)
            now = await plans.find(kept.id)
            marks = await read_marks(plans, kept)
        if now is None or now.run != kept.run or anyio.current_time() >= deadline_s:
            raise PlanBusy(left_s=max(math.ceil(left_s), 1))
        if context.progress is not None:
            await context.progress.report(final_of(marks), len(whole.steps), _OTHER)
        await anyio.sleep(min(_LOOK_EVERY_S, max(deadline_s - anyio.current_time(), 0.0)))


async def read_marks(plans: Plans, kept: StoredPlan) -> dict[int, Mark]:
    """Return how far each step is that was begun, by the id of its project.

    Raises:
        StoreError: the store cannot be used, or what it keeps is damaged.
    """
    try:
        return {project: Mark.load(text) for project, text in (await plans.marks(kept)).items()}
    except (ValueError, TypeError):
        raise StoreError("a plan in the store cannot be read") from None


def final_of(marks: Mapping[int, Mark]) -> int:
    """Return the number of steps of which nothing is to be done any more."""
    return sum(mark.status.is_final for mark in marks.values())
