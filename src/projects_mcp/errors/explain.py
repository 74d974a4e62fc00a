"""A failure as people and as programs read it.

People get two or three plain sentences: what happened, whether anything changed, what to do next. What programs need
rides beside the sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from projects_mcp.api.outcome import Outcome
from projects_mcp.errors.connection import PostHogError, ResponseLost
from projects_mcp.errors.context import CHANGE_UNKNOWN, NOT_CHANGED, FailureContext
from projects_mcp.errors.kinds import Kind
from projects_mcp.errors.refusals import Refusal, RememberedDenial
from projects_mcp.errors.rejected import ServerError
from projects_mcp.errors.uncertain import LOOK_AGAIN_AFTER, WriteUnresolved

__all__ = ["Explanation", "detail_of_unresolved", "explain", "explain_unexpected"]


class Explanation(NamedTuple):
    """A failure as people and programs read it."""

    text: str
    detail: Mapping[str, Any]


def explain(failure: Refusal | PostHogError | WriteUnresolved, at: FailureContext) -> Explanation:
    """Explain a refusal, an error of PostHog's, or a write whose answer was lost."""
    if isinstance(failure, WriteUnresolved):
        return Explanation(failure.message(at), detail_of_unresolved(failure, at))
    if isinstance(failure, Refusal):
        kind = failure.error.words(at).kind if isinstance(failure, RememberedDenial) else failure.kind
        wait = failure.wait_s
        detail = _detail(kind, at, retryable=wait is not None, retry_after_s=wait)
        if failure.approval is not None:
            offer = failure.approval
            shown = {"code": offer.code, "command": offer.command, "url": offer.url, "expires_at": offer.expires_at}
            detail["approval"] = shown
        return Explanation(failure.message(at), detail)
    words = failure.words(at)
    if at.write_left and isinstance(failure, ResponseLost | ServerError):
        return Explanation(f"{words.what} {CHANGE_UNKNOWN}", _detail_of(failure, words.kind, at, Outcome.UNKNOWN))
    return Explanation(f"{words.what} {NOT_CHANGED} {words.next_step}", _detail_of(failure, words.kind, at))


def explain_unexpected(at: FailureContext) -> Explanation:
    """Explain a failure of our own that nobody foresaw. Its details are in the log only."""
    uncertain = at.write_left
    changed = CHANGE_UNKNOWN if uncertain else NOT_CHANGED
    text = f"Something went wrong inside projects-mcp. {changed} The server's log has the details."
    outcome = Outcome.UNKNOWN if uncertain else None
    return Explanation(text, _detail("internal", at, outcome=outcome, request_sent=uncertain))


def detail_of_unresolved(failure: WriteUnresolved, at: FailureContext) -> Mapping[str, Any]:
    """Return the machine-readable part for a write whose answer was lost, whatever reading back has shown."""
    detail = _detail_of(failure.error, failure.error.words(at).kind, at, failure.readback.outcome)
    # Whoever repeats a write before that time may do it twice, so it is not retryable, and the wait is stated.
    wait = LOOK_AGAIN_AFTER.total_seconds() if failure.readback.outcome is Outcome.UNKNOWN else None
    return detail | {"retry_after_s": wait}


def _detail_of(failure: PostHogError, kind: Kind, at: FailureContext, outcome: Outcome | None = None) -> dict[str, Any]:
    return _detail(
        kind,
        at,
        status=failure.status,
        code=failure.code,
        attr=failure.attr,
        retryable=failure.retryable and outcome is None,
        retry_after_s=failure.retry_after_s,
        outcome=outcome,
        request_sent=failure.request_sent,
    )


def _detail(
    kind: Kind,
    at: FailureContext,
    *,
    status: int | None = None,
    code: str | None = None,
    attr: str | None = None,
    retryable: bool = False,
    retry_after_s: float | None = None,
    outcome: Outcome | None = None,
    request_sent: bool = False,
) -> dict[str, Any]:
    if outcome is None and not at.effect.reads:
        outcome = Outcome.NOT_APPLIED
    return {
        "kind": kind,
        "status": status,
        "code": code,
        "attr": attr,
        "retryable": retryable,
        "retry_after_s": retry_after_s,
        "outcome": outcome.value if outcome else None,
        "request_sent": request_sent,
    }
