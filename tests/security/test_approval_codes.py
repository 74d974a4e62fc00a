"""The codes of approvals: wrong ones, those whose time is over, and whoever searches for one."""

import gc
import sys

import anyio
import pytest

from projects_mcp.state.codes import new_code
from projects_mcp.state.memory import MemoryStore
from tests.support.approval_desk import Desk
from tests.support.approval_page import assert_kept_apart, read

pytestmark = pytest.mark.anyio


async def test_a_code_that_is_over_is_as_unknown_as_any() -> None:
    desk = Desk()
    code, _ = await desk.offer()
    form = await desk.form(code)
    desk.now += 901
    over, wrong, none = [await desk.ask("GET", f"/approve/{it}") for it in (code, new_code(), "%3Cscript%3E")]
    assert over.status_code == wrong.status_code == none.status_code == 404
    assert over.text == wrong.text == none.text
    assert_kept_apart(over.headers)
    answer = await desk.send(code, form)
    assert (answer.status_code, await desk.status(code)) == (404, "gone")


async def test_codes_cannot_be_searched_for() -> None:
    """2,000 forged codes: none opens anything, only so many are looked up, and the store keeps nothing of them."""
    store = MemoryStore(clock=lambda: 0.0)
    desk = Desk(store=store)
    code, _ = await desk.offer()
    asked = 2_000
    gc.collect()
    blocks = sys.getallocatedblocks()
    statuses = [(await desk.ask("GET", f"/approve/{new_code()}")).status_code for _ in range(asked)]
    gc.collect()
    assert (statuses.count(404), statuses.count(429)) == (30, asked - 30)
    assert sys.getallocatedblocks() - blocks < asked, "less than one object for each is left"
    assert len(await store.find("", asked)) < 10
    closed = await desk.ask("GET", f"/approve/{code}")
    assert closed.status_code == 429, "while somebody guesses, a code that is right says nothing either"
    assert_kept_apart(closed.headers)


class SlowStore(MemoryStore):
    """One that lets others go first, as every store over a network does."""

    looked_up = 0

    async def get(self, key: str) -> str | None:
        self.looked_up += key.startswith("code:")
        await anyio.lowlevel.checkpoint()
        return await super().get(key)


async def test_codes_that_are_tried_all_at_once_are_counted_too() -> None:
    store = SlowStore(clock=lambda: 0.0)
    desk = Desk(store=store)
    async with anyio.create_task_group() as group:
        for _ in range(200):
            group.start_soon(desk.ask, "GET", f"/approve/{new_code()}")
    assert store.looked_up == 31, "those that may be wrong, and the one that was too many"


async def test_after_a_minute_without_guesses_codes_open_again() -> None:
    desk = Desk()
    code, _ = await desk.offer()
    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(desk.ask, "GET", f"/approve/{new_code()}")
    assert (await desk.ask("GET", f"/approve/{code}")).status_code == 429
    desk.now += 60
    assert (await desk.open(code)).buttons


async def test_the_form_for_a_code_leads_to_its_page_and_says_no_more() -> None:
    desk = Desk()
    code, _ = await desk.offer()
    assert read((await desk.ask("GET", "/approve")).text).fields["code"]
    for typed in (code, code.lower().replace("-", ""), new_code()):
        answer = await desk.ask("POST", "/approve", {"code": typed})
        assert (answer.status_code, len(answer.headers["location"])) == (303, len(f"approve/{code}"))
    assert (await desk.ask("GET", f"/approve/{code.lower()}")).status_code == 200
    answer = await desk.ask("POST", "/approve", {"code": '"><script>'})
    assert (answer.status_code, "eight letters" in read(answer.text).alert) == (422, True)
