"""The words for every failure.

Two or three plain sentences: what happened, whether anything changed, what to do next. Text from outside is quoted,
bounded and never passed on raw. What programs need rides beside the sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from projects_mcp.api.settings_diff import Outcome, WriteUnresolved
from projects_mcp.errors.context import CHANGE_UNKNOWN, NOT_CHANGED, FailureContext
from projects_mcp.errors.failed import cause_of
from projects_mcp.errors.posthog import PostHogError, ResponseLost, ServerError
from projects_mcp.errors.refusals import Refusal
from projects_mcp.errors.refused import REFUSALS

__all__ = ["NOT_CHANGED", "Explanation", "FailureContext", "about_lost_answer", "explain", "unexpected"]

_CHECK_PROJECT: Final = "Look at it with project_get before you try again."
_CHECK: Final[Mapping[str, str]] = {
    "project_create": "Look for the name with project_list and search before you try again.",
    "project_delete": "Look for it with project_list before you try again.",
}


class Explanation(NamedTuple):
    """A failure as people and programs read it."""

    text: str
    detail: Mapping[str, Any]


def explain(failure: Refusal | PostHogError | WriteUnresolved, situation: FailureContext) -> Explanation:
    """Word a refusal, an error of PostHog's, or a write whose answer was lost."""
    if isinstance(failure, WriteUnresolved):
        return _lost(failure, situation)
    if isinstance(failure, PostHogError):
        return _failed(failure, situation)
    remembered = failure.facts.get("error")
    if isinstance(remembered, PostHogError):
        # PostHog said no before, and is not asked again: the same words, but nothing was sent.
        told = _failed(remembered, situation)
        again = "PostHog said so before; this server asks it again after 15 minutes, or when it is restarted."
        return Explanation(f"{told.text} {again}", _detail(told.detail["kind"], situation))
    wait = failure.facts.get("retry_after_s")
    detail = _detail(failure.kind.value, situation, retryable=wait is not None, retry_after_s=wait)
    return Explanation(REFUSALS[failure.kind](failure.facts, situation), detail)


def unexpected(situation: FailureContext) -> Explanation:
    """Word a failure of our own that nobody foresaw. Its details are in the log only."""
    uncertain = situation.write_left
    changed = CHANGE_UNKNOWN if uncertain else NOT_CHANGED
    text = f"Something went wrong inside projects-mcp. {changed} The server's log has the details."
    outcome = Outcome.UNKNOWN if uncertain else None
    return Explanation(text, _detail("internal", situation, outcome=outcome, request_sent=uncertain))


def about_lost_answer(failure: WriteUnresolved, situation: FailureContext) -> Mapping[str, Any]:
    """Return the machine-readable part for a write whose answer was lost, whatever reading back has shown."""
    kind, _, _ = cause_of(failure.error, situation)
    return _detail_of(failure.error, kind, situation, outcome=failure.evidence.outcome)


def _failed(failure: PostHogError, situation: FailureContext) -> Explanation:
    kind, what, then = cause_of(failure, situation)
    if situation.write_left and isinstance(failure, ResponseLost | ServerError):
        return Explanation(f"{what} {CHANGE_UNKNOWN}", _detail_of(failure, kind, situation, outcome=Outcome.UNKNOWN))
    return Explanation(f"{what} {NOT_CHANGED} {then}", _detail_of(failure, kind, situation))


def _lost(failure: WriteUnresolved, situation: FailureContext) -> Explanation:
    """Word a write whose answer was lost: what reading back has shown, and what to do about it."""
    _, what, _ = cause_of(failure.error, situation)
    evidence = failure.evidence
    if evidence.outcome is Outcome.NOT_APPLIED:
        text = f"{what} {NOT_CHANGED} {evidence.says} Read the project once more before you try again."
    else:
        check = _CHECK.get(situation.tool, _CHECK_PROJECT)
        text = f"{what} It is not known whether the change was made. {evidence.says} {check}"
    return Explanation(text, about_lost_answer(failure, situation))


def _detail_of(
    failure: PostHogError, kind: str, situation: FailureContext, outcome: Outcome | None = None
) -> Mapping[str, Any]:
    return _detail(
        kind,
        situation,
        status=getattr(failure, "status", None),
        code=getattr(failure, "code", None),
        attr=getattr(failure, "attr", None),
        retryable=failure.retryable and outcome is None,
        retry_after_s=getattr(failure, "retry_after_s", None),
        outcome=outcome,
        request_sent=failure.request_sent,
    )


def _detail(
    kind: str,
    situation: FailureContext,
    *,
    status: int | None = None,
    code: str | None = None,
    attr: str | None = None,
    retryable: bool = False,
    retry_after_s: float | None = None,
    outcome: Outcome | None = None,
    request_sent: bool = False,
) -> Mapping[str, Any]:
    if outcome is None and not situation.effect.reads:
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
