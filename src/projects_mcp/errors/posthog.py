"""A small tree of what can go wrong between this process and PostHog.

    PostHogError
    ├── NotSent            the request never left: no connection, untrusted certificate, no credential
    ├── AnswerLost         it left, and no usable answer came back: a write may or may not have happened
    │   └── AnswerUnusable an answer came back that cannot be read: HTML, truncated, too large, a redirect
    └── Rejected           PostHog answered with an error status
        ├── Unauthenticated (401)   ├── Forbidden (403)   ├── NotFound (404)   ├── Conflict (409)
        ├── Invalid (400)           ├── Throttled (429)   └── ServerFault (5xx)

Nothing in here is worded for a person, and no text of the other side is kept but PostHog's own `detail`, bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = [
    "Conflict",
    "Forbidden",
    "Invalid",
    "InvalidResponse",
    "NotFound",
    "PostHogError",
    "RateLimited",
    "RequestNotSent",
    "ResponseLost",
    "ServerError",
    "StatusError",
    "Unauthenticated",
    "rejection",
]

MAX_DETAIL: Final = 600
_FORBIDDEN: Final = (
    ("does not support personal api key", "session_only"),
    ("missing required scope", "missing_scope"),
    ("csrf", "csrf"),
    ("scoped projects are only supported", "key_restricted"),
    ("does not have access to the requested", "key_restricted"),
    ("does not allow using personal api keys", "keys_not_allowed"),
    ("maximum limit of allowed projects", "plan_limit"),
    ("restricts mcp access to read-only", "read_only_organization"),
    ("organization admin", "role"),
    ("project admin", "role"),
    ("sufficient permission", "role"),
)
_WORD: Final = re.compile(r"[\w.\[\]-]{1,100}", re.ASCII)
_SECONDS: Final = re.compile(r"available in (\d{1,9}) second")


class PostHogError(Exception):
    """The root: something failed. `reason` is a stable word of ours for what exactly."""

    request_sent = True
    retryable = False

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RequestNotSent(PostHogError):
    """The request never left this process, so nothing changed."""

    request_sent = False
    retryable = True


class ResponseLost(PostHogError):
    """The request left and its answer is missing. Whether a write happened cannot be told from this alone."""

    retryable = True

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class InvalidResponse(ResponseLost):
    """Something answered, but not with JSON of PostHog's that can be read."""

    retryable = False


class StatusError(PostHogError):
    """PostHog answered with an error status.

    `code`, `detail` and `attr` come from PostHog's envelope `{type, code, detail, attr}` where there was one.
    """

    def __init__(
        self,
        status: int,
        *,
        code: str | None = None,
        detail: str | None = None,
        attr: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"status {status}")
        self.status = status
        self.code = code
        self.detail = detail
        self.attr = attr
        self.retry_after_s = retry_after_s
        self.by_session = False
        """Whether the browser session, and not the key, was what PostHog judged."""


class Unauthenticated(StatusError):
    """401: the credential is missing, wrong, expired, or of the other region."""


class Forbidden(StatusError):
    """403: the credential is known and may not do this."""

    @property
    def cause(self) -> str:
        """What exactly PostHog objects to, read from its sentence, as a stable word of ours."""
        sentence = (self.detail or "").lower()
        return next((cause for part, cause in _FORBIDDEN if part in sentence), "forbidden")


class NotFound(StatusError):
    """404: there is no such thing, or this credential cannot see it."""


class Conflict(StatusError):
    """409: another project has that name."""


class Invalid(StatusError):
    """400 and other 4xx: PostHog did not accept the request."""


class RateLimited(StatusError):
    """429: too many requests for this credential."""

    retryable = True


class ServerError(StatusError):
    """5xx: PostHog or a proxy in front of it failed."""

    retryable = True


_BY_STATUS: Final[Mapping[int, type[StatusError]]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
}


def rejection(status: int, body: object, retry_after_s: float | None) -> StatusError:
    """Build the error for an error status.

    Args:
        status: the HTTP status, 400 to 599.
        body: the decoded JSON body, or None where it could not be read. Two shapes are known: PostHog's envelope, and
            `{"error": "…"}`, which a few actions answer instead. Anything else is ignored.
        retry_after_s: what the `Retry-After` header asked for, in seconds, if it was there.
    """
    fields: Mapping[str, Any] = body if isinstance(body, dict) else {}
    detail = _text(fields.get("detail")) or _text(fields.get("error"))
    if retry_after_s is None and detail and (found := _SECONDS.search(detail)):
        # Some PostHog versions leave the header out and state the number only in the sentence.
        retry_after_s = float(found[1])
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else Invalid)  # noqa: PLR2004 - the HTTP classes
    return kind(
        status,
        code=_word(fields.get("code")),
        detail=detail,
        attr=_word(fields.get("attr")),
        retry_after_s=retry_after_s,
    )


def _word(value: object) -> str | None:
    """Read a code or the name of a field; anything that does not look like one is foreign text, and dropped."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _text(value: object) -> str | None:
    return value[:MAX_DETAIL] if isinstance(value, str) and value.strip() else None
