"""Ask a person for consent, in the way of the client's protocol revision.

Before 2026-07-28 the server sends a live request to the client. Since then the call ends with the question, and the
client makes the call again with the answer and with the state that the SDK has sealed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from secrets import token_urlsafe
from typing import Any, Final

import anyio
from mcp.server.mcpserver import Context
from mcp.server.request_state import RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult

from projects_mcp.policy.confirmation import Approver, ConfirmationRequest, Consent, ConsentPendingError
from projects_mcp.sanitize.secret import Secret

__all__ = ["ReplayGuard", "approver_for", "input_required", "request_state_security"]

CONSENT_TIMEOUT_S: Final = 300.0
"""Seconds that a person has to answer, live and between two rounds. Silence is no consent."""
_MULTI_ROUND_TRIP: Final = "2026-07-28"
"""The first protocol revision in which a question ends the call."""
_KEPT_NONCES: Final = 100_000
"""Nonces that are remembered, about ten megabytes. If there are more, no answer counts until some have expired."""
_INPUT: Final = "confirm"
"""The name of the question among the inputs that a result requires."""
_FORM: Final = {
    "type": "object",
    "properties": {
        "confirm": {"type": "boolean", "title": "Yes, do it", "description": "Tick to confirm. This cannot be undone."}
    },
    "required": ["confirm"],
}


def request_state_security(signing_keys: Sequence[Secret]) -> RequestStateSecurity:
    """Return how the SDK seals the state between two rounds.

    Args:
        signing_keys: the first seals, all open. If there is none, a key of this process alone does both.
    """
    keys = [key.reveal() for key in signing_keys]
    if not keys:
        return RequestStateSecurity.ephemeral(ttl=CONSENT_TIMEOUT_S)
    return RequestStateSecurity(keys=keys, ttl=CONSENT_TIMEOUT_S)


def approver_for(context: Context[None, Any] | None, replay_guard: ReplayGuard) -> Approver | None:
    """Return the approver that this client can show a question to; None if it can show none."""
    if context is None or context.protocol_version is None:
        return None
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return None  # `{}` means forms; a client may also support only links
    if context.protocol_version >= _MULTI_ROUND_TRIP:
        return RoundTripApprover(context, replay_guard)
    return LiveApprover(context) if context.session.can_send_request else None


class LiveApprover:
    """Asks by a live request to the client: protocol revisions before 2026-07-28."""

    def __init__(self, context: Context[None, Any]) -> None:
        self._context = context

    async def request_consent(self, request: ConfirmationRequest) -> Consent:
        """Show the question and wait at most `CONSENT_TIMEOUT_S` for the answer."""
        with anyio.move_on_after(CONSENT_TIMEOUT_S):
            try:
                result = await self._context.session.elicit_form(
                    message=request.text,
                    requested_schema=_FORM,
                    related_request_id=self._context.request_id,
                )
            except (MCPError, ValueError, anyio.ClosedResourceError, anyio.BrokenResourceError):
                return Consent.NOTHING
            return _consent_of(result)
        return Consent.NOTHING


class RoundTripApprover:
    """Asks by ending the call with a question, which the client answers in another call: since 2026-07-28.

    The SDK seals the state between the rounds, and binds it to the tool and its arguments. The state holds the digest
    of what was shown, so that an answer counts only for the state of the project that the person was shown.
    """

    def __init__(self, context: Context[None, Any], replay_guard: ReplayGuard) -> None:
        self._digest, nonce = _read_state(context.request_state)
        self._answer = (context.input_responses or {}).get(_INPUT)
        # An answer is used up by being given, whatever becomes of this round: one that met a refusal, a failure or
        # another name must not count if the project comes back to the state that it was given for.
        self._counts = self._answer is not None and replay_guard.use(nonce)

    async def request_consent(self, request: ConfirmationRequest) -> Consent:
        """Read the answer that this round brings.

        Raises:
            ConsentPendingError: there is no answer yet, or it does not fit the present question.
        """
        if not self._counts or self._digest != request.digest:
            raise ConsentPendingError(request)
        return _consent_of(self._answer)


class ReplayGuard:
    """Remembers the nonces of answered questions, so that no answer counts twice."""

    def __init__(self) -> None:
        self._expiries: dict[str, float] = {}
        """The nonces in the order in which they expire."""

    def use(self, nonce: str) -> bool:
        """Use up a nonce. Return False if it is empty, has been used before, or cannot be remembered."""
        now = time.monotonic()
        while self._expiries and self._expiries[oldest := next(iter(self._expiries))] <= now:
            del self._expiries[oldest]
        if not nonce or nonce in self._expiries or len(self._expiries) >= _KEPT_NONCES:
            return False
        self._expiries[nonce] = now + 2 * CONSENT_TIMEOUT_S
        return True


def input_required(request: ConfirmationRequest) -> InputRequiredResult:
    """Return the result that ends a call with a question, under a new nonce."""
    form = ElicitRequestFormParams(message=request.text, requested_schema=_FORM)
    return InputRequiredResult(
        input_requests={_INPUT: ElicitRequest(params=form)},
        # The names are shared with other processes and versions behind one address.
        request_state=json.dumps({"about": request.digest, "number": token_urlsafe(16)}),
    )


def _read_state(state: str | None) -> tuple[str, str]:
    """Return the digest and the nonce of a question; empty if there is no usable state."""
    try:
        value = json.loads(state or "{}")
        return str(value.get("about", "")), str(value.get("number", ""))
    except (ValueError, AttributeError):
        return "", ""


def _consent_of(result: object) -> Consent:
    if not isinstance(result, ElicitResult):
        return Consent.NOTHING
    if result.action == "decline":
        return Consent.DECLINED
    if result.action == "cancel":
        return Consent.CANCELLED
    ticked = (result.content or {}).get("confirm")
    if ticked is True:
        return Consent.ACCEPTED
    return Consent.DECLINED if ticked is False else Consent.NOTHING
