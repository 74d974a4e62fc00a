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
    """The one statement that an operation makes about itself. What follows from it is plain data of each member."""

    READ = "read"
    """Changes nothing."""
    ADD = "add"
    """Only adds; what was there stays as it was."""
    CHANGE = "change"
    """Overwrites settings; the former values can be written back."""
    DESTROY = "destroy"
    """Ends something that no call can bring back."""

    def __init__(self, word: str) -> None:
        self.reads: bool = word == "read"
        """Whether it changes nothing, and so may be repeated."""
        self.needs_confirmation: bool = word == "destroy"
        """Whether a call must name its target exactly, and pass the four gates."""
        self.scope: str = "project:read" if self.reads else "project:write"
        """The scope that this server asks of a credential. PostHog itself asks for less in places."""
        self.hints = Hints(
            read_only=self.reads,
            destructive=word in {"change", "destroy"},
            idempotent=word in {"read", "change"},
            open_world=True,
        )
        """The annotations for clients. All tools are open-world: they reach an external service, and return text that
        other people wrote. Not destructive means only additive in the specification, and a change overwrites."""
