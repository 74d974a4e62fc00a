"""Two served applications over one store, in this process: what `test_replicas_one_yes.py` does, small and quick."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from projects_mcp.config.settings import load
from projects_mcp.http.app import create_app
from projects_mcp.http.tenants import Tenants
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID, seed
from projects_mcp.sandbox.app import create_app as create_sandbox
from projects_mcp.state.approvals import Approvals
from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.redis import RedisStore
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StateStore
from tests.support.callers import entry, token_of, write_callers
from tests.support.harness import ENVIRONMENT, Recorder
from tests.support.messages import ACCEPT, MODERN, Answered, calling
from tests.support.redis_server import redis_server
from tests.support.sandbox import RESET

pytestmark = pytest.mark.anyio

SHARED = ("redis", "sqlite")
A_MINUTE = 6


@dataclass
class Slow:
    """PostHog, whose writes take a moment before they have their effect."""

    recorder: Recorder
    writing: int = 0
    most_writing: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            await self.recorder(scope, receive, send)
            return
        self.writing += 1
        self.most_writing = max(self.most_writing, self.writing)
        await anyio.sleep(0.05)
        await self.recorder(scope, receive, send)
        self.writing -= 1


@dataclass
class Replicas:
    """Two applications, as two processes would run them, each with its own connection to the store."""

    kind: str
    folder: Path
    redis: Any = None
    world: Any = field(default_factory=seed)
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.posthog = Slow(Recorder(create_sandbox(self.world)))

    def store(self) -> StateStore:
        if self.kind == "redis":
            return RedisStore(self.redis.address)
        return SqliteStore(self.folder / "state" / "file") if self.kind == "sqlite" else MemoryStore()

    @asynccontextmanager
    async def running(self, **environment: str) -> AsyncIterator["Replicas"]:
        callers = write_callers(self.folder / "callers.toml", entry("ada"), entry("few", calls_per_minute=A_MINUTE))
        given = {
            **ENVIRONMENT,
            "PROJECTS_MCP_CALLERS": str(callers),
            "PROJECTS_MCP_SIGNING_KEY": "key" * 16,
            **environment,
        }
        settings = load(given)
        async with AsyncExitStack() as stack:
            for _ in range(2):
                tenants = Tenants(settings, given, self.posthog, self.store())
                stack.push_async_callback(tenants.default_runner.aclose)
                app = create_app(tenants, settings.serving, "127.0.0.1", 8787)
                await stack.enter_async_context(app.lifespan_context(app))
                http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8787")
                self.clients.append(await stack.enter_async_context(http))
            yield self

    async def call(
        self, side: int, tool: str, arguments: dict[str, Any], caller: str = "ada", **round_: Any
    ) -> Answered:
        headers = {
            "Accept": ACCEPT,
            "Authorization": f"Bearer {token_of(caller)}",
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
        }
        answer = await self.clients[side].post("/mcp", json=calling(tool, arguments, **round_), headers=headers)
        return Answered(answer.status_code, dict(answer.headers), answer.content)

    async def both(self, tool: str, arguments: dict[str, Any], **round_: Any) -> list[Answered]:
        answers: dict[int, Answered] = {}

        async def one(side: int) -> None:
            answers[side] = await self.call(side, tool, arguments, **round_)

        async with anyio.create_task_group() as group:
            group.start_soon(one, 0)
            group.start_soon(one, 1)
        return [answers[0], answers[1]]

    @property
    def fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = self.world.projects[MOBILE_ID].fields
        return fields

    @property
    def writes(self) -> int:
        return len(self.posthog.recorder.writes)


@pytest.fixture
def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Replicas]:
    if request.param != "redis":
        yield Replicas(request.param, tmp_path)
        return
    with redis_server(tmp_path / "redis") as server:
        yield Replicas(request.param, tmp_path, server)


def applied(answers: list[Answered]) -> int:
    results = [answer.json["result"] for answer in answers]
    return sum(result.get("structuredContent", {}).get("outcome") == "applied" for result in results)


# The tests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("replicas", SHARED, indirect=True)
async def test_a_yes_counts_once_over_both(replicas: Replicas) -> None:
    async with replicas.running():
        for number in range(4):
            former, before = dict(replicas.fields), replicas.writes
            asked = await replicas.call(number % 2, "project_reset_token", RESET, asks=True)
            said: dict[str, Any] = {"asks": True, "state": asked.question}
            assert applied(await replicas.both("project_reset_token", RESET, **said)) == 1
            for side in (0, 1):
                replicas.fields.update(former)
                assert (await replicas.call(side, "project_reset_token", RESET, **said)).question, "it is asked anew"
            assert replicas.writes == before + 1


@pytest.mark.parametrize("replicas", SHARED, indirect=True)
async def test_after_a_no_at_one_a_yes_at_the_other_does_nothing(replicas: Replicas) -> None:
    async with replicas.running():
        asked = await replicas.call(0, "project_reset_token", RESET, asks=True)
        no = await replicas.call(0, "project_reset_token", RESET, asks=True, state=asked.question, says="decline")
        assert no.refusal["kind"] in {"client_refused", "not_confirmed"}
        yes = await replicas.call(1, "project_reset_token", RESET, asks=True, state=asked.question)
        assert yes.question
        assert replicas.writes == 0


@pytest.mark.parametrize("replicas", ["memory"], indirect=True)
async def test_without_a_store_that_they_share_each_counts_the_yes(replicas: Replicas) -> None:
    """Why several replicas need one. It also shows that the tests above can fail."""
    async with replicas.running():
        asked = await replicas.call(0, "project_reset_token", RESET, asks=True)
        both = await replicas.both("project_reset_token", RESET, asks=True, state=asked.question)
        assert (applied(both), replicas.writes) == (2, 2)


@pytest.mark.parametrize("replicas", SHARED, indirect=True)
async def test_an_approval_that_one_offers_is_used_once_at_either(replicas: Replicas) -> None:
    async with replicas.running(PROJECTS_MCP_CONFIRMATION="human"):
        former = dict(replicas.fields)
        refusal = (await replicas.call(0, "project_reset_token", RESET)).refusal
        assert applied(await replicas.both("project_reset_token", RESET)) == 0, "nobody has decided yet"
        store = replicas.store()  # of a third process
        approvals = Approvals(store)
        seen = await approvals.find(refusal["approval"]["code"])
        assert seen
        await approvals.decide(seen, granted=True, channel="terminal")
        await store.aclose()
        assert applied(await replicas.both("project_reset_token", RESET)) == 1
        replicas.fields.update(former)
        assert applied(await replicas.both("project_reset_token", RESET)) == 0
        assert replicas.writes == 1


@pytest.mark.parametrize("replicas", SHARED, indirect=True)
async def test_writers_take_turns_and_calls_come_out_of_one_allowance(replicas: Replicas) -> None:
    done: list[dict[str, Any]] = []

    async def write(number: int) -> None:
        arguments = {"project_id": PRODUCTION_ID, "settings": {"product_description": f"mark {number}"}}
        done.append((await replicas.call(number % 2, "project_update", arguments)).result)

    async with replicas.running():
        async with anyio.create_task_group() as group:
            for number in range(6):
                group.start_soon(write, number)
        assert replicas.posthog.most_writing == 1
        changes = [result["changed"]["product_description"] for result in done]
        assert len({change["before"] for change in changes}) == 6, "each has read what the one before it wrote"
        answers = [
            await replicas.call(number % 2, "project_get", {"project_id": MOBILE_ID}, "few")
            for number in range(2 * A_MINUTE)
        ]
        refused = [answer for answer in answers if answer.json["result"].get("isError")]
        assert A_MINUTE - 1 <= len(refused) <= A_MINUTE
        assert {answer.refusal["kind"] for answer in refused} == {"too_many_calls"}
