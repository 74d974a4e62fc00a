"""The refusals of PostHog that are remembered, so that it is not asked again in vain."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from projects_mcp.api.operations import Operation
from projects_mcp.api.types import OrganizationRef, ProjectRef
from projects_mcp.errors.forbidden import Memory
from projects_mcp.errors.refusals import RememberedDenial
from projects_mcp.errors.rejected import Forbidden

__all__ = ["REMEMBERED_FOR_S", "RememberedDenials"]

REMEMBERED_FOR_S: Final = 90.0
"""Long enough to spare PostHog a model that tries again at once, and short enough for whoever mends the key."""
_MOST_REMEMBERED: Final = 1_000

_Key: TypeAlias = tuple[str, OrganizationRef | None, ProjectRef | None]


class RememberedDenials(dict[_Key, tuple[Forbidden, float]]):
    """What PostHog has refused to one credential, and until when. Bounded, and forgotten after 90 seconds.

    Args:
        clock: seconds that never go back, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.clock = clock

    def find(
        self, operation: Operation, organization: OrganizationRef | None = None, project: ProjectRef | None = None
    ) -> RememberedDenial | None:
        """Return PostHog's refusal of an operation, if it is still remembered for the key or for this target."""
        for key in ((operation.tool, None, None), (operation.tool, organization, project)):
            known = self.get(key)
            if known is not None:
                error, until = known
                if (left_s := until - self.clock()) > 0:
                    return RememberedDenial(error=error, left_s=math.ceil(left_s))
                del self[key]
        return None

    def remember(
        self,
        operation: Operation,
        organizations: Iterable[OrganizationRef],
        project: ProjectRef | None,
        error: Forbidden,
    ) -> None:
        """Remember that PostHog refused, for as much as the cause says.

        Args:
            operation: the operation that was refused.
            organizations: all names by which the organization of the request is known.
            project: the project of the request.
            error: what PostHog answered.
        """
        memory = error.cause.memory
        if memory is Memory.NOT_AT_ALL:
            return
        if len(self) >= _MOST_REMEMBERED:
            self.clear()
        until = self.clock() + REMEMBERED_FOR_S
        if memory is Memory.FOR_THE_KEY:
            self[operation.tool, None, None] = (error, until)
            return
        for organization in organizations:
            self[operation.tool, organization, project] = (error, until)
