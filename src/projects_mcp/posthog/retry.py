"""When a request may be sent again, how long to wait, and when not even to knock."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from projects_mcp.errors.connection import InvalidResponse, PostHogError, RequestNotSent, ResponseLost
from projects_mcp.errors.rejected import RateLimited, ServerError
from projects_mcp.posthog.http_date import parse_http_date

__all__ = ["Backoff", "RetryBudget", "retry_after_seconds", "worth_repeating"]

_PASSING: Final = frozenset({502, 503, 504})
_NO_CONNECTION: Final = frozenset({"unreachable", "connect_timeout"})
_BROKEN: Final = frozenset({"connection", "protocol"})
_FIRST_WAIT_S: Final = 0.25
_LONGEST_BLOCK_S: Final = 60.0
_TOO_MANY: Final = 429


def worth_repeating(error: PostHogError) -> bool:
    """Whether a READ that failed in this way may succeed a moment later. Writes are never repeated at all."""
    if isinstance(error, RateLimited):
        return True
    if isinstance(error, ServerError):
        return error.status in _PASSING
    if isinstance(error, RequestNotSent):
        return error.reason in _NO_CONNECTION
    return isinstance(error, ResponseLost) and not isinstance(error, InvalidResponse) and error.reason in _BROKEN


@dataclass(slots=True)
class RetryBudget:
    """How much waiting one request has left.

    Attributes:
        repeats: how often it may still be sent again.
        wait_s: seconds that it may still wait, in all.
    """

    repeats: int
    wait_s: float

    def pause(self, error: PostHogError) -> float | None:
        """Return how long to wait before sending again, or None where it is not worth it or would take too long.

        PostHog's own word comes first; a wait that is longer than what is left is reported, and not slept. What is
        added to it grows with each repeat, and is drawn at random from zero up, so that many callers do not return
        together.
        """
        if self.repeats <= 0 or not worth_repeating(error):
            return None
        asked = getattr(error, "retry_after_s", None)
        longest = _FIRST_WAIT_S * 2 ** (2 - self.repeats)
        wait = random.uniform(0, longest) + (asked or 0.0)  # noqa: S311 - jitter, not a secret
        if wait > self.wait_s:
            return None
        self.repeats -= 1
        self.wait_s -= wait
        return float(wait)


@dataclass(slots=True)
class Backoff:
    """A door that is known to be closed for a while. One for each credential, shared by all its calls.

    Args:
        clock: seconds that never go back, for tests.
    """

    clock: Callable[[], float] = time.monotonic
    _until: float = field(default=float("-inf"), init=False)

    def note(self, error: PostHogError) -> None:
        """Remember that PostHog limits the rate of this credential."""
        if isinstance(error, RateLimited) and error.request_sent:
            wait = 1.0 if error.retry_after_s is None else min(error.retry_after_s, _LONGEST_BLOCK_S)
            self._until = max(self._until, self.clock() + wait)

    def closed(self) -> RateLimited | None:
        """Return the answer that PostHog would give now, without asking it; None where the door may be open."""
        left = self._until - self.clock()
        if left <= 0:
            return None
        error = RateLimited(_TOO_MANY, retry_after_s=float(math.ceil(left)))
        error.request_sent = False
        return error


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read `Retry-After`: whole seconds or an HTTP date, which is compared with the answer's own `Date`.

    Returns:
        Seconds from now, never negative; None where the header is absent or says neither.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    at = parse_http_date(value) if value else None
    if at is None:
        return None
    now = parse_http_date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (at - now).total_seconds())
