"""The error statuses that PostHog answers, each in its own words.

StatusError
├── Unauthenticated (401)   ├── Forbidden (403)     ├── NotFound (404)   ├── Conflict (409)
└── InvalidRequest (400)    └── RateLimited (429)   └── ServerError (5xx)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.context import FailureContext, Words
from projects_mcp.errors.forbidden import ForbiddenCause, cause_of_detail
from projects_mcp.errors.rules import ANY_RULE, known_rule
from projects_mcp.sanitize.text import listed

__all__ = [
    "Conflict",
    "Forbidden",
    "InvalidRequest",
    "NotFound",
    "RateLimited",
    "ServerError",
    "StatusError",
    "Unauthenticated",
    "status_error",
]

_MAX_DETAIL: Final = 4_096
"""Characters of PostHog's `detail` that are kept: far more than are quoted, so that secrets are found before."""
_WORD: Final = re.compile(r"[\w.\[\]-]{1,100}", re.ASCII)
_MARKUP: Final = re.compile(r"<[A-Za-z/!?][^<>]{0,1000}>")
_BEGUN_MARKUP: Final = re.compile(r"<(?=[A-Za-z/!?])")
_CUT_WORD: Final = re.compile(r"\S{0,512}\Z")
_NESTED_MARKUP: Final = 4
_SECONDS: Final = re.compile(r"available in (\d{1,9}) second")
_BAD_REQUEST: Final = 400
_ABOUT_ARGUMENTS: Final = frozenset({"required", "invalid_choice", "not_a_dict", "blank", "null", "parse_error"})
"""Codes that are about what was sent, also where PostHog names no field."""
_OTHER_REGION: Final[Mapping[str, str]] = {"https://us.posthog.com": "eu", "https://eu.posthog.com": "us"}


class StatusError(PostHogError):
    """PostHog answered with an error status.

    `code`, `detail` and `attr` come from PostHog's envelope `{type, code, detail, attr}`, if it sent one.
    """

    status: int

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
        self.in_envelope = False
        """Whether the body was PostHog's own envelope: a proxy in front of it sends none."""

    def says(self, at: FailureContext) -> str:
        """Return PostHog's own words as a sentence with a space before it; empty if it sent none."""
        if not self.detail:
            return ""
        said = at.quote(self.detail)
        return f" It says {said}" if said[-2] in ".!?…" else f" It says {said}."

    def _in_words_of(self, cause: ForbiddenCause, at: FailureContext) -> Words:
        facts = {"tool": at.tool, "origin": at.origin, "keys_page": at.keys_page, "says": self.says(at)}
        return Words(cause.kind, cause.what.format(**facts), cause.next_step.format(**facts))


class Unauthenticated(StatusError):
    """401: the credential is missing, wrong, expired, or of the other region."""

    def words(self, at: FailureContext) -> Words:
        """Word the failure for the call that failed."""
        if self.by_session:
            return Words(
                "session_expired",
                f"PostHog at {at.origin} did not accept the browser session: it has expired or was signed out.",
                "Sign in again, and copy the cookie sessionid into POSTHOG_SESSION_ID. If POSTHOG_CSRF_TOKEN is set, "
                "it needs the cookie posthog_csrftoken of the same browser.",
            )
        region = _OTHER_REGION.get(at.origin)
        return Words(
            "authentication",
            f"PostHog at {at.origin} did not accept the key.{self.says(at)}",
            f"A key works in one region only: if it is from the other one, set POSTHOG_HOST={region}. "
            f"Otherwise check or replace it at {at.keys_page}."
            if region
            else f"Check that the key belongs to the PostHog of POSTHOG_HOST, or replace it at {at.keys_page}.",
        )


class Forbidden(StatusError):
    """403: the credential is known and may not do this."""

    @cached_property
    def cause(self) -> ForbiddenCause:
        """What exactly PostHog objects to, read from its sentence."""
        return cause_of_detail(self.detail)

    def words(self, at: FailureContext) -> Words:
        """Word the failure for the call that failed."""
        words = self._in_words_of(self.cause, at)
        if self.cause.kind != "key_restricted" or not at.key_organizations:
            return words
        allowed = listed(at.key_organizations)
        return words._replace(
            next_step=f"It works in these organizations: {allowed}. Give one as organization_id. {words.next_step}"
        )


class NotFound(StatusError):
    """404: there is no such thing, or this credential cannot see it."""

    def words(self, at: FailureContext) -> Words:
        """Word the failure for the call that failed."""
        what = "PostHog found no such project or organization, or this key cannot see it."
        allowed = listed(at.key_organizations)
        works_in = f" The key works in these organizations: {allowed}." if len(at.key_organizations) > 1 else ""
        if not OPERATIONS[at.tool].on_project:
            hint = "Leave organization_id out for the current organization, or give another id."
            return Words("not_found", what, f"{hint}{works_in}")
        where = "Or it is in another organization of the same key: give that one as organization_id."
        return Words("not_found", what, f"Find the id with project_list. {where}{works_in}")


class Conflict(StatusError):
    """409: another project has that name."""

    def words(self, at: FailureContext) -> Words:
        """Word the failure for the call that failed."""
        what = f"That name is taken in the organization.{self.says(at)}"
        return Words("conflict", what, "Choose another name and call again.")


class InvalidRequest(StatusError):
    """400 and other 4xx: PostHog did not accept the request."""

    def words(self, at: FailureContext) -> Words:
        """Word the failure for the call that failed."""
        if (rule := known_rule(self.detail)) is not None:
            return self._in_words_of(rule, at)
        if self.status == _BAD_REQUEST and self.in_envelope and not self.attr and self.code not in _ABOUT_ARGUMENTS:
            return self._in_words_of(ANY_RULE, at)
        about = f" about {at.quote(self.attr, 100)}" if self.attr else ""
        return Words(
            "validation",
            f"PostHog did not accept the request{about}.{self.says(at)}",
            f"Correct the arguments of {at.tool} and call it again."
            if self.status == _BAD_REQUEST or self.attr
            else "This PostHog, or a proxy in front of it, may not take such a request at all: the operator can look.",
        )


class RateLimited(StatusError):
    """429: too many requests for this credential."""

    retryable = True

    def words(self, at: FailureContext) -> Words:
        """Word the failure for the call that failed."""
        del at
        what = "PostHog limits the rate of this key's requests."
        if self.retry_after_s is None:
            return Words("throttled", what, "Wait a minute before you try again.")
        seconds = f"{self.retry_after_s:.0f} second{'' if round(self.retry_after_s) == 1 else 's'}"
        return Words("throttled", what, f"Try again in {seconds}.")


class ServerError(StatusError):
    """5xx: PostHog or a proxy in front of it failed; or 408 and 499, with which a proxy gives up."""

    retryable = True

    @property
    def ended(self) -> bool:
        """Whether PostHog itself has ended the request, so that it is no longer at work on it."""
        return self.status == _OWN_FAULT and self.in_envelope

    def words(self, at: FailureContext) -> Words:
        """Word the failure for the call that failed."""
        del at  # its own words are left out: they may be a page of a traceback
        return Words("server_error", f"PostHog failed with status {self.status}.", "Try again later.")


_OWN_FAULT: Final = 500
"""The only status with which PostHog's code reports a fault of its own. 502, 503, 504 and 520 to 599 are of proxies."""
_BY_STATUS: Final[Mapping[int, type[StatusError]]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    408: ServerError,
    409: Conflict,
    429: RateLimited,
    499: ServerError,
}


def status_error(status: int, body: object, retry_after_s: float | None) -> StatusError:
    """Build the error for an error status.

    Args:
        status: the HTTP status, 400 to 599.
        body: the decoded JSON body, or None if it could not be read. Two shapes are known: PostHog's envelope, and
            `{"error": "…"}`, which a few actions answer instead. Anything else is ignored.
        retry_after_s: what the `Retry-After` header asked for, in seconds, if it was there.
    """
    fields: Mapping[str, Any] = body if isinstance(body, dict) else {}
    detail = _text(fields.get("detail")) or _text(fields.get("error"))
    if retry_after_s is None and detail and (found := _SECONDS.search(detail)):
        # Some PostHog versions leave the header out and state the number only in the sentence.
        retry_after_s = float(found[1])
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else InvalidRequest)  # noqa: PLR2004 - the HTTP classes
    error = kind(
        status,
        code=_word(fields.get("code")),
        detail=detail,
        attr=_word(fields.get("attr")),
        retry_after_s=retry_after_s,
    )
    error.in_envelope = all(isinstance(fields.get(name), str) for name in ("type", "code", "detail"))
    return error


def _word(value: object) -> str | None:
    """Read a code or the name of a field; anything that does not look like one is untrusted text, and dropped."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    text = value[:_MAX_DETAIL]
    if len(value) > _MAX_DETAIL:
        text = _CUT_WORD.sub("", text)  # which may be the beginning of a secret, and would not be recognised as one
    for _ in range(_NESTED_MARKUP):  # what is taken out may join two halves of another tag
        text, taken = _MARKUP.subn("", text)
        if not taken:
            break
    return _BEGUN_MARKUP.sub("", text).strip() or None
