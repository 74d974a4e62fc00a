"""The context of one step of a plan: a call of its own for the gateway, which reads and writes one project.

It has the rights of the call that it belongs to, and records of its own in the audit log, with the plan's id.
"""

from __future__ import annotations

from projects_mcp.api.types import OrganizationRef
from projects_mcp.gateway.call_audit import CallAudit
from projects_mcp.gateway.context import ToolContext

__all__ = ["step_context"]


def step_context(
    context: ToolContext, project: int, organization: OrganizationRef, plan: str, within_s: float
) -> ToolContext:
    """Return the context of one step.

    Args:
        context: of the call that carries out the plan. It has noted who has agreed to the plan.
        project: the id of the step's project.
        organization: where that is.
        plan: the id of the plan.
        within_s: seconds for all requests of the step.
    """
    call = context.audit
    audit = CallAudit(call.log, call.operation, call.caller, organization, project, evidence=call.evidence, plan=plan)
    step = ToolContext(context.services, context.authorization, audit, None, organization, project)
    step.limit(within_s)
    return step
