"""Offer a person to approve a refused call by another way than the client that made it."""

from __future__ import annotations

import shutil
import sys
from typing import Final

from projects_mcp.errors.approval_offer import ApprovalOffer
from projects_mcp.errors.refusals import ApprovalDenied, StateUnavailable
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.confirmation import Confirmation, ConfirmationRequest
from projects_mcp.state.approval import Approval, Status
from projects_mcp.state.approvals import TooManyApprovals
from projects_mcp.state.store import StoreError

__all__ = ["asks_for", "offer_approval"]

_PROGRAM: Final = "projects-mcp"
_ASKED_BY: Final = "Asked by"
_THROUGH: Final = ", through "


async def offer_approval(context: ToolContext, request: ConfirmationRequest, binding: str) -> ApprovalOffer | None:
    """Offer a person to approve exactly this call by another way.

    Args:
        context: of the call.
        request: what the person is asked.
        binding: the SHA-256 of everything that the decision is about.

    Returns:
        None if there is no way that this process could name, or if the caller has been offered too many.

    Raises:
        ApprovalDenied: a person has denied it while the call was under way.
        StateUnavailable: the state store cannot be used.
    """
    services = context.services
    caller, page, shared = services.caller, services.approval_page, services.approvals.store.shared
    if (page is None or not page.available) and not shared:
        return None
    approvers, name = (None, "") if caller is None else (caller.approvers, caller.name)
    passkey = services.confirmation is Confirmation.PASSKEY or approvers is not None
    try:
        code, approval = await services.approvals.offer(
            Approval(
                id="",
                binding=binding,
                tool=context.operation.tool,
                project=request.project,
                phrase=request.phrase,
                lines=(*request.lines, (_ASKED_BY, _asked_by(context))),
                caller=name,
                passkey=passkey,
                approvers=approvers,
                until=0.0,
                plans_of=_plans_of(context, name) if request.project is None else "",
            )
        )
    except TooManyApprovals:
        return None
    except StoreError as error:
        raise StateUnavailable(reason=str(error)) from None
    if approval.status is Status.DENIED:
        raise ApprovalDenied(channel=approval.channel, until=approval.ends)
    url = None if page is None else page.address(code)
    command = f"{_program(local=caller is None)} approve {code}" if shared else None
    if url is None and command is None:
        return None
    return ApprovalOffer(code, approval.ends, command, url, passkey)


def _plans_of(context: ToolContext, caller: str) -> str:
    from projects_mcp.state.plans import Plans  # noqa: PLC0415 - only where a plan is asked about

    return Plans.owner_of(context.origin, caller)


def asks_for(context: ToolContext, row: tuple[str, str]) -> bool:
    """Whether a row that a person was shown names the caller of this call, through whichever client."""
    who = _who(context)
    return row[0] == _ASKED_BY and (row[1] == who or row[1].startswith(f"{who}{_THROUGH}"))


def _asked_by(context: ToolContext) -> str:
    who, client = _who(context), context.client
    return f"{who}{_THROUGH}{context.services.redactor.quote(client, 100)}" if client else who


def _who(context: ToolContext) -> str:
    caller = context.services.caller
    if caller is None:
        return "the person who started this server"
    return f"caller {context.services.redactor.quote(caller.name, 100)}"


def _program(*, local: bool) -> str:
    """Return how the command line is started on this machine."""
    if not local or shutil.which(_PROGRAM):
        return _PROGRAM
    return f"{sys.executable} -m projects_mcp"
