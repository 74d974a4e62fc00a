"""Try the CSRF token that this process has made for a browser session, before it is relied on.

A token that the operator gives is that of a browser, and is not tried. Nobody is asked about a call whose write PostHog
would refuse for the token.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from projects_mcp.errors.refusals import OwnCsrfTokenRefused, SessionUnchecked
from projects_mcp.errors.rejected import Unauthenticated
from projects_mcp.policy.denials import REMEMBERED_FOR_S
from projects_mcp.posthog.client import PostHog
from projects_mcp.posthog.session_check import find_session_problem, is_about_address, is_csrf_refusal

__all__ = ["SessionTrial"]

_ANSWER_WITHIN_S: Final = 10.0


@dataclass
class SessionTrial:
    """Whether PostHog takes the session of one client with a CSRF token of this process's own.

    That it does is known for as long as the process lives, that it does not as long as other denials.

    Args:
        posthog: the client whose session it is.
        clock: seconds that never go back, for tests.
    """

    posthog: PostHog
    clock: Callable[[], float] = time.monotonic
    _taken: bool = field(default=False, init=False)
    _refused: OwnCsrfTokenRefused | None = field(default=None, init=False)
    _until: float = field(default=0.0, init=False)
    _trying: anyio.Lock = field(default_factory=anyio.Lock, init=False, repr=False)

    async def require(self, within_s: float) -> None:
        """Make sure that PostHog takes the session for a write, as far as that hangs on a token of our own.

        Args:
            within_s: seconds that the call has left.

        Raises:
            OwnCsrfTokenRefused: PostHog does not take it, now or a moment ago.
            SessionUnchecked: that cannot be told now.
            Unauthenticated: the session itself has expired.
        """
        session = self.posthog.credentials.session
        if session is None or not session.makes_csrf_token or self._taken:
            return
        async with self._trying:
            if self._refused is not None and self.clock() < self._until:
                raise self._refused
            if not self._taken:
                await self._try(min(within_s, _ANSWER_WITHIN_S))

    async def _try(self, within_s: float) -> None:
        problem = await find_session_problem(self.posthog, unsafe=True, within_s=within_s)
        if problem is None:
            self._taken = True
        elif is_csrf_refusal(problem):
            self._refused = OwnCsrfTokenRefused(about_address=is_about_address(problem))
            self._until = self.clock() + REMEMBERED_FOR_S
            raise self._refused
        elif isinstance(problem, Unauthenticated):
            raise problem
        else:
            raise SessionUnchecked(error=problem)
