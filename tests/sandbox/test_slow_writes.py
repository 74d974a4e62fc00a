"""Writes that outlast their client: the answer is lost, and the change happens all the same, later or never."""

import time
from collections.abc import Iterator

import httpx
import pytest

from projects_mcp.sandbox import PRODUCTION_ID, READ_WRITE_KEY, Behaviour, SlowWrites, seed
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.world.slow_writes import LONGEST_WAIT_S
from tests.support.sandbox import ACME, PRODUCTION, STAGING, Sandbox
from tests.support.upstream import serving

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("answer", ["502", "503", "504"])
async def test_a_proxy_gives_up_and_the_write_happens_later(sandbox: Sandbox, answer: str) -> None:
    sandbox.play(slow_writes=SlowWrites.parse(f"{answer}:8"))
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"timezone": "Asia/Tokyo"})
    assert (response.status_code, response.headers["content-type"]) == (int(answer), "text/html; charset=utf-8")
    sandbox.clock.pass_(seconds=7)
    assert (await sandbox.get(f"{PRODUCTION}/"))["timezone"] == "Europe/Berlin"
    sandbox.clock.pass_(seconds=30)
    project = await sandbox.get(f"{PRODUCTION}/")
    assert project["timezone"] == "Asia/Tokyo"
    assert project["updated_at"] == "2026-10-05T12:00:08.000000Z", "it happened when it was due"


async def test_a_write_that_never_happens(sandbox: Sandbox) -> None:
    sandbox.play(slow_writes=SlowWrites.parse("504:never"))
    assert (await sandbox.ask("POST", f"{ACME}/", json={"name": "Lost"})).status_code == 504
    sandbox.clock.pass_(hours=5)
    assert (await sandbox.get(f"{ACME}/"))["count"] == 4


@pytest.mark.parametrize(("after_s", "seen_by_the_answer"), [(1, True), (60, False)])
async def test_a_late_answer(sandbox: Sandbox, after_s: float, *, seen_by_the_answer: bool) -> None:
    """The client may wait: the answer is that of the write, or an error if it has not happened by then."""
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        sandbox.clock.pass_(seconds=seconds)

    sandbox.world.sleep = wait
    sandbox.play(slow_writes=SlowWrites("late", after_s, answer_after_s=40))
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"timezone": "Asia/Tokyo"})
    assert waits == [40]
    assert response.status_code == (200 if seen_by_the_answer else 500)
    sandbox.clock.pass_(seconds=20)
    assert (await sandbox.get(f"{PRODUCTION}/"))["timezone"] == "Asia/Tokyo"


async def test_a_write_can_happen_at_once_and_only_its_answer_be_lost(sandbox: Sandbox) -> None:
    sandbox.play(slow_writes=SlowWrites.parse("502:0"))
    assert (await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"timezone": "Asia/Tokyo"})).status_code == 502
    assert (await sandbox.get(f"{PRODUCTION}/"))["timezone"] == "Asia/Tokyo"


async def test_late_writes_happen_in_the_order_of_their_time(sandbox: Sandbox) -> None:
    for after_s, timezone in ((20, "Asia/Tokyo"), (5, "Asia/Seoul")):
        sandbox.play(slow_writes=SlowWrites("504", after_s))
        await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"timezone": timezone})
    sandbox.clock.pass_(seconds=60)
    assert (await sandbox.get(f"{PRODUCTION}/"))["timezone"] == "Asia/Tokyo"
    changes = [entry.changes[0]["after"] for entry in sandbox.world.projects[PRODUCTION_ID].activity[-2:]]
    assert changes == ["Asia/Seoul", "Asia/Tokyo"]


async def test_every_kind_of_write_can_be_late_and_no_read_is(sandbox: Sandbox) -> None:
    sandbox.play(slow_writes=SlowWrites("502", 3))
    assert (await sandbox.ask("POST", f"{ACME}/", json={"name": "Late"})).status_code == 502
    assert (await sandbox.ask("DELETE", f"{STAGING}/")).status_code == 502
    assert (await sandbox.by_session("PATCH", f"{PRODUCTION}/reset_token/")).status_code == 502
    before = await sandbox.get(f"{PRODUCTION}/")
    assert (await sandbox.get(f"{ACME}/"))["count"] == 4
    sandbox.clock.pass_(seconds=3)
    assert (await sandbox.get(f"{ACME}/"))["count"] == 5
    assert (await sandbox.get(f"{STAGING}/"))["is_pending_deletion"] is True
    assert (await sandbox.get(f"{PRODUCTION}/"))["api_token"] != before["api_token"]


async def test_a_late_write_that_is_refused_changes_nothing(sandbox: Sandbox) -> None:
    sandbox.play(slow_writes=SlowWrites("504", 2))
    await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"timezone": "Mars/X"})
    sandbox.clock.pass_(seconds=2)
    assert (await sandbox.get(f"{PRODUCTION}/"))["timezone"] == "Europe/Berlin"
    assert sandbox.world.late == []


async def test_the_writes_that_wait_are_bounded(sandbox: Sandbox) -> None:
    sandbox.play(slow_writes=SlowWrites("502", LONGEST_WAIT_S), rate_limits=None)
    for _ in range(1_010):
        await sandbox.ask("PATCH", f"{PRODUCTION}/", json={})
    assert len(sandbox.world.late) == 1_000


@pytest.mark.parametrize("text", ["", "504", "504:", "504:61", "504:1.5", "504:-1", "500:5", "late", "x:never"])
def test_what_is_not_a_slow_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"an answer is one of|ANSWER:SECONDS|0 to 60 seconds"):
        SlowWrites.parse(text)


@pytest.fixture
def served() -> Iterator[str]:
    """A sandbox on a socket, whose writes are cut off and happen after a second."""
    world = seed(behaviour=Behaviour(slow_writes=SlowWrites("cut", 1)))
    with serving(create_app(world)) as listening:
        yield listening.origin


def test_a_connection_that_is_cut(served: str) -> None:
    headers = {"authorization": f"Bearer {READ_WRITE_KEY}"}
    with httpx.Client(base_url=served, headers=headers) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            client.patch(f"{PRODUCTION}/", json={"timezone": "Asia/Tokyo"})
        assert client.get(f"{PRODUCTION}/").json()["timezone"] == "Europe/Berlin"
        time.sleep(1.1)
        assert client.get(f"{PRODUCTION}/").json()["timezone"] == "Asia/Tokyo"
