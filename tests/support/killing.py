"""PostHog on a socket at which the process that asks is killed: at one request, at one of three moments."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import anyio

from projects_mcp.config.state_parser import parse_state
from projects_mcp.sandbox import Behaviour, World, seed
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.fleet import add_fleet
from projects_mcp.state.open import open_store
from tests.support.harness import Recorder
from tests.support.plans import settings_of
from tests.support.process import TIMEOUT_S
from tests.support.upstream import serving

Moment = Literal["before it arrives", "before it is answered", "after it is answered"]
MOMENTS: tuple[Moment, ...] = get_args(Moment)

KILLED_AT_STORE = """
import os, signal, sys
from projects_mcp.state.sqlite import SqliteStore
done = 0
def deadly(method):
    async def called(self, key, *rest):
        global done
        done += 1
        if done == int(os.environ["KILLED_AT"]):
            os.kill(os.getpid(), signal.SIGKILL)
        return await method(self, key, *rest)
    return called
for name in ("add", "replace", "take"):
    setattr(SqliteStore, name, deadly(getattr(SqliteStore, name)))
from projects_mcp.cli.main import main
sys.exit(main())
"""
"""The command line, whose process kills itself right before one of the changes that it makes in the store."""


@dataclass
class DeadlyPostHog:
    """A sandbox with a small fleet, which kills whoever makes a certain request.

    Attributes:
        world: of the sandbox.
        origin: where it listens.
        at: requests about projects until the one that kills; None for never.
        moment: when it kills.
        lost: projects whose first write is answered 504 -> whether PostHog has made the change all the same.
        process: what is killed.
        holds_writes: requests that change something wait until it holds them no more.
        asked: method and project of each request about one that has arrived, in their order.
        times: when each of them came, in seconds of the monotonic clock.
    """

    world: World
    recorder: Recorder
    origin: str = ""
    at: int | None = None
    moment: Moment = "before it arrives"
    lost: dict[int, bool] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    holds_writes: bool = False
    asked: list[tuple[str, int]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    _first: dict[int, dict[str, Any]] = field(default_factory=dict)

    def forget(self) -> None:
        """Be as new."""
        self._first = self._first or {number: deepcopy(one.fields) for number, one in self.world.projects.items()}
        for number, fields in self._first.items():
            self.world.projects[number].fields.clear()
            self.world.projects[number].fields.update(deepcopy(fields))
        self.at, self.process, self.lost, self.holds_writes = None, None, {}, False
        self.asked.clear()
        self.times.clear()
        self.recorder.requests.clear()

    @property
    def writes(self) -> dict[int, int]:
        """How many requests that change something have arrived, by project."""
        projects = [project for method, project in self.asked if method != "GET"]
        return {project: projects.count(project) for project in projects}

    def states(self) -> dict[int, dict[str, Any]]:
        return settings_of(self.world)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if "/projects/" not in scope["path"]:
            await self.recorder(scope, receive, send)
            return
        last = scope["path"].rstrip("/").rpartition("/")[2]
        method, project = scope["method"], int(last) if last.isdigit() else 0
        self.asked.append((method, project))
        self.times.append(time.monotonic())
        while method != "GET" and self.holds_writes:  # noqa: ASYNC110 - a test in another thread lets go
            await anyio.sleep(0.01)
        dies = False
        if self.at is not None:
            self.at -= 1
            dies = self.at == 0
        if dies and self.moment == "before it arrives":
            self._kill()
            return
        if method != "GET" and project in self.lost:
            await self._lose(project, scope, receive, send, dies=dies)
            return
        if dies and self.moment == "before it is answered":
            await self.recorder(scope, receive, _unheard)
            self._kill()
            return
        await self.recorder(scope, receive, send)
        if dies:
            self._kill()

    async def _lose(self, project: int, scope: Any, receive: Any, send: Any, *, dies: bool) -> None:
        if self.lost.pop(project):
            await self.recorder(scope, receive, _unheard)
        if dies and self.moment == "before it is answered":
            self._kill()
            return
        await send({"type": "http.response.start", "status": 504, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": b"<html>Gateway timeout</html>"})
        if dies:
            self._kill()

    def _kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(TIMEOUT_S)


async def _unheard(_message: Any) -> None: ...


@contextmanager
def deadly_posthog(projects: int) -> Iterator[DeadlyPostHog]:
    """Serve a sandbox with so many projects more while the block runs."""
    world = seed(behaviour=Behaviour(rate_limits=None))
    add_fleet(world, projects)
    posthog = DeadlyPostHog(world, Recorder(create_app(world)))
    with serving(posthog) as listening:
        posthog.origin = listening.origin
        yield posthog


def let_leases_run_out(state: Path) -> None:
    """Remove what a killed process still holds in the store, as if its time were over."""

    async def removed() -> None:
        store = open_store(parse_state("PROJECTS_MCP_STATE", str(state)), private=False)
        try:
            for prefix in ("planlease:", "lease:"):
                for key, text in await store.find(prefix, 1_000):
                    await store.replace(key, text, None)
        finally:
            await store.aclose()

    anyio.run(removed)


def was_killed(process: "subprocess.Popen[Any]") -> bool:
    return process.wait(TIMEOUT_S) == -signal.SIGKILL
