"""PostHog on a socket, that loses the answer to a write: the write never happens, happens first, or happens later."""

import asyncio
import copy
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

import httpx
from mcp import Client
from mcp_types import CallToolResult

from projects_mcp.config.settings import load
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.runner.build import build_runner
from projects_mcp.sandbox import ADMIN_ID, PRODUCTION_ID, Behaviour, World, seed
from projects_mcp.sandbox.app import create_app
from tests.support.fault_server import PROMISING_500, Exchange, Request, Upstream, listening
from tests.support.harness import ENVIRONMENT, refusal_of

When = Literal["never", "before", "later"]
How = Literal["timeout", "reset", "502", "504", "cut off", "500"]
LOST: tuple[How, ...] = ("timeout", "reset", "502", "504", "cut off")
"""After which PostHog may still be at work. 500 is an answer."""

LATER_S = 0.8
"""After which a write happens that outlasts its client: later than the reading back of these tests."""
_CALL_S = 10.0
_UNTIL_TIMEOUT_S = 1.5
"""For all requests of a call whose write times out, and so what such a test takes."""


@dataclass
class LosingPostHog:
    """The sandbox on a socket. It gives reads their answers, and the one write its fate.

    Attributes:
        when: whether the write happens before its answer is lost, later, or never.
        how: how the answer is lost; "500" is an answer of PostHog's own, that says it failed.
        world: the sandbox.
        skew: how wrong PostHog's clock is.
        meanwhile: what somebody else does while the write is on its way.
    """

    when: When = "before"
    how: How = "timeout"
    world: World = field(default_factory=lambda: seed(behaviour=Behaviour(rate_limits=None)))
    skew: timedelta = timedelta()
    meanwhile: Callable[[], object] = lambda: None
    upstream: Upstream = field(init=False)
    _late: "set[asyncio.Task[Any]]" = field(default_factory=set)

    def __post_init__(self) -> None:
        self._application = create_app(self.world)
        self.upstream = Upstream(fault=self._lose, answer=self._answer, breaks=lambda request: request.method != "GET")

    def state(self) -> str:
        """Everything that a write can change."""
        return repr([(number, one.fields, one.intents) for number, one in sorted(self.world.projects.items())])

    def create(self, name: str, *, owner: bool = False, **fields: Any) -> int:
        """Create a project as somebody else, or as the owner of the key from elsewhere."""
        number = self.world.next_project_id
        self.world.next_project_id += 1
        project = copy.deepcopy(self.world.projects[PRODUCTION_ID])
        created_at = (datetime.now(UTC) + self.skew).isoformat()
        project.fields |= {"id": number, "name": name, "created_at": created_at, **fields}
        self.world.projects[number] = project
        if owner:
            self.world.users[ADMIN_ID].current_project_id = number
        return number

    async def settle(self) -> None:
        """Wait until whatever happens later has happened."""
        await asyncio.gather(*self._late)

    async def _answer(self, exchange: Exchange) -> None:
        status, body = await self._pass_on(exchange.request)
        date = format_datetime(datetime.now(UTC) + self.skew, usegmt=True)
        await exchange.answer(status, body, {"Date": date})

    async def _lose(self, exchange: Exchange) -> None:
        status, body = 0, b""
        self.meanwhile()
        if self.when == "before":
            status, body = await self._pass_on(exchange.request)
            assert status < 300, body
        elif self.when == "later":
            self._late.add(asyncio.create_task(self._pass_on_later(exchange.request)))
        if self.how == "timeout":
            await exchange.reader.read()  # until the client has given up
        elif self.how == "reset":
            exchange.reset()
        elif self.how == "cut off":
            await exchange.raw(PROMISING_500 + b'{"id": 1')
            exchange.reset()
        elif self.how == "500":
            failed = {"type": "server_error", "code": "error", "detail": "A server error occurred.", "attr": None}
            await exchange.answer(500, failed)
        else:
            await exchange.answer(int(self.how), b"<html>Bad gateway</html>", {"Content-Type": "text/html"})

    async def _pass_on_later(self, request: Request) -> None:
        await asyncio.sleep(LATER_S + (_UNTIL_TIMEOUT_S if self.how == "timeout" else 0))
        await self._pass_on(request)  # what somebody else has done meanwhile may make it fail

    async def _pass_on(self, request: Request) -> tuple[int, bytes]:
        transport = httpx.ASGITransport(self._application)
        async with httpx.AsyncClient(transport=transport, base_url=self.upstream.origin) as client:
            headers = {name: value for name, value in request.headers.items() if name != "host"}
            answer = await client.request(request.method, request.path, headers=headers, content=request.body)
            return answer.status_code, answer.content


@asynccontextmanager
async def losing(posthog: LosingPostHog, **environment: str) -> AsyncIterator[Client]:
    """Serve it, and yield a client of the real server on it."""
    async with listening(posthog.upstream) as upstream:
        configured = load({**ENVIRONMENT, **environment, "POSTHOG_HOST": upstream.origin})
        call_s = _UNTIL_TIMEOUT_S if posthog.how == "timeout" else _CALL_S
        limits = configured.limits._replace(call_s=call_s, second_look_s=0.01)
        configured = replace(configured, limits=limits)
        async with Client(ProjectsServer(build_runner(configured)), cache=None) as client:
            yield client
        await posthog.settle()


def unknown_of(result: CallToolResult) -> str:
    """The sentences of a write of which nothing is known, checked to say when to look again."""
    text, detail = refusal_of(result)
    assert (detail["outcome"], detail["retry_after_s"], detail["retryable"]) == ("unknown", 120, False), text
    assert re.search(r" after \d\d:\d\d:\d\d UTC, and do not repeat anything before\.$", text)
    return text


def found_of(text: str) -> list[int]:
    """The projects that the sentences name as possibly created, each beside a doubt whose it is."""
    one = re.search(r"Project (\d+) has that name and [^:]+\. It may be yours, or somebody else's: ", text)
    several = re.search(r" are new\. Any of them may be of this call, or none: ([\d, ]+)\.", text)
    found = one or several
    return [int(number) for number in found[1].split(", ")] if found else []
