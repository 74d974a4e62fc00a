"""Check the signature of an approval again where it is used: a record in the store is no proof by itself."""

from __future__ import annotations

from functools import partial

import anyio.to_thread

from projects_mcp.errors.refusals import ApprovalNotSigned, PasskeyUnusable, StateUnavailable
from projects_mcp.gateway.approval_offers import asks_for
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.confirmation import Assertion, Channel, ConfirmationEvidence, ConfirmationRequest
from projects_mcp.policy.passkey_signature import (
    NO_LIBRARY,
    PasskeyError,
    PasskeyLibraryMissing,
    library_is_there,
    verify_assertion,
)
from projects_mcp.state.approval import Approval
from projects_mcp.state.passkeys import NOT_KEPT, Passkeys
from projects_mcp.state.store import StoreError

__all__ = ["require_passkeys", "signed_evidence"]


def require_passkeys(context: ToolContext) -> None:
    """Make sure that a passkey can approve something at this server.

    Raises:
        PasskeyUnusable: none can.
    """
    if not library_is_there():
        raise PasskeyUnusable(reason=NO_LIBRARY)
    if not context.services.approvals.store.shared:
        raise PasskeyUnusable(reason=NOT_KEPT)


async def signed_evidence(
    context: ToolContext, request: ConfirmationRequest, decided: Approval
) -> ConfirmationEvidence:
    """Return the evidence of an approval that a passkey has signed.

    Args:
        context: of the call.
        request: what a person is asked about this call, made anew.
        decided: the approval, as it came out of the store.

    Raises:
        ApprovalNotSigned: no enrolled passkey that may approve this call has signed exactly what it is about.
        PasskeyUnusable: no signature can be checked here.
        StateUnavailable: the state store cannot be used.
    """
    try:
        assertion = Assertion(**(decided.assertion or {}))
        signed = _is_about(decided, context, request) and await _is_enrolled(assertion, decided, context)
        if not signed:
            raise ApprovalNotSigned
        await anyio.to_thread.run_sync(partial(verify_assertion, assertion, decided.digest))
    except (TypeError, PasskeyError):
        raise ApprovalNotSigned from None
    except PasskeyLibraryMissing as error:
        raise PasskeyUnusable(reason=str(error)) from None
    except StoreError as error:
        raise StateUnavailable(reason=str(error)) from None
    return ConfirmationEvidence(Channel.PASSKEY, decided.approver, decided.shown, assertion)


def _is_about(decided: Approval, context: ToolContext, request: ConfirmationRequest) -> bool:
    """Whether what was shown is about this call: who writes into the store may bring the signature of another one."""
    if decided.channel != Channel.PASSKEY or not decided.lines:
        return False
    *shown, asked_by = decided.lines
    return tuple(shown) == request.lines and asks_for(context, asked_by)


async def _is_enrolled(assertion: Assertion, decided: Approval, context: ToolContext) -> bool:
    """Whether the passkey is enrolled now, for the person it is said to be of, who may approve the caller's calls."""
    caller = context.services.caller
    if caller is not None and caller.approvers is not None and decided.approver not in caller.approvers:
        return False
    passkey = await Passkeys(context.services.approvals.store).find(assertion.credential_id)
    said = (decided.approver, assertion.public_key, assertion.rp_id)
    return passkey is not None and (passkey.name, passkey.public_key, passkey.rp_id) == said
