"""Plans through the public door: previewed, agreed to, and applied call by call, by whatever process is alive."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sandbox import World
from projects_mcp.state.store import StateStore, StoreError
from tests.support.fleets import TurnedClock
from tests.support.harness import Recorder, body_of


async def agree(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"confirm": True})


@dataclass
class Asked:
    """A person who agrees, and remembers each question."""

    questions: list[str] = field(default_factory=list)

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.questions.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True})


async def previewed(client: Client, clock: TurnedClock, /, **arguments: Any) -> list[dict[str, Any]]:
    """All answers of a preview, each call made when the last one says; the last one has the plan."""
    answers: list[dict[str, Any]] = []
    while not answers or "projects" not in answers[-1]:
        if answers:
            clock.now_s += answers[-1].get("retry_after_s", 0)
        answers.append(body_of(await client.call_tool("project_update", {**arguments, "dry_run": True})))
        assert len(answers) < 100
    return answers


def consent_to(preview: dict[str, Any]) -> dict[str, Any]:
    return {"plan": preview["plan"], "confirm_plan": preview["confirm_plan"]}


async def applied(client: Client, clock: TurnedClock, preview: dict[str, Any]) -> list[dict[str, Any]]:
    """All answers of a plan that is applied, until nothing is left or it has stopped."""
    answers: list[dict[str, Any]] = []
    while not answers or (answers[-1]["left"] and "stopped" not in answers[-1]):
        if answers:
            clock.now_s += answers[-1].get("retry_after_s", 0)
        answers.append(body_of(await client.call_tool("project_update", consent_to(preview))))
        assert len(answers) < 100
    return answers


def ids_of(ranges: str) -> set[int]:
    """Read `applied_ids`."""
    found: set[int] = set()
    for part in filter(None, ranges.split(", ")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def settings_of(world: World) -> dict[int, dict[str, Any]]:
    """All settings of all projects, by a direct look at the world."""
    return {
        number: {name: deepcopy(project.fields[name]) for name in SETTINGS if name in project.fields}
        for number, project in world.projects.items()
    }


def differences(before: dict[int, dict[str, Any]], after: dict[int, dict[str, Any]]) -> dict[int, set[str]]:
    """Which settings differ, as PostHog compares them, by project."""
    found = {
        number: {name for name in fields if not SETTINGS[name].same(fields[name], after[number].get(name))}
        for number, fields in before.items()
    }
    return {number: names for number, names in found.items() if names}


def writes_by_project(recorder: Recorder) -> dict[int, int]:
    """How many requests that change something reached each project."""
    found: dict[int, int] = {}
    for request in recorder.writes:
        number = int(request.path.rstrip("/").rpartition("/")[2])
        found[number] = found.get(number, 0) + 1
    return found


class MortalStore(StateStore):
    """The store as one process sees it: once that is dead, nothing of it reaches the file any more."""

    shared = True

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self.dead = False

    def _alive(self) -> StateStore:
        if self.dead:
            raise StoreError("the process is dead")
        return self._store

    async def get(self, key: str) -> str | None:
        return await self._alive().get(key)

    async def add(self, key: str, value: str, for_s: float) -> bool:
        return await self._alive().add(key, value, for_s)

    async def replace(self, key: str, old: str, new: str | None, for_s: float | None = None) -> bool:
        return await self._alive().replace(key, old, new, for_s)

    async def find(self, prefix: str, most: int) -> list[tuple[str, str]]:
        return await self._alive().find(prefix, most)

    async def take(self, key: str, count: int, window_s: float, amount: int = 1) -> float:
        return await self._alive().take(key, count, window_s, amount)

    async def probe(self) -> None:
        await self._alive().probe()

    async def aclose(self) -> None:
        await self._store.aclose()
