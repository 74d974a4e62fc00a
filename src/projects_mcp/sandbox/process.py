"""Serve the sandbox over HTTP on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.world.state import World

__all__ = ["SandboxServer"]

_HOST = "127.0.0.1"
_ENDS_WITHIN_S = 5


@dataclass(frozen=True)
class SandboxServer:
    """A sandbox that listens on the loopback interface.

    Attributes:
        origin: where it takes requests.
        config: uvicorn's, with the application.
        listener: the socket, which is bound and listens.
    """

    origin: str
    config: uvicorn.Config
    listener: socket.socket

    @classmethod
    def bind(cls, world: World, port: int) -> SandboxServer | None:
        """Bind a port for a world.

        Args:
            world: the state to serve.
            port: from 0 to 65535; 0 takes a free one.

        Returns:
            The server; None if the port is taken, for which uvicorn logs the reason on stderr.
        """
        config = uvicorn.Config(create_app(world), host=_HOST, port=port, log_level="warning", lifespan="off")
        try:
            listener = config.bind_socket()
        except SystemExit:
            return None
        listener.listen()
        return cls(f"http://{_HOST}:{listener.getsockname()[1]}", config, listener)

    def run(self) -> None:
        """Answer requests until the process is interrupted."""
        uvicorn.Server(self.config).run(sockets=[self.listener])

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Answer requests in a thread of its own, until the context is left."""
        server = uvicorn.Server(self.config)
        thread = threading.Thread(target=server.run, args=([self.listener],), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(_ENDS_WITHIN_S)
