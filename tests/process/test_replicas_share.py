"""Two real processes with one real Redis share a caller's allowance, the turns at a project, and approvals."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx
import pytest

from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from projects_mcp.state.approvals import Approvals
from projects_mcp.state.redis import RedisStore
from tests.support.process import CLEAN, COMMAND, TIMEOUT_S, Listener, listening_processes
from tests.support.redis_server import RedisServer, redis_server
from tests.support.replicas import Caller, Deployment, Reply, nginx_before
from tests.support.sandbox import RESET
from tests.support.waiting import eventually

KEY = "key" * 16
WRITERS = 24
A_MINUTE = 10
ON_TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
"""Runs a command at a terminal of its own, which passes on what comes through a pipe."""

pytestmark = pytest.mark.heavy


@contextmanager
def two_replicas(deployment: Deployment, **settings: str) -> Iterator[tuple[RedisServer, Listener, Listener]]:
    with redis_server(deployment.folder / "redis") as redis:
        deployment.settings = {"PROJECTS_MCP_STATE": redis.url, **settings}
        first, second = deployment.replica(KEY), deployment.replica(KEY)
        with listening_processes(first, second):
            yield redis, first, second


# What a caller may do in a minute -------------------------------------------------------------------------------------


def test_a_caller_has_one_allowance_at_both(program: Path, deployment: Deployment, http: httpx.Client) -> None:
    deployment.limits = {"ben": f"calls_per_minute = {A_MINUTE}\n"}
    with two_replicas(deployment) as (_, first, second):
        proxy = nginx_before(program, deployment.folder, first.port, second.port)
        with listening_processes(proxy):
            began = time.monotonic()
            ben = Caller(http, proxy.port, "ben")
            answers = [ben.call("project_get", {"project_id": MOBILE_ID}) for _ in range(3 * A_MINUTE)]
            come_back = (time.monotonic() - began) * A_MINUTE / 60
            assert {port for answer in answers for port in answer.tried} == {first.port, second.port}
            served = [answer for answer in answers if not answer.result.get("isError")]
            assert A_MINUTE <= len(served) <= A_MINUTE + come_back
            assert answers[-1].refusal["kind"] == "too_many_calls"
            first.end(signal.SIGKILL)
            first.start()
            first.wait_until_open()
            again = [Caller(http, first.port, "ben").call("project_get", {"project_id": MOBILE_ID}) for _ in range(5)]
            come_back = (time.monotonic() - began) * A_MINUTE / 60
            served += [answer for answer in again if not answer.result.get("isError")]
            assert len(served) <= A_MINUTE + come_back, "a process that begins anew brings nothing back"
            assert Caller(http, first.port, "anna").call("project_get", {"project_id": MOBILE_ID}).body


# Turns at a project ---------------------------------------------------------------------------------------------------


def test_two_processes_never_write_one_project_at_once(
    program: Path, deployment: Deployment, http: httpx.Client
) -> None:
    """Each call has read what the one before it wrote: their receipts are links of one chain, without a fork."""
    deployment.write_s = 0.03
    with two_replicas(deployment) as (_, first, second):
        proxy = nginx_before(program, deployment.folder, first.port, second.port)
        with listening_processes(proxy), ThreadPoolExecutor(8) as workers:
            caller = Caller(http, proxy.port)

            def write(number: int) -> Reply:
                settings = {"product_description": f"mark {number}"}
                return caller.call("project_update", {"project_id": PRODUCTION_ID, "settings": settings})

            answers = list(workers.map(write, range(WRITERS)))
    assert {port for answer in answers for port in answer.tried} == {first.port, second.port}
    assert deployment.most_writing == 1, "no two were under way at the same time"
    links = {}
    for answer in answers:
        change = answer.body["changed"]["product_description"]
        assert change["before"] not in links, "two calls have read the same, and one has not seen the other's"
        links[change["before"]] = change["after"]
    (now,) = links.keys() - set(links.values())
    for _ in range(WRITERS):
        now = links.pop(now)
    assert now == deployment.world.projects[PRODUCTION_ID].fields["product_description"]
    assert not links


def test_the_turn_of_a_process_that_was_killed_ends_by_itself(deployment: Deployment, http: httpx.Client) -> None:
    deployment.write_s = 60.0
    with (
        two_replicas(deployment, PROJECTS_MCP_CALL_TIMEOUT="2") as (redis, first, second),
        ThreadPoolExecutor(1) as workers,
    ):
        update = {"project_id": PRODUCTION_ID, "settings": {"product_description": "mark"}}
        cut_off = workers.submit(Caller(http, first.port).call, "project_update", update)
        assert eventually(lambda: deployment.writing == 1)
        first.end(signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            cut_off.result(TIMEOUT_S)
        deployment.write_s = 0.0
        busy = Caller(http, second.port).call("project_update", update)
        assert busy.refusal["kind"] == "project_busy"
        anyio.run(pass_time, redis)
        assert Caller(http, second.port).call("project_update", update).body["outcome"] == "applied"


async def pass_time(redis: RedisServer) -> None:
    """Let the time of all leases be over, as it is by itself a minute later."""
    store = RedisStore(redis.address)
    leases = await store.find("lease:", 10)
    assert len(leases) == 1
    for key, value in leases:
        assert await store.replace(key, value, None)
    await store.aclose()


# Approvals ------------------------------------------------------------------------------------------------------------


def make_offer(caller: Caller) -> str:
    error = caller.call("project_reset_token", RESET).refusal
    assert error["kind"] == "cannot_ask"
    code = error["approval"]["code"]
    assert error["approval"]["command"] == f"projects-mcp approve {code}"
    return str(code)


def at_both(callers: tuple[Caller, Caller], workers: ThreadPoolExecutor) -> list[Reply]:
    """Make the same call at both processes in the same moment."""
    together = threading.Barrier(2)

    def one(caller: Caller) -> Reply:
        together.wait()
        return caller.call("project_reset_token", RESET)

    return list(workers.map(one, callers))


def approve(redis: RedisServer, code: str, typed: str, *more: str) -> "subprocess.CompletedProcess[str]":
    """Run the command at a terminal of its own."""
    return subprocess.run(
        [sys.executable, "-c", ON_TERMINAL, *COMMAND, "approve", code, *more],
        env={**CLEAN, "PROJECTS_MCP_STATE": redis.url},
        input=typed,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


async def grant(redis: RedisServer, code: str) -> None:
    """Approve as the command does."""
    store = RedisStore(redis.address)
    approvals = Approvals(store)
    seen = await approvals.find(code)
    assert seen
    await approvals.decide(seen, granted=True, channel="terminal")
    await store.aclose()


def test_an_approval_counts_once_at_either_process(deployment: Deployment, http: httpx.Client) -> None:
    deployment.write_s = 0.02
    fields = deployment.world.projects[MOBILE_ID].fields
    with two_replicas(deployment, PROJECTS_MCP_CONFIRMATION="human") as (redis, first, second):
        callers = Caller(http, first.port, asks=False), Caller(http, second.port, asks=False)
        with ThreadPoolExecutor(2) as workers:
            for number in range(6):
                former, before = dict(fields), len(deployment.writes)
                code = make_offer(callers[number % 2])
                assert make_offer(callers[1 - number % 2]) != code, "one approval, and a code for each who was refused"
                assert len(deployment.writes) == before
                if number == 3:
                    first.end(signal.SIGKILL)
                    first.start()
                    first.wait_until_open()
                anyio.run(grant, redis, code)
                if number % 2:
                    replies = at_both(callers, workers)
                else:
                    replies = [callers[number // 2 % 2].call("project_reset_token", RESET)]
                assert sum(reply.applied for reply in replies) == 1
                fields.update(former)
                replies = at_both(callers, workers)
                assert not any(reply.applied for reply in replies)
                assert len(deployment.writes) == before + 1, "used, also where the state has come back"
                fields.update(former | {"api_token": f"phc_invented_for_the_test_{number}"})


def test_a_person_decides_at_a_terminal_of_another_machine(deployment: Deployment, http: httpx.Client) -> None:
    with two_replicas(deployment, PROJECTS_MCP_CONFIRMATION="human") as (redis, first, second):
        here, there = Caller(http, first.port, asks=False), Caller(http, second.port, asks=False)
        code = make_offer(here)
        wrong = approve(redis, code, "another name\n" * 3)
        assert (wrong.returncode, "Nothing was decided" in wrong.stdout) == (1, True), wrong
        assert make_offer(there)
        done = approve(redis, code, "Acme mobile\n")
        assert (done.returncode, "Approved, once" in done.stdout) == (0, True), done
        assert there.call("project_reset_token", RESET).body["outcome"] == "applied"
        denied = approve(redis, make_offer(here), "", "--deny")
        assert (denied.returncode, "Denied" in denied.stdout) == (0, True), denied
        for caller in (here, there):
            assert caller.call("project_reset_token", RESET).refusal["kind"] == "approval_denied"
        assert len(deployment.writes) == 1
        assert [record["confirmed"] for record in second.audit_records() if record["event"] == "intent"] == ["terminal"]
