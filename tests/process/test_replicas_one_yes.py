"""Two real processes behind a real nginx, with one real Redis: a yes counts once, whatever becomes of them.

Every answer goes to both processes, at once or one after the other, and the project is brought back to the state that
the answer was given for: only what the processes remember together keeps it from counting again. The number of
confirmations follows from `REPLICAS_ANSWERS`.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from projects_mcp.sandbox import MOBILE_ID
from tests.support.process import Listener, listening_processes
from tests.support.redis_server import RedisServer, redis_server
from tests.support.replicas import Caller, Deployment, Reply, nginx_before
from tests.support.sandbox import RESET
from tests.support.waiting import eventually

ANSWERS = int(os.environ.get("REPLICAS_ANSWERS", "200"))
KEY = "key" * 16
UPDATE = {"project_id": MOBILE_ID, "settings": {"product_description": "mark"}}
WRITE_S = 0.02
"""Seconds of a write: long enough for another process to read what was there before it."""

pytestmark = pytest.mark.heavy


@dataclass
class Bench:
    """Two replicas, what stands before and behind them, and a person's answers."""

    deployment: Deployment
    redis: RedisServer
    replicas: tuple[Listener, Listener]
    front: Caller
    sides: tuple[Caller, Caller]
    workers: ThreadPoolExecutor
    fields: dict[str, Any]
    former: dict[str, Any] = field(default_factory=dict)

    def ask(self) -> str:
        """Let a question be asked, at either process, and remember what it is about."""
        self.former = dict(self.fields)
        return self.front.call("project_reset_token", RESET).question

    def restore(self) -> None:
        """Bring the project back to the state that was asked about."""
        self.fields.update(self.former)

    def answer(self, side: int, question: str, says: str = "accept") -> Reply | None:
        """Answer at one process; None if it is gone."""
        try:
            return self.sides[side].call("project_reset_token", RESET, question, says)
        except httpx.TransportError:
            return None

    def answer_both(self, question: str, says: tuple[str, str] = ("accept", "accept")) -> list[Reply | None]:
        """Answer at both processes in the same moment."""
        together = threading.Barrier(2)

        def one(side: int) -> Reply | None:
            together.wait()
            return self.answer(side, question, says[side])

        return list(self.workers.map(one, range(2)))

    def destroyed(self) -> int:
        """How many destructive requests have arrived, when none is under way any more."""
        assert eventually(lambda: self.deployment.writing == 0)
        return sum(request.path.endswith("/reset_token/") for request in self.deployment.writes)


@pytest.fixture
def bench(program: Path, deployment: Deployment, http: httpx.Client) -> Iterator[Bench]:
    with redis_server(deployment.folder / "redis") as redis:
        deployment.settings, deployment.write_s = {"PROJECTS_MCP_STATE": redis.url}, WRITE_S
        first, second = deployment.replica(KEY), deployment.replica(KEY)
        proxy = nginx_before(program, deployment.folder, first.port, second.port)
        with listening_processes(first, second, proxy), ThreadPoolExecutor(2) as workers:
            sides = Caller(http, first.port), Caller(http, second.port)
            fields = deployment.world.projects[MOBILE_ID].fields
            yield Bench(deployment, redis, (first, second), Caller(http, proxy.port), sides, workers, fields)


def applied(replies: list[Reply | None]) -> int:
    return sum(reply is not None and reply.applied for reply in replies)


# The tests ------------------------------------------------------------------------------------------------------------


def test_every_answer_counts_once_over_both(bench: Bench) -> None:
    """In turn: both at once; one after the other, either first; a no and then a yes; a no and a yes at once."""
    won = [0, 0]
    for number in range(ANSWERS):
        before, question = bench.destroyed(), bench.ask()
        side = number // 5 % 2
        if number % 5 < 3:
            if number % 5 == 0:
                replies = bench.answer_both(question)
            else:
                replies = [None, None]
                for turn in (side, 1 - side):
                    replies[turn] = bench.answer(turn, question)
                    bench.destroyed()
                    bench.restore()
            assert (applied(replies), bench.destroyed()) == (1, before + 1), (number, replies)
            won[0 if replies[0] and replies[0].applied else 1] += 1
        elif number % 5 == 3:
            no, yes = bench.answer(side, question, "decline"), bench.answer(1 - side, question)
            assert no
            assert no.refusal["kind"] in {"client_refused", "not_confirmed"}
            assert yes
            assert yes.question, "it was answered, so it is asked again"
            assert bench.destroyed() == before
        else:
            says = ("accept", "decline") if side else ("decline", "accept")
            replies = bench.answer_both(question, says)
            assert bench.destroyed() == before + applied(replies), (number, replies)
            no = replies[1 if side else 0]
            assert no
            if applied(replies):
                assert no.question, "the yes was there first"
            else:
                assert no.refusal["kind"] in {"client_refused", "not_confirmed"}
    assert min(won) > 0, "both have had their turns"


def test_a_process_that_is_killed_takes_no_yes_with_it_into_its_next_life(bench: Bench) -> None:
    spent: list[tuple[str, dict[str, Any]]] = []
    outcomes = set()
    for number in range(4):
        victim = bench.replicas[number % 2]
        before, question = bench.destroyed(), bench.ask()
        spent.append((question, bench.former))
        killer = threading.Timer(0.008 * number, victim.end, (signal.SIGKILL,))
        killer.start()
        replies = bench.answer_both(question)
        killer.join()
        done = bench.destroyed() - before
        assert applied(replies) <= done <= 1, "lost with the process, or done once"
        outcomes.add(done)
        victim.start()
        victim.wait_until_open()
        for old, state in spent:  # at the process that has begun anew, and at the other one
            bench.fields.update(state)
            again = bench.answer_both(old)
            if old == question and not done and applied(again):  # the yes had not arrived: now it has
                done = 1
            elif old != question or done:
                assert applied(again) == 0
        assert bench.destroyed() == before + done <= before + 1
    assert 1 in outcomes


def test_without_redis_all_reading_goes_on_and_nothing_is_changed(bench: Bench) -> None:
    used = bench.ask()
    former = bench.former
    assert applied(bench.answer_both(used)) == 1
    question = bench.ask()
    before, written = bench.destroyed(), len(bench.deployment.writes)
    bench.redis.stop()
    for _ in range(3):
        replies = bench.answer_both(question)
        for side in bench.sides:
            replies.append(side.call("project_reset_token", RESET))
            replies.append(side.call("project_update", UPDATE))
            replies.append(side.call("project_create", {"name": "mark"}))
        for reply in replies:
            assert reply
            assert reply.refusal["kind"] == "state_unavailable"
        assert all(side.call("project_get", {"project_id": MOBILE_ID}).body for side in bench.sides)
        assert all(side.call("project_list", {}).body for side in bench.sides)
    assert len(bench.deployment.writes) == written
    bench.redis.start()
    began = time.monotonic()
    assert applied(bench.answer_both(question)) == 1, "it has not been used: it could not be remembered"
    assert time.monotonic() - began < 5
    assert bench.destroyed() == before + 1
    bench.fields.update(former)
    assert applied(bench.answer_both(used)) == 0, "Redis has kept what was used before it was stopped"
    assert bench.destroyed() == before + 1
    assert all(side.call("project_update", UPDATE).body["outcome"] in {"applied", "unchanged"} for side in bench.sides)
