"""`projects-mcp sandbox`: serve the sandbox on this machine, for other clients of PostHog's API."""

from __future__ import annotations

from projects_mcp.cli.exit_codes import DONE, FAILED
from projects_mcp.cli.terminal import say
from projects_mcp.sandbox.process import SandboxServer
from projects_mcp.sandbox.seed import seed
from projects_mcp.sandbox.world.state import World

__all__ = ["run_sandbox"]


def run_sandbox(port: int) -> int:
    """Serve a new sandbox until interrupted. Print its address and its credentials on stderr.

    Args:
        port: of 127.0.0.1, from 0 to 65535; 0 takes a free one.

    Returns:
        The exit code: `FAILED` if the port is taken.
    """
    world = seed()
    server = SandboxServer.bind(world, port)
    if server is None:
        return FAILED
    say(f"The sandbox is PostHog at {server.origin}", error=True)
    _print_credentials(world)
    server.run()
    return DONE


def _print_credentials(world: World) -> None:
    for key in world.api_keys.values():
        say(f"  {key.value}  {key.label}: {', '.join(key.scopes)}", error=True)
    for session in world.sessions.values():
        say(f"  session id {session.id} with CSRF token {session.csrf_token}", error=True)
