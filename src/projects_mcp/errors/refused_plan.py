"""The refusals that are about a plan: a change of several projects that was previewed, and is applied afterwards."""

from __future__ import annotations

from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.refusal import Refusal

__all__ = ["NoSuchPlan", "PlanBusy", "PlanNeeded", "PlanNotConfirmed", "TooManyPlans"]


class PlanNeeded(Refusal):
    """Several projects are named, and nobody has seen yet what would change."""

    kind = "plan_needed"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"Several projects are changed by a plan. {NOT_CHANGED} Call {at.tool} with the same arguments and "
            "dry_run, show the user what it answers, and then call it with its plan and confirm_plan."
        )


class NoSuchPlan(Refusal):
    """The caller has no such plan, or its time is over."""

    kind = "no_such_plan"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            "There is no such plan, or its time is over: a plan has to be begun within 30 minutes, by the caller that "
            f"made it. {NOT_CHANGED} Make a new one: {at.tool} with dry_run."
        )


class PlanNotConfirmed(Refusal):
    """`confirm_plan` is missing, or is not the words of the plan."""

    kind = "plan_not_confirmed"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"confirm_plan is not the words of this plan, so {at.tool} was refused. {NOT_CHANGED} The preview has "
            "them: show it to the user, and call again with the words if the user agrees."
        )


class PlanBusy(Refusal):
    """Another call is at work on the same plan, or was when its process ended. This one has waited for it.

    `left_s`: seconds after which the plan is free at the latest, if that process has ended.
    """

    kind = "plan_busy"
    left_s: int

    @property
    def wait_s(self) -> int | None:
        """Seconds after which another try makes sense: it waits by itself."""
        return 1

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return (
            "Another call is at work on this plan, or was when its process ended: then the plan is free in "
            f"{self.left_s} seconds. {NOT_CHANGED} Make the same call again: it waits for its turn, and goes on with "
            "what is left."
        )


class TooManyPlans(Refusal):
    """The caller has begun as many plans as are kept, or this one is too large. `reason`: which, as a sentence."""

    kind = "too_many_plans"
    reason: str

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return f"{self.reason} {NOT_CHANGED} Plan fewer projects or settings at a time with {at.tool}."
