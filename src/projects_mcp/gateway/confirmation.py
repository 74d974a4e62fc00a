"""Take a destructive call through the gates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.errors.refusals import (
    ApprovalDenied,
    ChangedMeanwhile,
    ClientCannotAsk,
    ClientFailed,
    ClientRefused,
    NameMismatch,
    NotConfirmed,
    NotTicked,
    PasskeyNeeded,
    QuestionUnanswered,
    Refusal,
    StateUnavailable,
)
from projects_mcp.gateway.approval_offers import offer_approval
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
    plan_request,
)
from projects_mcp.sanitize.text import has_invisible
from projects_mcp.state.approval import Status
from projects_mcp.state.store import StoreError

__all__ = ["confirm", "confirm_plan"]

_OF_THE_CLIENT: Final[Mapping[Consent, type[Refusal]]] = {
    Consent.CLIENT_REFUSED: ClientRefused,
    Consent.NO_ANSWER: QuestionUnanswered,
    Consent.WITHOUT_FORM: NotTicked,
    Consent.CLIENT_FAILED: ClientFailed,
}
"""What is said where it is not known that a person has said no."""


_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
"""Writes arguments in their strict form, so that equal ones have the same text."""


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
        Refusal: a gate stayed closed. Nothing has been sent but reads, and the trial of a session.
        Unauthenticated: the browser session by which the write would go has expired.
        ConsentPendingError: a person has to be asked in another round.
    """
    if name != target.name:
        raise NameMismatch(invisible=has_invisible(target.name))
    if context.operation.session_only:
        await context.require_session()
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


async def confirm_plan(
    context: ToolContext, words: str, plan: str, said: Sequence[tuple[str, str]]
) -> ConfirmationEvidence:
    """Ask for a person's consent to a plan, whose words the caller has written.

    The words alone are enough only where the operator wants nobody to be asked: with a client that cannot ask, an
    approval is offered.

    Args:
        context: of the call.
        words: of the plan.
        plan: its id.
        said: what changes, and what that means, as labels and values.

    Raises:
        Refusal: nobody has agreed. Nothing has been sent.
        ConsentPendingError: a person has to be asked in another round.
    """
    request = plan_request(context.origin, words, plan, said, context.services.redactor)
    return await _consent(context, request, argument_is_enough=False)


async def _consent(
    context: ToolContext, request: ConfirmationRequest, *, argument_is_enough: bool = True
) -> ConfirmationEvidence:
    """Ask whom the operator wants to be asked, and return how it was confirmed.

    Where a yes is needed and the client gives none that counts, the refusal offers an approval, and the same call made
    again finds what a person has decided by then.

    Args:
        context: of the call.
        request: what a person is asked.
        argument_is_enough: whether what the caller wrote will do if the client can ask nobody.
    """
    confirmation, approver = context.services.confirmation, context.approver
    named_approvers = context.services.caller is not None and context.services.caller.approvers is not None
    nobody_to_ask = argument_is_enough and confirmation is Confirmation.AUTO and approver is None
    if not named_approvers and (confirmation is Confirmation.ARGUMENT or nobody_to_ask):
        return ConfirmationEvidence(Channel.ARGUMENT)
    must_sign = named_approvers or confirmation is Confirmation.PASSKEY
    binding = _binding(context, request)
    try:
        decided = await context.services.approvals.take(binding)
    except StoreError as error:
        raise StateUnavailable(reason=str(error)) from None
    if decided is not None:
        if decided.status is Status.DENIED:
            raise ApprovalDenied(channel=decided.channel, until=decided.ends)
        if must_sign or decided.passkey or decided.channel == Channel.PASSKEY:
            from projects_mcp.gateway.approval_signatures import signed_evidence  # noqa: PLC0415 - only where one signs

            return await signed_evidence(context, request, decided)
        return ConfirmationEvidence(Channel(decided.channel), decided.approver or None, decided.shown)
    refusal: type[Refusal] | Refusal
    if must_sign:
        from projects_mcp.gateway.approval_signatures import require_passkeys  # noqa: PLC0415 - as above

        require_passkeys(context)
        refusal = PasskeyNeeded()
    elif approver is None:
        refusal = ClientCannotAsk()
    else:
        consent = await approver.request_consent(request)
        if consent is Consent.ACCEPTED:
            return ConfirmationEvidence(Channel.CLIENT, shown=request.text)
        kind = _OF_THE_CLIENT.get(consent)
        refusal = NotConfirmed(closed=consent is Consent.CLOSED) if kind is None else kind()
    refusal.approval = await offer_approval(context, request, binding)
    raise refusal


def _binding(context: ToolContext, request: ConfirmationRequest) -> str:
    """Return the SHA-256 of everything that a decision is about: host, tool, arguments, caller, project and state."""
    caller = context.services.caller
    whose, arguments = "" if caller is None else caller.name, _ENCODER.encode(context.arguments)
    exact = f"{context.operation.tool}\x00{context.origin}\x00{whose}\x00{arguments}\x00{request.digest}"
    return hashlib.sha256(exact.encode("utf-8", "surrogatepass")).hexdigest()
