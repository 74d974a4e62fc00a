"""Ask PostHog whether it takes a browser session, with requests that cannot have an effect.

They are for a project that cannot exist: ids start at 1. The address takes GET only, and the body is empty, so no code
that writes stands behind it. PostHog looks at the session and at the CSRF token before any of that, so what it objects
to shows whether it takes them.
"""

from __future__ import annotations

from typing import Final

from projects_mcp.errors.connection import PostHogError, RequestNotSent
from projects_mcp.errors.rejected import Forbidden, NotFound, StatusError
from projects_mcp.posthog.client import PostHog

__all__ = ["find_session_problem", "is_about_address", "is_csrf_refusal", "is_unauthenticated"]

_NO_PROJECT: Final = "/api/organizations/@current/projects/0/is_generating_demo_data/"
_UNAUTHENTICATED: Final = frozenset({"not_authenticated", "authentication_failed"})
"""PostHog's codes for an unknown credential, with any status."""
_NO_SUCH_ADDRESS: Final = "Endpoint not found."
"""PostHog's words for an address that it does not know. Only there does it look at no credential."""
_WRONG_ADDRESS: Final = ("Referer checking failed", "Origin checking failed")
"""Django's words where it is not the token that it refuses."""


async def find_session_problem(posthog: PostHog, *, unsafe: bool, within_s: float | None = None) -> PostHogError | None:
    """Return why PostHog does not take the session, or why that cannot be told; None if it does.

    Args:
        posthog: the client, which has a session.
        unsafe: send a POST, for which PostHog wants the CSRF token too, instead of a GET.
        within_s: seconds for the request; the limit of a whole call by default.
    """
    session, limit_s = posthog.credentials.session, posthog.limits.call_s
    if session is None:
        return RequestNotSent("no_credential")
    method = "POST" if unsafe else "GET"
    try:
        await posthog.exchange(method, _NO_PROJECT, session, limit_s if within_s is None else within_s)
    except StatusError as error:
        error.by_session = True
        return None if _accepts(error) else error
    except PostHogError as error:
        return error
    return None


def _accepts(error: StatusError) -> bool:
    """Whether an error shows that PostHog has taken the session: it objects, in its own form, to something else."""
    if is_unauthenticated(error) or is_csrf_refusal(error) or error.retryable or error.code is None:
        return False
    return not (isinstance(error, NotFound) and error.detail == _NO_SUCH_ADDRESS)


def is_unauthenticated(error: PostHogError) -> bool:
    """Return whether PostHog does not know the credential."""
    return isinstance(error, StatusError) and error.code in _UNAUTHENTICATED


def is_csrf_refusal(error: PostHogError) -> bool:
    """Return whether PostHog refuses what is beside the session: the CSRF token, or the address it is sent to."""
    return isinstance(error, Forbidden) and error.cause.kind == "csrf"


def is_about_address(error: PostHogError) -> bool:
    """Return whether PostHog refuses the address that a browser would have it under, so that no token helps."""
    return is_csrf_refusal(error) and any(words in str(getattr(error, "detail", "")) for words in _WRONG_ADDRESS)
