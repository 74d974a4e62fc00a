"""The sandbox as PostHog on a socket, behind a recorder, with what a test does to a request on its way."""

import asyncio
import copy
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from projects_mcp.sandbox import Behaviour, World, seed
from projects_mcp.sandbox.app import create_app
from tests.support.harness import Recorder
from tests.support.upstream import serving


@dataclass
class Upstream:
    """The sandbox on a socket, what it was asked, and what a test does to a request on its way there."""

    world: World
    recorder: Recorder
    origin: str = ""
    delay: Callable[[dict[str, Any]], float] = lambda _scope: 0.0
    refuse: Callable[[dict[str, Any]], int] = lambda _scope: 0
    arrived: threading.Event = field(default_factory=threading.Event)
    """Set when a request that is delayed has come."""
    _test: int = 0
    _seeded: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._seeded = copy.deepcopy({one.name: getattr(self.world, one.name) for one in fields(self.world)})

    @property
    def keys(self) -> set[str]:
        """Which keys every request so far has carried."""
        every = self.recorder.requests + self.recorder.inquiries
        return {request.headers["authorization"][7:] for request in every if "authorization" in request.headers}

    @property
    def everything(self) -> str:
        return repr(self.recorder.requests + self.recorder.inquiries)

    def forget(self) -> None:
        """Be as new."""
        self._test += 1
        for name, value in copy.deepcopy(self._seeded).items():
            setattr(self.world, name, value)
        self.recorder.requests.clear()
        self.recorder.inquiries.clear()
        self.delay, self.refuse = (lambda _scope: 0.0), (lambda _scope: 0)
        self.arrived.clear()


@contextmanager
def posthog() -> Iterator[Upstream]:
    world = seed(behaviour=Behaviour(rate_limits=None))
    recorder = Recorder(create_app(world))
    upstream = Upstream(world, recorder)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        status = upstream.refuse(scope)
        if status:
            headers = [(b"content-type", b"application/json"), (b"retry-after", b"50")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            detail = b'{"detail": "API key does not have access to the requested project: ID 1."}'
            await send({"type": "http.response.body", "body": detail})
        else:
            await recorder(scope, receive, send)

    async def around(scope: dict[str, Any], answer: Callable[[], Awaitable[None]]) -> None:
        seconds = upstream.delay(scope)
        if seconds:
            test = upstream._test  # noqa: SLF001 - a late request of one test is none of the next
            upstream.arrived.set()
            await asyncio.sleep(seconds)
            if upstream._test != test:  # noqa: SLF001 - as above
                return
        await answer()

    with serving(application, around) as listening:
        upstream.origin = listening.origin
        yield upstream


def key_of(scope: Mapping[str, Any]) -> str:
    """The key that a request carries."""
    return str(dict(scope["headers"]).get(b"authorization", b"").decode()).removeprefix("Bearer ")


def writing(scope: Mapping[str, Any]) -> bool:
    return bool(scope["method"] != "GET")
