"""The failures between this process and PostHog, each in its own words.

    PostHogError
    ├── RequestNotSent      the request never left: no connection, untrusted certificate, no credential
    ├── ResponseLost        it left, and no usable response came back: a write may or may not have happened
    │   └── InvalidResponse a response came back that cannot be read: HTML, truncated, too large, a redirect
    └── StatusError         PostHog answered with an error status; see `rejected`

No text of the other side is kept but PostHog's own `detail`, bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from projects_mcp.errors.context import FailureContext, Words

__all__ = ["InvalidResponse", "PostHogError", "RequestNotSent", "ResponseLost"]

_SOON: Final = "Try again in a moment."
_NO_CONNECTION: Final = Words(
    "unreachable",
    "No connection to PostHog at {origin} could be made.",
    "Check the network, POSTHOG_HOST and HTTPS_PROXY, then try again.",
)
_NOT_SENT: Final[Mapping[str, Words]] = {
    "no_credential": Words(
        "not_configured", "No PostHog key is configured.", "Set POSTHOG_PERSONAL_API_KEY and restart the server."
    ),
    "tls": Words(
        "tls",
        "The certificate of {origin} could not be verified.",
        "If a proxy or private certificate authority is in the way, set SSL_CERT_FILE or SSL_CERT_DIR to its "
        "certificates.",
    ),
    "proxy": Words("proxy", "The proxy refused the connection.", "Check HTTPS_PROXY and NO_PROXY."),
}
_INVALID: Final[Mapping[str, str]] = {
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
}
_AFTER_INVALID: Final[Mapping[str, str]] = {
    "truncated": _SOON,
    "too_large": "Ask for less, such as a list with a smaller limit.",
}


class PostHogError(Exception):
    """The root: a request to PostHog failed. `reason` is a stable word of ours for the cause.

    The other attributes are None unless PostHog sent them: the status, and `code` and `attr` of its error envelope.
    """

    request_sent = True
    retryable = False
    status: int | None = None
    code: str | None = None
    attr: str | None = None
    retry_after_s: float | None = None

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def words(self, at: FailureContext) -> Words:
        """Word the failure for the call that failed."""
        raise AssertionError(f"a failure of {at.tool} has no words of its own")


class RequestNotSent(PostHogError):
    """The request never left this process, so nothing changed."""

    request_sent = False
    retryable = True

    def words(self, at: FailureContext) -> Words:
        """Word the failure for the call that failed."""
        words = _NOT_SENT.get(self.reason, _NO_CONNECTION)
        return words._replace(what=words.what.format(origin=at.origin))


class ResponseLost(PostHogError):
    """The request left and its response is missing. Whether a write happened cannot be told from this alone."""

    retryable = True

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status

    def words(self, at: FailureContext) -> Words:
        """Word the failure for the call that failed."""
        del at
        if self.reason == "timeout":
            return Words("timeout", "PostHog did not answer in time.", _SOON)
        return Words("connection_lost", "The connection to PostHog broke before it had answered.", _SOON)


class InvalidResponse(ResponseLost):
    """Something answered, but not with JSON of PostHog's that can be read."""

    retryable = False

    def words(self, at: FailureContext) -> Words:
        """Word the failure for the call that failed."""
        what = _INVALID.get(self.reason, "PostHog's answer was not valid JSON.")
        host = f"Check that POSTHOG_HOST ({at.origin}) is PostHog itself, not a sign-in page or proxy."
        return Words("bad_answer", what, _AFTER_INVALID.get(self.reason, host))
