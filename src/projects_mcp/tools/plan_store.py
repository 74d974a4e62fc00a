"""The plans of whoever makes a call, in the state store: a store that is away, or full, refuses the call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from projects_mcp.errors.refusals import NoSuchPlan, StateUnavailable, TooManyPlans
from projects_mcp.fleet.plan import Plan, Step
from projects_mcp.gateway.context import ToolContext
from projects_mcp.state.plans import PlanRoomError, Plans
from projects_mcp.state.store import StoreError
from projects_mcp.state.stored_plan import StoredPlan

__all__ = ["keep_plan", "load_plan", "plans_of", "stored"]


def plans_of(context: ToolContext) -> Plans:
    """Return the plans of the caller."""
    services = context.services
    caller = "" if services.caller is None else services.caller.name
    return Plans(services.approvals.store, Plans.owner_of(context.origin, caller), services.fleet_requests.now)


@contextmanager
def stored() -> Iterator[None]:
    """Refuse the call if the store cannot do what it is asked for in the block.

    Raises:
        StateUnavailable, TooManyPlans: it cannot.
    """
    try:
        yield
    except StoreError as error:
        raise StateUnavailable(reason=str(error)) from None
    except PlanRoomError as error:
        raise TooManyPlans(reason=str(error)) from None


async def keep_plan(context: ToolContext, plan: Plan, facts: Mapping[str, Any]) -> StoredPlan:
    """Keep a plan, so that its id can be handed back.

    Raises:
        StateUnavailable, TooManyPlans: it cannot be kept.
    """
    with stored():
        steps = [step.dump() for step in plan.steps]
        return await plans_of(context).keep(plan.id, steps, facts, reverts=plan.reverts)


async def load_plan(context: ToolContext, plan: str) -> tuple[StoredPlan, Plan]:
    """Return a plan of the caller.

    Raises:
        NoSuchPlan: there is none.
        StateUnavailable: it cannot be read.
    """
    with stored():
        plans = plans_of(context)
        found = await plans.find(plan)
        if found is None:
            raise NoSuchPlan
        try:
            steps = tuple(Step.load(text) for text in await plans.steps(found))
        except (ValueError, TypeError):
            raise StoreError("a plan in the store cannot be read") from None
        if (whole := Plan(steps, found.reverts)).id != found.id:  # somebody has agreed to exactly these steps
            raise StoreError("a plan in the store is not what it was")
    return found, whole
