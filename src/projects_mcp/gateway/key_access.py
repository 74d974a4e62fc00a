"""What the key may do: asked of PostHog once, and kept for a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.api.types import CURRENT
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.rejected import StatusError
from projects_mcp.gateway.session_trial import SessionTrial
from projects_mcp.policy.authorization import UNKNOWN, KeyGrant
from projects_mcp.policy.organizations import known_organizations
from projects_mcp.posthog.client import PostHog

__all__ = ["KeyAccess"]

logger: Final = logging.getLogger("projects_mcp")

_ANSWER_WITHIN_S: Final = 2.0
_KNOWN_FOR_S: Final = 900.0
_UNKNOWN_FOR_S: Final = 60.0


@dataclass
class KeyAccess:
    """What is known of the credential of one client.

    Args:
        posthog: the client whose key it is.
        clock: seconds that never go back, for tests.

    Attributes:
        session_trial: whether PostHog takes the session beside the key, if there is one.
    """

    posthog: PostHog
    clock: Callable[[], float] = time.monotonic
    session_trial: SessionTrial = field(init=False)
    _grant: KeyGrant = field(default=UNKNOWN, init=False)
    _until: float = field(default=float("-inf"), init=False)
    _asking: anyio.Lock = field(default_factory=anyio.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        self.session_trial = SessionTrial(self.posthog, self.clock)

    async def get(self) -> KeyGrant:
        """Return the grant, asking PostHog the first time. Never fails, and never takes longer than two seconds.

        OAuth tokens, older servers and a missing network leave the grant unknown: then PostHog decides at each call.
        """
        if self.clock() < self._until:
            return self._grant
        async with self._asking:
            if self.clock() >= self._until:
                found, lifetime = await self._ask()
                found = await self._with_organizations(found)
                # Whatever else answers, such as a firewall: what PostHog has said holds until it says otherwise.
                if found is not UNKNOWN:
                    self._grant = found
                self._until = self.clock() + lifetime
        return self._grant

    async def _with_organizations(self, found: KeyGrant) -> KeyGrant:
        """Add what the key may see of the organizations: how they are named, and what they allow assistants."""
        key = self.posthog.credentials.key
        if key is None or found.scopes is None or found.projects is not None or not found.has("organization:read"):
            return found
        with anyio.move_on_after(_ANSWER_WITHIN_S):
            try:
                path = OPERATIONS["organization_list"].path(CURRENT, None)
                answer = await self.posthog.exchange("GET", path, key, _ANSWER_WITHIN_S)
            except PostHogError:
                return found.with_organizations(self._grant.known)
            except Exception as error:  # noqa: BLE001 - as in `_ask`
                logger.error("asking for the organizations failed unexpectedly: %s", type(error).__name__)  # noqa: TRY400 - as in `_ask`
                return found
            return found.with_organizations(known_organizations(answer))
        return found.with_organizations(self._grant.known)

    async def _ask(self) -> tuple[KeyGrant, float]:
        key = self.posthog.credentials.key
        if key is None or key.other_kind or key.value.reveal().startswith("pha_"):
            return UNKNOWN, _KNOWN_FOR_S
        with anyio.move_on_after(_ANSWER_WITHIN_S):
            try:
                answer = await self.posthog.introspect_key()
            except StatusError as error:
                # An answer, if not the one we hoped for: an older server, or no personal key.
                return UNKNOWN, _UNKNOWN_FOR_S if error.retryable else _KNOWN_FOR_S
            except PostHogError:
                return UNKNOWN, _UNKNOWN_FOR_S
            except Exception as error:  # noqa: BLE001 - a start, and a list of tools, must not fail for this
                logger.error("asking what the key may do failed unexpectedly: %s", type(error).__name__)  # noqa: TRY400 - its text may hold a secret
                return UNKNOWN, _UNKNOWN_FOR_S
            found = KeyGrant.from_introspection(answer)
            # An answer without scopes describes no key, whoever has answered it.
            return (UNKNOWN, _UNKNOWN_FOR_S) if found.scopes is None else (found, _KNOWN_FOR_S)
        return UNKNOWN, _UNKNOWN_FOR_S
