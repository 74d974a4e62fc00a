"""Many projects, a clock that a test turns, and a PostHog that fails at some of them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from mcp import Client

from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.sandbox import ACME_ID, READ_WRITE_KEY, World, seed
from projects_mcp.sandbox.fleet import add_fleet
from tests.support.harness import body_of


@dataclass
class TurnedClock:
    """A clock that stands still, but for what a test adds: for the sandbox and for the windows of a key alike."""

    now_s: float = 1_790_000_000.0
    _began: datetime = field(default=datetime(2026, 9, 21, 13, 33, 20, tzinfo=UTC))

    def seconds(self) -> float:
        return self.now_s

    def time(self) -> datetime:
        return self._began + timedelta(seconds=self.now_s - 1_790_000_000.0)

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("projects_mcp.state.sliding_windows.wall_clock", self.seconds)


def fleet_world(clock: TurnedClock, projects: int) -> World:
    world = seed(clock=clock.time)
    add_fleet(world, projects)
    return world


def of_acme(world: World, name: str) -> dict[int, Any]:
    """A setting of all projects of Acme, by a direct look at the world."""
    return {
        number: project.fields[name]
        for number, project in sorted(world.projects.items())
        if project.fields["organization"] == ACME_ID
    }


async def audit_whole(client: Client, clock: TurnedClock, /, **arguments: Any) -> list[dict[str, Any]]:
    """All answers of an audit, each call made when the last one says."""
    answers: list[dict[str, Any]] = []
    while not answers or "next_offset" in answers[-1]:
        if answers:
            clock.now_s += answers[-1].get("retry_after_s", 0)
            arguments["offset"] = answers[-1]["next_offset"]
        answers.append(body_of(await client.call_tool("project_list", arguments)))
        assert len(answers) < 100
    return answers


def summed(answers: list[dict[str, Any]], name: str) -> dict[str, int]:
    """How often each value of a setting was found, over several answers."""
    whole: dict[str, int] = {}
    for answer in answers:
        for value, number in answer["counts"].get(name, {}).items():
            whole[value] = whole.get(value, 0) + number
    return whole


def busiest(world: World, window_s: float, key: str = READ_WRITE_KEY) -> int:
    """The most requests that PostHog has counted for a key within any window of a length."""
    times = sorted(moment.timestamp() for moment in world.requests.get(key, ()))
    return max((sum(first <= other < first + window_s for other in times) for first in times), default=0)


@dataclass
class FailingAt:
    """Answers some paths by itself, and leaves the others to PostHog.

    Attributes:
        application: PostHog.
        answers: the end of a path -> status, body and headers.
        before: is told each path before it is answered.
        after_s: seconds before an answer of its own.
    """

    application: ASGIApplication
    answers: Mapping[str, tuple[int, Any, Mapping[str, str]]] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _path: None
    after_s: float = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.before(scope["path"])
        found = next((answer for end, answer in self.answers.items() if scope["path"].endswith(end)), None)
        if found is None:
            await self.application(scope, receive, send)
            return
        status, body, more = found
        await anyio.sleep(self.after_s)
        headers = [(b"content-type", b"application/json"), *((k.encode(), v.encode()) for k, v in more.items())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})
