"""How much the operator allows this server to do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from projects_mcp.api.effects import Effect

__all__ = ["NEEDED_ACCESS", "Access"]


class Access(StrEnum):
    """An access level. Each includes those before it."""

    READ = "read"
    WRITE = "write"
    FULL = "full"

    def allows(self, needed: Access) -> bool:
        """Whether this level includes another one."""
        levels = list(Access)
        return levels.index(needed) <= levels.index(self)


NEEDED_ACCESS: Final[Mapping[Effect, Access]] = {
    Effect.READ: Access.READ,
    Effect.ADD: Access.WRITE,
    Effect.CHANGE: Access.WRITE,
    Effect.DESTROY: Access.FULL,
}
"""The least access level at which the operator allows an effect."""
