"""Finds out what the credential may do, once, and remembers what PostHog refused."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from projects_mcp.api.operations import Operation, OrganizationRef, ProjectRef
from projects_mcp.errors.posthog import Forbidden, PostHogError, StatusError
from projects_mcp.errors.refusals import Refusal, RefusalKind
from projects_mcp.policy.authorization import UNKNOWN, KeyGrant
from projects_mcp.posthog.client import PostHog

__all__ = ["KeyAccess"]

logger: Final = logging.getLogger("projects_mcp")

_PATIENCE_S: Final = 2.0
_KNOWN_FOR_S: Final = 900.0
_UNKNOWN_FOR_S: Final = 60.0
_MOST_LEARNED: Final = 1_000

_OF_THE_KEY: Final = frozenset({"session_only", "missing_scope"})
"""Refusals that hold for a key and an operation, whatever the project."""
_OF_THE_CALL: Final = frozenset({"role", "csrf", "plan_limit"})
"""Refusals that depend on what was sent, or pass by themselves: asking again can make sense."""

_Target = tuple[str, OrganizationRef | None, ProjectRef | None]


@dataclass
class KeyAccess:
    """What is known of the credential of one client.

    Args:
        posthog: the client whose key it is.
        clock: seconds that never go back, for tests.
    """

    posthog: PostHog
    clock: Callable[[], float] = time.monotonic
    _grant: KeyGrant = field(default=UNKNOWN, init=False)
    _until: float = field(default=float("-inf"), init=False)
    _asking: anyio.Lock = field(default_factory=anyio.Lock, init=False, repr=False)
    _learned: dict[_Target, tuple[Forbidden, float]] = field(default_factory=dict, init=False, repr=False)

    async def get(self) -> KeyGrant:
        """Return the grant, asking PostHog the first time. Never fails, and never takes longer than two seconds.

        OAuth tokens, older servers and a missing network leave the grant unknown: then PostHog decides at each call.
        """
        if self.clock() < self._until:
            return self._grant
        async with self._asking:
            if self.clock() >= self._until:
                found, lifetime = await self._ask()
                if found is not UNKNOWN or lifetime >= _KNOWN_FOR_S:
                    self._grant = found
                # Otherwise the failure will pass, and what was known before is still the best that is known.
                self._until = self.clock() + lifetime
        return self._grant

    def refusal(
        self, operation: Operation, organization: OrganizationRef | None = None, project: ProjectRef | None = None
    ) -> Refusal | None:
        """Return PostHog's own refusal of an operation, if it is still remembered."""
        for target in ((operation.name, None, None), (operation.name, organization, project)):
            known = self._learned.get(target)
            if known is not None:
                error, until = known
                if self.clock() < until:
                    return Refusal(RefusalKind.LEARNED, error=error)
                del self._learned[target]
        return None

    def learn(
        self, operation: Operation, organization: OrganizationRef, project: ProjectRef | None, error: Forbidden
    ) -> None:
        """Remember that PostHog refused, although it was thought to allow it, so that it is not asked again."""
        if error.cause in _OF_THE_CALL:
            return
        if len(self._learned) >= _MOST_LEARNED:
            self._learned.clear()
        everywhere = error.cause in _OF_THE_KEY
        target = (operation.name, None, None) if everywhere else (operation.name, organization, project)
        self._learned[target] = (error, self.clock() + _KNOWN_FOR_S)

    async def _ask(self) -> tuple[KeyGrant, float]:
        key = self.posthog.credentials.key
        if key is None or key.value.reveal().startswith("pha_"):
            return UNKNOWN, _KNOWN_FOR_S
        with anyio.move_on_after(_PATIENCE_S):
            try:
                return KeyGrant.from_introspection(await self.posthog.introspect_key()), _KNOWN_FOR_S
            except StatusError as error:
                # An answer, if not the one we hoped for: an older server, or no personal key.
                return UNKNOWN, _UNKNOWN_FOR_S if error.retryable else _KNOWN_FOR_S
            except PostHogError:
                return UNKNOWN, _UNKNOWN_FOR_S
            except Exception as error:  # noqa: BLE001 - a start, and a list of tools, must not fail for this
                logger.error("asking what the key may do failed unexpectedly: %s", type(error).__name__)  # noqa: TRY400 - its text may hold a secret
                return UNKNOWN, _UNKNOWN_FOR_S
        return UNKNOWN, _UNKNOWN_FOR_S
