"""How much the operator allows this server to do."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from projects_mcp.api.effects import Effect

__all__ = ["ALLOWED_EFFECTS", "NEEDED_ACCESS", "Access"]


class Access(StrEnum):
    """An access level. Each includes those before it."""

    READ = "read"
    WRITE = "write"
    FULL = "full"


NEEDED_ACCESS: Final[Mapping[Effect, Access]] = {
    Effect.READ: Access.READ,
    Effect.ADD: Access.WRITE,
    Effect.CHANGE: Access.WRITE,
    Effect.DESTROY: Access.FULL,
}
"""The least access level at which the operator allows an effect."""

ALLOWED_EFFECTS: Final[Mapping[Access, frozenset[Effect]]] = {
    level: frozenset(effect for effect, needed in NEEDED_ACCESS.items() if list(Access).index(needed) <= rank)
    for rank, level in enumerate(Access)
}
"""The effects that each access level allows."""
