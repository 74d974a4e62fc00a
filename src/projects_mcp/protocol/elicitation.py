"""Ask a person for consent, in the way of the client's protocol revision.

Before 2026-07-28 the server sends a live request to the client. Since then the call ends with the question, and the
client makes the call again with the answer and with the state that the SDK has sealed.

What comes back is read for what it proves. A no is a person's only if a person can have read the question by then.
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

ROUNDS_APART_S: Final = 300.0
"""Seconds that a person has to answer between two rounds. No call is under way meanwhile."""
FASTEST_READER_S: Final = 1.0
"""Seconds within which nobody has seen a question, understood that it is one, and answered it."""
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
        return RequestStateSecurity.ephemeral(ttl=ROUNDS_APART_S)
    return RequestStateSecurity(keys=keys, ttl=ROUNDS_APART_S)


def approver_for(
    context: Context[None, Any] | None, replay_guard: ReplayGuard, live_timeout_s: float
) -> Approver | None:
    """Return the approver that this client can show a question to; None if it can show none.

    Args:
        context: of the request.
        replay_guard: knows the answers that are spent.
        live_timeout_s: seconds that a question in the middle of a call waits.
    """
    if context is None or context.protocol_version is None:
        return None
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return None  # `{}` means forms; a client may also support only links
    if context.protocol_version >= _MULTI_ROUND_TRIP:
        return RoundTripApprover(context, replay_guard)
    return LiveApprover(context, live_timeout_s) if context.session.can_send_request else None


class LiveApprover:
    """Asks by a live request to the client: protocol revisions before 2026-07-28."""

    def __init__(self, context: Context[None, Any], timeout_s: float) -> None:
        self._context = context
        self._timeout_s = timeout_s

    async def request_consent(self, request: ConfirmationRequest) -> Consent:
        """Show the question and wait for the answer, so long and not longer. The client is told when that is over."""
        asked = anyio.current_time()
        with anyio.move_on_after(self._timeout_s):
            try:
                result = await self._context.session.elicit_form(
                    message=request.text,
                    requested_schema=_FORM,
                    related_request_id=self._context.request_id,
                )
            except (MCPError, ValueError, anyio.ClosedResourceError, anyio.BrokenResourceError):
                return Consent.CLIENT_FAILED
            return _consent_of(result, anyio.current_time() - asked)
        return Consent.NO_ANSWER


class RoundTripApprover:
    """Asks by ending the call with a question, which the client answers in another call: since 2026-07-28.

    The SDK seals the state between the rounds, and binds it to the tool and its arguments. The state holds the digest
    of what was shown, so that an answer counts only for the state of the project that the person was shown.
    """

    def __init__(self, context: Context[None, Any], replay_guard: ReplayGuard) -> None:
        self._digest, nonce, asked = _read_state(context.request_state)
        self._after_s = time.time() - asked
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
        return _consent_of(self._answer, self._after_s)


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
        self._expiries[nonce] = now + 2 * ROUNDS_APART_S
        return True


def input_required(request: ConfirmationRequest) -> InputRequiredResult:
    """Return the result that ends a call with a question, under a new nonce."""
    form = ElicitRequestFormParams(message=request.text, requested_schema=_FORM)
    return InputRequiredResult(
        input_requests={_INPUT: ElicitRequest(params=form)},
        # The names are shared with other processes and versions behind one address.
        request_state=json.dumps({"about": request.digest, "number": token_urlsafe(16), "asked": time.time()}),
    )


def _read_state(state: str | None) -> tuple[str, str, float]:
    """Return the digest, the nonce and the time of a question.

    The first two are empty if there is no usable state. A question that does not say when it was asked, as those of
    other versions, counts as asked now: a no to it is not known to come from a person.
    """
    try:
        value = json.loads(state or "{}")
        return str(value.get("about", "")), str(value.get("number", "")), float(value.get("asked", time.time()))
    except (ValueError, TypeError, AttributeError):
        return "", "", time.time()


def _consent_of(result: object, after_s: float) -> Consent:
    """Read an answer.

    Args:
        result: what the client sent.
        after_s: how long after the question. It is below zero where two machines' clocks differ.
    """
    if not isinstance(result, ElicitResult):
        return Consent.CLIENT_FAILED
    if result.action == "accept":
        return Consent.ACCEPTED if (result.content or {}).get("confirm") is True else Consent.WITHOUT_FORM
    if after_s < FASTEST_READER_S:
        return Consent.CLIENT_REFUSED
    return Consent.DECLINED if result.action == "decline" else Consent.CLOSED
