"""`projects-mcp sandbox`: serve the sandbox on this machine, for other clients of PostHog's API."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from projects_mcp.cli.exit_codes import DONE, FAILED
from projects_mcp.cli.terminal import say
from projects_mcp.sandbox.fleet import add_fleet
from projects_mcp.sandbox.process import SandboxServer
from projects_mcp.sandbox.seed import seed
from projects_mcp.sandbox.versions import CURRENT, VERSIONS
from projects_mcp.sandbox.world.behaviour import Behaviour
from projects_mcp.sandbox.world.slow_writes import SlowWrites
from projects_mcp.sandbox.world.state import World
from projects_mcp.sandbox.world_file import WorldFileError, read_world

__all__ = ["UsageError", "run_sandbox"]


class UsageError(Exception):
    """An option cannot be used. The text is one sentence."""


def run_sandbox(
    port: int,
    *,
    version: str | None = None,
    world_file: str | None = None,
    slow_writes: str | None = None,
    projects: int = 0,
) -> int:
    """Serve a new sandbox until interrupted. Print its address and its credentials on stderr.

    Args:
        port: of 127.0.0.1, from 0 to 65535; 0 takes a free one.
        version: the PostHog that it plays, by its name; None for the newest.
        world_file: the path of a document with its world; None for the sandbox's own.
        slow_writes: what becomes of writes, such as `504:8`; None for nothing special.
        projects: how many more the sandbox's own world has, from 0 to 2,000.

    Returns:
        The exit code: `FAILED` if the port is taken.

    Raises:
        UsageError: an option cannot be used.
    """
    played = version or CURRENT
    behaviour = _choose_behaviour(played, slow_writes)
    try:
        world = seed(behaviour=behaviour) if world_file is None else read_world(Path(world_file), behaviour)
    except WorldFileError as error:
        raise UsageError(str(error)) from None
    if projects and world_file is not None:
        raise UsageError("--projects adds to the sandbox's own world, and --world replaces it")
    if projects:
        add_fleet(world, projects)
    server = SandboxServer.bind(world, port)
    if server is None:
        return FAILED
    say(f"The sandbox is PostHog ({played}) at {server.origin}", error=True)
    _print_credentials(world)
    server.run()
    return DONE


def _choose_behaviour(version: str, slow_writes: str | None) -> Behaviour:
    behaviour = VERSIONS.get(version.lower())
    if behaviour is None:
        raise UsageError(f"--posthog is one of {', '.join(VERSIONS)}")
    if slow_writes is None:
        return behaviour
    try:
        return dataclasses.replace(behaviour, slow_writes=SlowWrites.parse(slow_writes))
    except ValueError as error:
        raise UsageError(f"--slow-writes: {error}") from None


def _print_credentials(world: World) -> None:
    for key in world.api_keys.values():
        scopes = "no scopes" if not key.scopes else ", ".join(key.scopes)
        say(f"  {key.value}  {key.label}: {scopes}", error=True)
    for session in world.sessions.values():
        say(f"  session id {session.id} with CSRF token {session.csrf_token}", error=True)
