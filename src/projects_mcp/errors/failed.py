"""The words for what came, or did not come, from PostHog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from projects_mcp.errors.context import FailureContext
from projects_mcp.errors.posthog import (
    Conflict,
    Forbidden,
    Invalid,
    InvalidResponse,
    NotFound,
    PostHogError,
    RateLimited,
    ResponseLost,
    ServerError,
    StatusError,
    Unauthenticated,
)
from projects_mcp.sanitize.text import quoted

__all__ = ["cause_of"]

_OTHER_REGION: Final[Mapping[str, str]] = {"https://us.posthog.com": "eu", "https://eu.posthog.com": "us"}
_AFTER_UNUSABLE: Final[Mapping[str, str]] = {
    "truncated": "Try again in a moment.",
    "too_large": "Ask for less, such as a list with a smaller limit.",
}


def cause_of(failure: PostHogError, situation: FailureContext) -> tuple[str, str, str]:
    """Return the kind of a failure, what happened, and what to do."""
    if isinstance(failure, StatusError):
        return _rejected(failure, situation)
    if isinstance(failure, InvalidResponse):
        return _unusable(failure, situation)
    if isinstance(failure, ResponseLost):
        if failure.reason == "timeout":
            return "timeout", "PostHog did not answer in time.", "Try again in a moment."
        what = "The connection to PostHog broke before it had answered."
        return "connection_lost", what, "Try again in a moment."
    return _not_sent(failure, situation)


def _rejected(failure: StatusError, situation: FailureContext) -> tuple[str, str, str]:
    for error, words in _REJECTIONS:
        if isinstance(failure, error):
            return words(failure, situation)
    return _invalid(failure, situation)


def _unauthenticated(failure: StatusError, situation: FailureContext) -> tuple[str, str, str]:
    if failure.by_session:
        return (
            "session_expired",
            f"PostHog at {situation.origin} did not accept the browser session: it has expired or was signed out.",
            "Sign in again, and copy sessionid and posthog_csrftoken into POSTHOG_SESSION_ID and POSTHOG_CSRF_TOKEN.",
        )
    keys = f"{situation.origin}/settings/user-api-keys"
    region = _OTHER_REGION.get(situation.origin)
    return (
        "authentication",
        f"PostHog at {situation.origin} did not accept the key.{_says(failure)}",
        f"A key works in one region only: if it is from the other one, set POSTHOG_HOST={region}. "
        f"Otherwise check or replace it at {keys}."
        if region
        else f"Check that the key belongs to the PostHog of POSTHOG_HOST, or replace it at {keys}.",
    )


def _forbidden(failure: StatusError, situation: FailureContext) -> tuple[str, str, str]:
    cause = failure.cause if isinstance(failure, Forbidden) else "forbidden"
    keys = f"{situation.origin}/settings/user-api-keys"
    what, then = {
        "session_only": (
            f"PostHog allows {situation.tool} only in a person's browser session, whatever the key's scopes.",
            f"A person can do it at {situation.origin}/settings/project. The operator can also opt in to a session "
            "with POSTHOG_SESSION_ID and POSTHOG_CSRF_TOKEN.",
        ),
        "missing_scope": (
            f"The key lacks a scope that PostHog wants.{_says(failure)}",
            f"Add it to the key at {keys}.",
        ),
        "csrf": (
            "PostHog did not accept the browser session's CSRF token.",
            "Copy sessionid and posthog_csrftoken again, both from the same signed-in browser, into POSTHOG_SESSION_ID "
            "and POSTHOG_CSRF_TOKEN.",
        ),
        "key_restricted": (f"The key is restricted.{_says(failure)}", f"Its restrictions are shown at {keys}."),
        "keys_not_allowed": (
            f"The organization does not allow personal API keys.{_says(failure)}",
            "An organization admin can allow them in PostHog's organization settings.",
        ),
        "plan_limit": (
            f"The plan's limit of projects is reached.{_says(failure)}",
            "Delete a project that is no longer needed, or upgrade the plan in PostHog.",
        ),
        "read_only_organization": (
            "The organization allows assistants to read only.",
            "An organization admin can change that in PostHog's organization settings.",
        ),
        "role": (
            f"The key's owner lacks the role for this.{_says(failure)}",
            f"A project admin can do it, or grant the role at {situation.origin}/settings/project.",
        ),
    }.get(
        cause,
        (f"PostHog does not allow this.{_says(failure)}", f"Check the key's scopes at {keys} and its owner's role."),
    )
    return cause, what, then


def _not_found(_failure: StatusError, _situation: FailureContext) -> tuple[str, str, str]:
    return (
        "not_found",
        "PostHog found no such project or organization, or this key cannot see it.",
        "Check the ids with project_list.",
    )


def _conflict(failure: StatusError, _situation: FailureContext) -> tuple[str, str, str]:
    return "conflict", f"That name is taken in the organization.{_says(failure)}", "Choose another name and call again."


def _throttled(failure: StatusError, _situation: FailureContext) -> tuple[str, str, str]:
    if failure.retry_after_s is None:
        return "throttled", "PostHog limits the rate of this key's requests.", "Wait a minute before you try again."
    seconds = f"{failure.retry_after_s:.0f} second{'' if round(failure.retry_after_s) == 1 else 's'}"
    return "throttled", "PostHog limits the rate of this key's requests.", f"Try again in {seconds}."


def _server_fault(failure: StatusError, _situation: FailureContext) -> tuple[str, str, str]:
    return "server_error", f"PostHog failed with status {failure.status}.{_says(failure)}", "Try again later."


def _invalid(failure: StatusError, situation: FailureContext) -> tuple[str, str, str]:
    about = f" about {quoted(failure.attr, 100)}" if failure.attr else ""
    return (
        "validation",
        f"PostHog did not accept the request{about}.{_says(failure)}",
        f"Correct the arguments of {situation.tool} and call it again.",
    )


_REJECTIONS: Final[
    tuple[tuple[type[StatusError], Callable[[StatusError, FailureContext], tuple[str, str, str]]], ...]
] = (
    (Unauthenticated, _unauthenticated),
    (Forbidden, _forbidden),
    (NotFound, _not_found),
    (Conflict, _conflict),
    (RateLimited, _throttled),
    (ServerError, _server_fault),
    (Invalid, _invalid),
)


def _unusable(failure: InvalidResponse, situation: FailureContext) -> tuple[str, str, str]:
    what = {
        "redirect": "PostHog's address answered with a redirect, which is not followed.",
        "html": "A web page came back instead of PostHog's data.",
        "content_type": "Something other than JSON came back instead of PostHog's data.",
        "empty": "PostHog's answer was empty.",
        "truncated": "PostHog's answer broke off in the middle.",
        "too_large": "PostHog's answer was larger than this server reads.",
        "too_deep": "PostHog's answer was nested deeper than this server reads.",
        "duplicate_keys": "PostHog's answer named a field twice, so it could not be trusted.",
        "not_unicode": "PostHog's answer contained broken text.",
        "encoding": "PostHog's answer was compressed in a way that could not be read.",
        "shape": "PostHog's answer did not have the expected form.",
    }.get(failure.reason, "PostHog's answer was not valid JSON.")
    host = f"Check that POSTHOG_HOST ({situation.origin}) is PostHog itself, not a sign-in page or proxy."
    return "bad_answer", what, _AFTER_UNUSABLE.get(failure.reason, host)


def _not_sent(failure: PostHogError, situation: FailureContext) -> tuple[str, str, str]:
    if failure.reason == "no_credential":
        return "not_configured", "No PostHog key is configured.", "Set POSTHOG_PERSONAL_API_KEY and restart the server."
    if failure.reason == "tls":
        return (
            "tls",
            f"The certificate of {situation.origin} could not be verified.",
            "If a proxy or private certificate authority is in the way, set SSL_CERT_FILE or SSL_CERT_DIR to its "
            "certificates.",
        )
    if failure.reason == "proxy":
        return "proxy", "The proxy refused the connection.", "Check HTTPS_PROXY and NO_PROXY."
    return (
        "unreachable",
        f"No connection to PostHog at {situation.origin} could be made.",
        "Check the network, POSTHOG_HOST and HTTPS_PROXY, then try again.",
    )


def _says(failure: StatusError) -> str:
    if not failure.detail:
        return ""
    said = quoted(failure.detail)
    return f" It says {said}" if said[-2] in ".!?…" else f" It says {said}."
