"""What a tool does to a project, and everything that follows from it."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import NamedTuple

__all__ = ["Access", "Effect", "Hints"]


class Access(StrEnum):
    """How much the operator allows this server to do."""

    READ = "read"
    WRITE = "write"
    FULL = "full"

    def allows(self, needed: Access) -> bool:
        """Whether this level includes another one."""
        levels = list(Access)
        return levels.index(needed) <= levels.index(self)


class Hints(NamedTuple):
    """The four tool annotations of MCP."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


class Effect(Enum):
    """The one statement a tool makes about itself. No tool states any of its consequences by hand."""

    READ = "read"
    """Changes nothing."""
    ADD = "add"
    """Only adds; what was there stays as it was."""
    CHANGE = "change"
    """Overwrites settings; the former values can be written back."""
    DESTROY = "destroy"
    """Ends something that no call can bring back."""

    @property
    def reads(self) -> bool:
        """Whether it changes nothing, and so may be repeated."""
        return self is Effect.READ

    @property
    def needs_confirmation(self) -> bool:
        """Whether a call must name its target exactly, and pass the four gates."""
        return self is Effect.DESTROY

    @property
    def scope(self) -> str:
        """The scope that this server asks of a credential. PostHog itself asks for less in places."""
        return "project:read" if self.reads else "project:write"

    @property
    def access(self) -> Access:
        """The least access level at which the operator allows it."""
        return {Effect.READ: Access.READ, Effect.DESTROY: Access.FULL}.get(self, Access.WRITE)

    @property
    def hints(self) -> Hints:
        """The annotations for clients.

        All tools are open-world: they reach an external service, and return text that other people wrote.
        """
        return Hints(
            read_only=self.reads,
            destructive=self is Effect.DESTROY,
            idempotent=self in (Effect.READ, Effect.CHANGE),
            open_world=True,
        )
