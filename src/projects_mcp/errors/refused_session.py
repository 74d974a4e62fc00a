"""The refusals of a call that would go by browser session, before anybody is asked about it."""

from __future__ import annotations

import math
from typing import Final

from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.refusal import Refusal

__all__ = ["OwnCsrfTokenRefused", "SessionNeeded", "SessionUnchecked"]

_SOON_S: Final = 10


class OwnCsrfTokenRefused(Refusal):
    """PostHog does not take the CSRF token that this process has made for the session.

    `about_address`: it refuses the address instead, for which no token helps.
    """

    kind = "csrf"
    about_address: bool = False

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        if self.about_address:
            return (
                f"PostHog does not take requests of a browser at {at.origin}, so {at.tool} was not sent. {NOT_CHANGED} "
                "The operator must set POSTHOG_HOST to the address of PostHog as a browser shows it, without a path, "
                "and restart the server."
            )
        return (
            "PostHog takes the browser session only with the CSRF token of the same browser, and not with one that "
            f"this server makes, so {at.tool} was not sent. {NOT_CHANGED} The operator must copy the cookie "
            f"posthog_csrftoken of {at.origin} from that signed-in browser (its developer tools list it beside "
            "sessionid) into POSTHOG_CSRF_TOKEN, and restart the server."
        )


class SessionNeeded(Refusal):
    """PostHog takes no key for it, and there is no session."""

    kind = "session_only"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"PostHog allows {at.tool} only in a person's browser session, and none is configured. {NOT_CHANGED} "
            f"A person can do it at {at.origin}/settings/project. The operator can also opt in to a session with "
            "POSTHOG_SESSION_ID."
        )


class SessionUnchecked(Refusal):
    """Whether PostHog takes this process's CSRF token could not be found out. `error`: what came instead."""

    kind = "session_unchecked"
    error: PostHogError

    @property
    def wait_s(self) -> int | None:
        """Seconds after which another try makes sense."""
        return _SOON_S if self.error.retry_after_s is None else math.ceil(self.error.retry_after_s)

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"{self.error.words(at).what} So it is not known whether PostHog takes the CSRF token that this server "
            f"makes for the browser session, and {at.tool} was not sent. {NOT_CHANGED} Call again after "
            f"{self.wait_s} seconds. If this stays so, the operator can set POSTHOG_CSRF_TOKEN to the cookie "
            "posthog_csrftoken of the same browser."
        )
