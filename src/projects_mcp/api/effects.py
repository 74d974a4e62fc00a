"""The effect of a tool on a project, and the facts that follow from it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["Effect", "Hints"]


class Hints(NamedTuple):
    """The four tool annotations of MCP."""

    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool


class Effect(Enum):
    """The one statement that an operation makes about itself. No tool states any of its consequences by hand."""

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
