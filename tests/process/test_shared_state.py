"""Two real processes that share a state store: they write one project in turn, and an answer counts at one of them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID, Behaviour, World, seed
from projects_mcp.sandbox.app import create_app
from tests.support.callers import entry, token_of, write_callers
from tests.support.harness import Recorder
from tests.support.redis_server import shared_state
from tests.support.sandbox import RESET
from tests.support.served import HARMLESS, Served, served
from tests.support.upstream import serving

SIGNING_KEY = "a-signing-key-of-more-than-32-bytes-00000000"
ROUNDS = 5


@dataclass
class Slow:
    """PostHog, whose writes take some time, and how many of them were under way at once at the most."""

    world: World = field(default_factory=lambda: seed(behaviour=Behaviour(rate_limits=None)))
    most: int = 0
    origin: str = ""
    _writing: int = 0

    def __post_init__(self) -> None:
        self.recorder = Recorder(create_app(self.world))

    async def around(self, scope: dict[str, Any], answer: Callable[[], Awaitable[None]]) -> None:
        if scope["method"] == "GET":
            await answer()
            return
        self._writing += 1
        self.most = max(self.most, self._writing)
        try:
            await asyncio.sleep(0.05)
            await answer()
        finally:
            self._writing -= 1


CALLERS = (entry("one"), entry("other"), entry("seldom", calls_per_minute=2))


@dataclass
class Shared:
    """Two processes that share a state store, and PostHog behind them."""

    behind: Slow
    servers: tuple[Served, Served]


@contextmanager
def posthog() -> Iterator[Slow]:
    slow = Slow()
    with serving(slow.recorder, slow.around) as upstream:
        slow.origin = upstream.origin
        yield slow


@pytest.fixture(scope="module", params=["sqlite", "redis"])
def processes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    folder = tmp_path_factory.mktemp("shared")
    callers = write_callers(folder / "callers.toml", *CALLERS)
    with posthog() as behind, shared_state(request.param, folder) as state:
        settings = {"POSTHOG_HOST": behind.origin, "PROJECTS_MCP_STATE": state, "PROJECTS_MCP_CALLERS": str(callers)}
        settings["PROJECTS_MCP_SIGNING_KEY"] = SIGNING_KEY
        with served(**HARMLESS, **settings) as one, served(**HARMLESS, **settings) as other:
            yield Shared(behind, (one, other))


@pytest.fixture
def shared(processes: Shared) -> Shared:
    processes.behind.recorder.requests.clear()
    return processes


def write_both(behind: Slow, servers: Iterable[Served]) -> None:
    """Write settings of one project from two threads, and see that no two writes were under way at once."""
    begin = threading.Barrier(2)

    def write(server: Served, name: str) -> list[str]:
        outcomes = []
        begin.wait(30)
        for number in range(ROUNDS):
            text = f"{name} {number}"
            arguments = {"project_id": PRODUCTION_ID, "settings": {"product_description": text}}
            receipt = server.call("project_update", arguments, token_of(name)).result
            outcomes.append(receipt["outcome"])
            assert receipt["changed"]["product_description"]["after"] == text
        return outcomes

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(write, *each) for each in zip(servers, ("one", "other"), strict=True)]
        assert [future.result() for future in running] == [["applied"] * ROUNDS] * 2
    assert len(behind.recorder.writes) == 2 * ROUNDS
    assert behind.most == 1, "writes under way at once"


def test_they_never_write_one_project_at_once(shared: Shared) -> None:
    write_both(shared.behind, shared.servers)


def test_two_callers_of_one_process_do_not_either(tmp_path: Path) -> None:
    callers = write_callers(tmp_path / "callers.toml", *CALLERS)
    settings = {"PROJECTS_MCP_CALLERS": str(callers), "PROJECTS_MCP_STATE": "memory"}
    with posthog() as behind, served(POSTHOG_HOST=behind.origin, **HARMLESS, **settings) as server:
        write_both(behind, (server, server))


def test_the_calls_of_a_minute_are_counted_for_both(shared: Shared) -> None:
    arguments, seldom = {"project_id": PRODUCTION_ID}, token_of("seldom")
    for server in shared.servers:
        assert server.call("project_get", arguments, seldom).result["id"] == PRODUCTION_ID
    for server in shared.servers:
        assert server.call("project_get", arguments, seldom).refusal["kind"] == "too_many_calls"
        assert server.call("project_get", arguments, token_of("one")).result["id"] == PRODUCTION_ID


def test_an_answer_counts_at_one_of_them_and_once(shared: Shared) -> None:
    one, other = shared.servers
    fields, caller = shared.behind.world.projects[MOBILE_ID].fields, token_of("one")
    token = fields["api_token"]
    question = one.call("project_reset_token", RESET, caller, asks=True).question
    assert other.call("project_reset_token", RESET, caller, asks=True, state=question).result["outcome"] == "applied"
    fields["api_token"] = token  # the state that the person was asked about
    for server in (one, other):
        assert server.call("project_reset_token", RESET, caller, asks=True, state=question).question, "it is asked anew"
    assert len(shared.behind.recorder.writes) == 1
