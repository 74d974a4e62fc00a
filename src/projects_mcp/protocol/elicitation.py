"""Ask a person for consent, in the way of the client's protocol revision.

Before 2026-07-28 the server sends a live request to the client. Since then the call ends with the question, and the
client makes the call again with the answer and with the state that the SDK has sealed.

What comes back is read for what it proves. A no is a person's only if a person can have read the question by then.
"""

from __future__ import annotations

import hashlib
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

from projects_mcp.errors.refusals import StateUnavailable
from projects_mcp.policy.confirmation import Approver, ConfirmationRequest, Consent, ConsentPendingError
from projects_mcp.sanitize.secret import Secret
from projects_mcp.state.store import StateStore, StoreError

__all__ = ["approver_for", "client_name", "input_required", "request_state_security"]

ROUNDS_APART_S: Final = 300.0
"""Seconds that a person has to answer between two rounds. No call is under way meanwhile."""
FASTEST_READER_S: Final = 1.0
"""Seconds within which nobody has seen a question, understood that it is one, and answered it."""
_MULTI_ROUND_TRIP: Final = "2026-07-28"
"""The first protocol revision in which a question ends the call."""
_INPUT: Final = "confirm"
"""The name of the question among the inputs that a result requires."""


def _form(description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"confirm": {"type": "boolean", "title": "Yes, do it", "description": description}},
        "required": ["confirm"],
    }


_FORM: Final = _form("Tick to confirm. This cannot be undone.")
_FORM_OF_A_PLAN: Final = _form("Tick to confirm all of it.")


def request_state_security(signing_keys: Sequence[Secret]) -> RequestStateSecurity:
    """Return how the SDK seals the state between two rounds.

    Args:
        signing_keys: the first seals, all open. If there is none, a key of this process alone does both.
    """
    keys = [key.reveal() for key in signing_keys]
    if not keys:
        return RequestStateSecurity.ephemeral(ttl=ROUNDS_APART_S)
    return RequestStateSecurity(keys=keys, ttl=ROUNDS_APART_S)


def client_name(context: Context[None, Any] | None) -> str:
    """Return how the client names itself, which nobody vouches for; empty if it does not."""
    parameters = None if context is None else context.session.client_params
    if parameters is None:
        return ""
    return f"{parameters.client_info.title or parameters.client_info.name} {parameters.client_info.version}"


async def approver_for(context: Context[None, Any] | None, store: StateStore, live_timeout_s: float) -> Approver | None:
    """Return the approver that this client can show a question to; None if it can show none.

    Args:
        context: of the request.
        store: keeps the nonces of the answers that are spent.
        live_timeout_s: seconds that a question in the middle of a call waits.
    """
    if context is None or context.protocol_version is None:
        return None
    capabilities = context.client_capabilities
    elicitation = capabilities.elicitation if capabilities is not None else None
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return None  # `{}` means forms; a client may also support only links
    if context.protocol_version >= _MULTI_ROUND_TRIP:
        approver = RoundTripApprover(context)
        if approver.answered:
            await approver.spend(store)
        return approver
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
                    requested_schema=_FORM if request.project is not None else _FORM_OF_A_PLAN,
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

    def __init__(self, context: Context[None, Any]) -> None:
        self._digest, self._nonce, asked = _read_state(context.request_state)
        self._after_s = time.time() - asked
        self._answer = (context.input_responses or {}).get(_INPUT)
        self.answered: Final = bool(self._nonce)
        """Whether this round comes back from a question, with an answer or with nothing that can be read as one."""
        self._counts = False
        self._store_error = ""

    async def spend(self, store: StateStore) -> None:
        """Use up the answer: whatever becomes of this round, it counts in no other, nor in another process.

        One that met a refusal, a failure or another name must not count if the project comes back to the state that it
        was given for.
        """
        digest = hashlib.sha256(self._nonce.encode("utf-8", "surrogatepass")).hexdigest()
        try:
            self._counts = await store.add(f"spent:{digest}", "1", 2 * ROUNDS_APART_S)
        except StoreError as error:
            self._store_error = str(error)

    async def request_consent(self, request: ConfirmationRequest) -> Consent:
        """Read the answer that this round brings. If it comes back without one, the client has failed.

        Raises:
            ConsentPendingError: nobody has been asked yet, or the answer does not fit the present question.
            StateUnavailable: it cannot be known whether the answer has been used before.
        """
        if self._store_error:
            raise StateUnavailable(reason=self._store_error)
        if not self._counts or self._digest != request.digest:
            raise ConsentPendingError(request)
        return _consent_of(self._answer, self._after_s)


def input_required(request: ConfirmationRequest) -> InputRequiredResult:
    """Return the result that ends a call with a question, under a new nonce."""
    schema = _FORM if request.project is not None else _FORM_OF_A_PLAN
    form = ElicitRequestFormParams(message=request.text, requested_schema=schema)
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
