"""The sandbox as a server of its own, for trying other clients of PostHog's API."""

from __future__ import annotations

import sys

import uvicorn

from projects_mcp.sandbox import seed
from projects_mcp.sandbox.app import create_app

__all__ = ["serve"]


def serve(port: int) -> int:
    """Serve a new sandbox on this machine until interrupted.

    Args:
        port: where to listen on 127.0.0.1; 0 takes a free one.

    Returns:
        The exit code of the process: 1 where the port is taken.
    """
    world = seed()
    config = uvicorn.Config(create_app(world), host="127.0.0.1", port=port, log_level="warning", lifespan="off")
    try:
        listener = config.bind_socket()
    except SystemExit:  # uvicorn has said why
        return 1
    listener.listen()
    print(f"The sandbox is PostHog at http://127.0.0.1:{listener.getsockname()[1]}", file=sys.stderr)
    for key in world.api_keys.values():
        print(f"  {key.value}  {key.label}: {', '.join(key.scopes)}", file=sys.stderr)
    for session in world.sessions.values():
        print(f"  session id {session.id} with CSRF token {session.csrf_token}", file=sys.stderr)
    sys.stderr.flush()
    uvicorn.Server(config).run(sockets=[listener])
    return 0
