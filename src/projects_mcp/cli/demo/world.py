"""The PostHog of the demonstration: the sandbox on a port of this machine, with a plan that lacks a setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from projects_mcp.sandbox import CSRF_TOKEN, READ_WRITE_KEY, SESSION_ID, SlowWrites, World, seed
from projects_mcp.sandbox.fleet import add_fleet
from projects_mcp.sandbox.process import SandboxServer

__all__ = ["PLAN_LACKS", "PlayedPostHog", "played_posthog"]

PLAN_LACKS: Final = "capture_dead_clicks"
"""The setting that this PostHog leaves out without an error, as one does whose plan lacks the feature."""
_CUT_OFF: Final = SlowWrites("cut", effect_after_s=0)


@dataclass(frozen=True)
class PlayedPostHog:
    """A sandbox that is served.

    Attributes:
        origin: where it takes requests.
        world: its state.
    """

    origin: str
    world: World

    @property
    def credentials(self) -> Mapping[str, str]:
        """What a server needs to work with it: its address, a key, and a browser session."""
        return {
            "POSTHOG_HOST": self.origin,
            "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
            "POSTHOG_SESSION_ID": SESSION_ID,
            "POSTHOG_CSRF_TOKEN": CSRF_TOKEN,
        }

    def add_projects(self, count: int) -> None:
        """Add projects as of many customers."""
        add_fleet(self.world, count)

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        """Carry out each change, and cut off the answer to it."""
        usual = self.world.behaviour
        self.world.behaviour = replace(usual, slow_writes=_CUT_OFF)
        try:
            yield
        finally:
            self.world.behaviour = usual


@contextmanager
def played_posthog() -> Iterator[PlayedPostHog]:
    """Serve a new one on a free port of this machine until the context is left.

    Raises:
        OSError: no port can be had.
    """
    world = seed()
    world.behaviour = replace(world.behaviour, ignored_fields=frozenset({PLAN_LACKS}))
    server = SandboxServer.bind(world, 0)
    if server is None:
        raise OSError("no port of this machine can be had")
    server.config.log_level = "critical"  # an answer that is cut off is meant to be
    server.config.configure_logging()
    with server.beside():
        yield PlayedPostHog(server.origin, world)
