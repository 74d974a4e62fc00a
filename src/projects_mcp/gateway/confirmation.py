"""Take a destructive call through the gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from projects_mcp.errors.refusals import (
    ChangedMeanwhile,
    ClientCannotAsk,
    ClientFailed,
    ClientRefused,
    NameMismatch,
    NotConfirmed,
    NotTicked,
    QuestionUnanswered,
    Refusal,
)
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.confirmation import (
    Channel,
    Confirmation,
    ConfirmationEvidence,
    ConfirmationRequest,
    Confirmed,
    Consent,
    ProjectSnapshot,
    confirmation_request,
)
from projects_mcp.sanitize.text import has_invisible

__all__ = ["confirm"]

_OF_THE_CLIENT: Final[Mapping[Consent, type[Refusal]]] = {
    Consent.CLIENT_REFUSED: ClientRefused,
    Consent.NO_ANSWER: QuestionUnanswered,
    Consent.WITHOUT_FORM: NotTicked,
    Consent.CLIENT_FAILED: ClientFailed,
}
"""What is said where it is not known that a person has said no."""


async def confirm(
    context: ToolContext,
    target: ProjectSnapshot,
    name: str,
    action: str,
    consequence: str,
    details: Mapping[str, Any] | None = None,
) -> Confirmed:
    """Take a destructive call through the gates.

    Args:
        context: of the call.
        target: the project as `ToolContext.read_target` has just read it, which has passed the gate of rights.
        name: what the caller wrote as the project's name.
        action: what happens, as an imperative.
        consequence: what stops working, made of the target's state.
        details: arguments that change what happens.

    Raises:
        Refusal: a gate stayed closed. Nothing has been sent but reads.
        ConsentPendingError: a person has to be asked in another round.
    """
    if name != target.name:
        raise NameMismatch(invisible=has_invisible(target.name))
    request = confirmation_request(
        context.origin, action, target, consequence, details or {}, context.services.redactor
    )
    evidence = await _consent(context, request)
    # The project is read again, by its concrete organization: what was confirmed must still be what is there.
    now = await context.read_target(target.organization)
    if not now.is_same_as(target):
        raise ChangedMeanwhile
    context.audit.evidence = evidence
    return Confirmed(now, evidence)


async def _consent(context: ToolContext, request: ConfirmationRequest) -> ConfirmationEvidence:
    """Ask whom the operator wants to be asked, and return by which channel the call was confirmed."""
    confirmation, approver = context.services.confirmation, context.approver
    if confirmation is Confirmation.ARGUMENT:
        return ConfirmationEvidence(Channel.ARGUMENT)
    if approver is None:
        if confirmation is Confirmation.HUMAN:
            raise ClientCannotAsk
        return ConfirmationEvidence(Channel.ARGUMENT)
    consent = await approver.request_consent(request)
    if consent is Consent.ACCEPTED:
        return ConfirmationEvidence(Channel.CLIENT, shown=request.text)
    if (refusal := _OF_THE_CLIENT.get(consent)) is not None:
        raise refusal
    raise NotConfirmed(closed=consent is Consent.CLOSED)
