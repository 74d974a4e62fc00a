"""While the state store is away, all reading goes on, and nothing is changed: each tool, with each store."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp.sandbox import PRODUCTION_ID
from projects_mcp.state.redis import RedisStore
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StateStore
from tests.contract.operations import ARGUMENTS, READS, WRITES, prepare
from tests.support.harness import ERAS, Ask, Era, Harness, body_of, refusal_of
from tests.support.redis_server import redis_server

pytestmark = pytest.mark.anyio

PREVIEW = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Asia/Tokyo"}, "dry_run": True}
LAST = ("project_change_organization", "project_delete")
"""After these the project is elsewhere, or gone."""


@dataclass
class Breakable:
    """A store that a test takes away and gives back."""

    store: StateStore
    take_away: Callable[[], None]
    give_back: Callable[[], None]
    says: str


def damaged(folder: Path) -> Breakable:
    file, kept = folder / "state" / "file", folder / "kept"

    def take_away() -> None:
        shutil.copyfile(file, kept)
        file.write_bytes(b"no database of ours " * 2_000)

    def give_back() -> None:
        shutil.copyfile(kept, file)

    return Breakable(SqliteStore(file), take_away, give_back, "damaged")


def unreadable(folder: Path) -> Breakable:
    file = folder / "state" / "file"

    def take_away() -> None:
        file.rename(folder / "kept")
        file.mkdir()

    def give_back() -> None:
        file.rmdir()
        (folder / "kept").rename(file)

    return Breakable(SqliteStore(file), take_away, give_back, "no ordinary file")


def without_its_folder(folder: Path) -> Breakable:
    state = folder / "state"

    def take_away() -> None:
        state.rename(folder / "kept")
        state.write_text("in the way")

    def give_back() -> None:
        state.unlink()
        (folder / "kept").rename(state)

    return Breakable(SqliteStore(state / "file"), take_away, give_back, "folder")


@pytest.fixture(params=["damaged", "unreadable", "without its folder", "redis"])
def breakable(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Breakable]:
    if request.param == "redis":
        with redis_server(tmp_path) as server:
            yield Breakable(RedisStore(server.address), server.stop, server.start, "cannot be reached")
    else:
        make = {"damaged": damaged, "unreadable": unreadable, "without its folder": without_its_folder}[request.param]
        yield make(tmp_path)


async def nobody(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    raise AssertionError("nobody is asked for what cannot be done")


async def yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"confirm": True})


@pytest.mark.parametrize("ask", [None, nobody], ids=["cannot ask", "can ask"])
@pytest.mark.parametrize("era", ERAS)
async def test_reading_goes_on_and_whatever_changes_anything_is_refused(
    breakable: Breakable, era: Era, ask: Ask | None
) -> None:
    harness = Harness(store=breakable.store)
    async with harness.client(era, ask) as client:
        await refuse_all(client, harness, breakable)


async def refuse_all(client: Client, harness: Harness, breakable: Breakable) -> None:
    await breakable.store.probe()  # it has been used before
    breakable.take_away()
    for tool in READS:
        body_of(await client.call_tool(tool, ARGUMENTS[tool]))
    assert body_of(await client.call_tool("project_update", PREVIEW))["outcome"] == "preview"
    before = len(harness.recorder.requests)
    for tool in WRITES:
        text, detail = refusal_of(await client.call_tool(tool, ARGUMENTS[tool]))
        assert (detail["kind"], detail["outcome"]) == ("state_unavailable", "not_applied"), tool
        assert detail["retryable"]
        assert breakable.says in text
        assert "Nothing was changed" in text
        assert "Reading still works" in text
    assert len(harness.recorder.requests) == before, "no request has left"
    await breakable.store.aclose()


async def test_all_of_it_works_again_when_the_store_is_back(breakable: Breakable) -> None:
    harness = Harness(store=breakable.store)
    async with harness.client("auto", yes) as client:
        await refuse_all(client, harness, breakable)
        breakable.give_back()
        for tool in [tool for tool in WRITES if tool not in LAST]:
            prepare(harness.world, tool)
            body_of(await client.call_tool(tool, ARGUMENTS[tool]))
    for tool in LAST:
        again = Harness(store=breakable.store)
        prepare(again.world, tool)
        async with again.client("auto", yes) as client:
            body_of(await client.call_tool(tool, ARGUMENTS[tool]))
        assert len(again.recorder.writes) == 1
    assert len(harness.recorder.writes) == len(WRITES) - len(LAST)
    await breakable.store.aclose()
