"""An upstream on a real socket of this machine, for what needs a process or a network."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import uvicorn

from projects_mcp.posthog.pool import ASGIApplication

Around = Callable[[dict[str, Any], Callable[[], Awaitable[None]]], Awaitable[None]]


@dataclass
class Upstream:
    """Where it listens, and what it was asked."""

    origin: str = ""
    requests: list[str] = field(default_factory=list)


@contextmanager
def serving(
    application: ASGIApplication, around: Around | None = None, lifespan: Literal["on", "off"] = "off"
) -> Iterator[Upstream]:
    """Serve an application on loopback while the block runs.

    `around` may delay or drop a request: it is given the scope and a function that lets the application answer.
    `lifespan` is "on" for an application that must be started.
    """
    upstream = Upstream()

    async def recorded(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await application(scope, receive, send)
            return
        upstream.requests.append(f"{scope['method']} {scope['path']}")

        async def answer() -> None:
            await application(scope, receive, send)

        await (around(scope, answer) if around else answer())

    # No configuration of logs: while one server sets its own up, another one would write into it.
    config = uvicorn.Config(
        recorded, host="127.0.0.1", port=0, log_config=None, log_level="critical", lifespan=lifespan, ws="none"
    )
    server = uvicorn.Server(config)
    with config.bind_socket() as listener:
        listener.listen(128)
        upstream.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
        thread.start()
        try:
            yield upstream
        finally:
            server.should_exit = server.force_exit = True
            thread.join(timeout=10)
