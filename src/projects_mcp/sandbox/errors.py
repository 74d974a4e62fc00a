"""The error responses of PostHog: one envelope ``{type, code, detail, attr}`` for nearly all of them.

PostHog's behaviour: ``type`` is ``authentication_error`` for 401 and for 403, ``invalid_request`` for 404, 405, 415 and
unreadable bodies, ``validation_error`` for 400, ``throttled_error`` for 429 and ``server_error`` for 409 and 5xx.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Kind = Literal["authentication_error", "invalid_request", "validation_error", "throttled_error", "server_error"]

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class ApiError(Exception):
    """A response with PostHog's error envelope.

    Attributes:
        status: The HTTP status.
        kind: The envelope's ``type``.
        code: Such as ``invalid_choice``.
        detail: The sentence.
        attr: The field, with its levels joined by ``__``, or None.
        headers: Of the response.
    """

    def __init__(
        self,
        status: int,
        kind: Kind,
        code: str,
        detail: str,
        *,
        attr: str | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.code = code
        self.detail = detail
        self.attr = attr
        self.headers = headers

    @property
    def body(self) -> dict[str, str | None]:
        """The envelope."""
        return {"type": self.kind, "code": self.code, "detail": self.detail, "attr": self.attr}


class InvalidValueError(Exception):
    """A value of a body is invalid.

    Attributes:
        detail: The sentence.
        code: Of the envelope.
        path: From the field to the value, such as ``(0,)`` for the first item of a list.
    """

    def __init__(self, detail: str, *, code: str = "invalid_input", path: tuple[str | int, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.path = path

    def within(self, step: str | int) -> InvalidValueError:
        """Return this error with a path from one level further out."""
        return InvalidValueError(self.detail, code=self.code, path=(step, *self.path))

    def to_api_error(self) -> ApiError:
        """Return the 400 for the whole body. The path must start with the field's name."""
        return invalid(self.detail, code=self.code, attr="__".join(str(step) for step in self.path) or None)


def invalid(detail: str, *, code: str = "invalid_input", attr: str | None = None) -> ApiError:
    """Create a 400 for an invalid value or a broken rule."""
    return ApiError(400, "validation_error", code, detail, attr=attr)


def unreadable(reason: str) -> ApiError:
    """Create a 400 for a body that is not JSON."""
    return ApiError(400, "invalid_request", "parse_error", f"JSON parse error - {reason}")


def not_authenticated(challenge: str | None) -> ApiError:
    """Create a 401 for no credential, or for an unknown or expired session. The challenge is ``WWW-Authenticate``."""
    detail = "Authentication credentials were not provided."
    return ApiError(401, "authentication_error", "not_authenticated", detail, headers=_challenge_headers(challenge))


def wrong_credential(detail: str, challenge: str | None) -> ApiError:
    """Create a 401 for an unknown credential. The challenge is ``WWW-Authenticate``."""
    return ApiError(401, "authentication_error", "authentication_failed", detail, headers=_challenge_headers(challenge))


def _challenge_headers(challenge: str | None) -> Mapping[str, str]:
    return _NO_HEADERS if challenge is None else {"WWW-Authenticate": challenge}


def forbidden(detail: str) -> ApiError:
    """Create a 403 for any reason."""
    return ApiError(403, "authentication_error", "permission_denied", detail)


def not_found(detail: str = "Not found.") -> ApiError:
    """Create a 404."""
    return ApiError(404, "invalid_request", "not_found", detail)


def method_not_allowed(method: str, allowed: str) -> ApiError:
    """Create a 405 with `allowed` in the ``Allow`` header."""
    detail = f'Method "{method}" not allowed.'
    return ApiError(405, "invalid_request", "method_not_allowed", detail, headers={"Allow": allowed})


def conflict(detail: str) -> ApiError:
    """Create a 409. PostHog's behaviour: its type is ``server_error``, though the client is at fault."""
    return ApiError(409, "server_error", "conflict", detail)


def unsupported_media_type(media_type: str) -> ApiError:
    """Create a 415 for a body that is not JSON by its media type."""
    detail = f'Unsupported media type "{media_type}" in request.'
    return ApiError(415, "invalid_request", "unsupported_media_type", detail)


def not_acceptable() -> ApiError:
    """Create a 406 for an ``Accept`` header that allows no JSON."""
    return ApiError(406, "invalid_request", "not_acceptable", "Could not satisfy the request Accept header.")


def throttled(wait_s: float, *, header: bool) -> ApiError:
    """Create a 429 with the time to wait in its sentence, and with `header` in ``Retry-After`` too, rounded up."""
    seconds = math.ceil(wait_s)
    unit = "second" if seconds == 1 else "seconds"
    detail = f"Request was throttled. Expected available in {seconds} {unit}."
    headers = {"Retry-After": str(seconds)} if header else _NO_HEADERS
    return ApiError(429, "throttled_error", "throttled", detail, headers=headers)


def server_error(detail: str = "A server error occurred.") -> ApiError:
    """Create a 500."""
    return ApiError(500, "server_error", "error", detail)


def database_unavailable() -> ApiError:
    """Create a 503 with ``Retry-After: 1``."""
    detail = "We couldn't reach the database just now. Please try again in a moment."
    return ApiError(503, "server_error", "database_unavailable", detail, headers={"Retry-After": "1"})
