"""Several callers over HTTP: none gets anything of another's, and each has its own share."""

import json
import threading
import time
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.errors.refusals import TooManyCalls
from projects_mcp.runner.rate_limit import RateLimiter
from projects_mcp.sandbox import (
    ACME_ID,
    ALL_ACCESS_KEY,
    CSRF_TOKEN,
    MEMBER_KEY,
    NORTHWIND_ID,
    ONE_ORGANIZATION_KEY,
    PRODUCTION_ID,
    READ_ONLY_KEY,
    READ_WRITE_KEY,
    SESSION_ID,
)
from tests.support.callers import token_of
from tests.support.callers_server import MOBILE, RESET
from tests.support.messages import message_of
from tests.support.posthog import Upstream, key_of
from tests.support.served import Served
from tests.support.waiting import PATIENCE_S, audit_records_of, eventually, in_background


@pytest.fixture(scope="module")
def server(callers_server: Served) -> Served:
    return callers_server


# One from the other -------------------------------------------------------------------------------------------------


def test_each_uses_its_own_key_and_no_token_leaves(server: Served, upstream: Upstream) -> None:
    for name, key in {"ada": READ_WRITE_KEY, "own-key": ALL_ACCESS_KEY, "weak-key": READ_ONLY_KEY}.items():
        upstream.recorder.requests.clear()
        answer = server.call("project_get", {"project_id": PRODUCTION_ID}, token_of(name))
        assert answer.result["id"] == PRODUCTION_ID
        carried = {request.headers["authorization"] for request in upstream.recorder.requests}
        assert carried == {f"Bearer {key}"}
        assert key not in answer.body.decode()
    assert "pmcp_" not in upstream.everything


def test_a_named_credential_never_uses_the_session(server: Served, upstream: Upstream) -> None:
    server.call("project_activity", {"project_id": PRODUCTION_ID}, token_of("own-key"))
    assert SESSION_ID not in upstream.everything
    assert CSRF_TOKEN not in upstream.everything
    server.call("project_activity", {"project_id": PRODUCTION_ID}, token_of("ada"))
    assert SESSION_ID in upstream.everything


def test_what_posthog_refuses_one_is_not_refused_another(server: Served, upstream: Upstream) -> None:
    upstream.refuse = lambda scope: (
        403 if key_of(scope) == ONE_ORGANIZATION_KEY and "/projects/" in scope["path"] else 0
    )
    arguments = {"project_id": PRODUCTION_ID}
    assert server.call("project_get", arguments, token_of("refused")).refusal["kind"] == "key_restricted"
    upstream.refuse = lambda _scope: 0
    before = len(upstream.recorder.requests)
    assert server.call("project_get", arguments, token_of("refused")).refusal["kind"] == "key_restricted"
    assert len(upstream.recorder.requests) == before, "it is remembered"
    assert server.call("project_get", arguments, token_of("ada")).result["id"] == PRODUCTION_ID


def test_throttling_of_one_key_slows_nobody_else(server: Served, upstream: Upstream) -> None:
    arguments = {"project_id": PRODUCTION_ID}
    server.call("project_get", arguments, token_of("throttled"))
    upstream.refuse = lambda scope: 429 if key_of(scope) == MEMBER_KEY else 0
    refusal = server.call("project_get", arguments, token_of("throttled")).refusal
    assert (refusal["kind"], refusal["retry_after_s"]) == ("throttled", 50)
    upstream.recorder.requests.clear()
    refusal = server.call("project_get", arguments, token_of("throttled")).refusal
    assert refusal["kind"] == "throttled"
    assert refusal["request_sent"] is False
    began = time.monotonic()
    for name in ("ada", "own-key", "another"):
        assert server.call("project_get", arguments, token_of(name)).result["id"] == PRODUCTION_ID
    assert time.monotonic() - began < 1
    assert server.get("/readyz").status == 200


def test_callers_take_turns_with_a_project(server: Served, upstream: Upstream) -> None:
    """Reading before writing is one step, whoever does it: nobody overwrites what another has just merged."""
    upstream.delay = lambda scope: 0.2 if str(PRODUCTION_ID) in scope["path"] else 0.0
    values = {"ada": "Asia/Tokyo", "another": "Europe/Paris", "own-key": "America/Lima"}
    calls = [
        in_background(
            lambda name=name, zone=zone: server.call(  # type: ignore[misc]
                "project_update", {"project_id": PRODUCTION_ID, "settings": {"timezone": zone}}, token_of(name)
            )
        )
        for name, zone in values.items()
    ]
    receipts = [call.result(PATIENCE_S).result for call in calls]
    lines = [request.method for request in upstream.recorder.requests]
    assert lines.count("PATCH") == 3
    assert "PATCH PATCH" not in " ".join(lines), "a writer that has waited reads again"
    before = {json.dumps(receipt.get("changed", {}).get("timezone", {}).get("before")) for receipt in receipts}
    assert len(before) == 3, "each receipt tells what the one before it has written"


@pytest.mark.parametrize("other", ["another", "own-key", "careful"])
def test_a_yes_of_one_caller_is_not_anothers(server: Served, upstream: Upstream, other: str) -> None:
    state = server.call(RESET, MOBILE, token_of("ada"), asks=True).question
    before = len(upstream.recorder.requests)
    answer = server.call(RESET, MOBILE, token_of(other), asks=True, state=state)
    assert answer.json["error"]["code"] == -32602
    assert len(upstream.recorder.requests) == before
    assert server.call(RESET, MOBILE, token_of("ada"), asks=True, state=state).result["outcome"] == "applied"


def test_the_audit_log_names_the_caller(server: Served, upstream: Upstream, audit: Path) -> None:
    answer = server.call("project_create", {"name": "Named in the journal"}, token_of("another"))
    project = answer.result["project"]["id"]
    lines = [line for line in audit_records_of(audit) if line["tool"] == "project_create"][-2:]
    assert [(line["event"], line["caller"]) for line in lines] == [("intent", "another"), ("outcome", "another")]
    assert lines[1]["project"] == project
    heard = server.stderr.count('"caller":"reader"}')
    server.call("project_list", {}, token_of("reader"))
    server.wait_for('"caller":"reader"}', heard + 1)


def test_calls_of_many_callers_at_once_do_not_mix(server: Served, upstream: Upstream) -> None:
    upstream.delay = lambda _scope: 0.02
    names = {"ada": READ_WRITE_KEY, "own-key": ALL_ACCESS_KEY, "weak-key": READ_ONLY_KEY, "northwind": READ_WRITE_KEY}
    organizations: dict[str, set[str]] = {name: set() for name in names}
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for _ in range(10):
                answer = server.call("project_list", {}, token_of(name))
                organizations[name].add(answer.result["organization_id"])
        except BaseException as error:  # noqa: BLE001 - seen below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in names for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert failures == []
    assert organizations == {"ada": {ACME_ID}, "own-key": {ACME_ID}, "weak-key": {ACME_ID}, "northwind": {NORTHWIND_ID}}
    for request in upstream.recorder.requests:
        if NORTHWIND_ID in request.path:
            assert request.headers["authorization"] == f"Bearer {READ_WRITE_KEY}"


# Rate limits --------------------------------------------------------------------------------------------------------


def test_one_call_at_a_time(server: Served, upstream: Upstream) -> None:
    upstream.delay = lambda scope: 1.0 if "/projects/" in scope["path"] else 0.0
    arguments = {"project_id": PRODUCTION_ID}
    first = in_background(lambda: server.call("project_get", arguments, token_of("single")))
    assert upstream.arrived.wait(PATIENCE_S)
    refused = server.call("project_get", arguments, token_of("single"))
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert "1 at a time" in refused.json["error"]
    upstream.delay = lambda _scope: 0.0
    assert server.call("project_get", arguments, token_of("ada")).result["id"] == PRODUCTION_ID
    assert first.result(PATIENCE_S).result["id"] == PRODUCTION_ID
    assert server.call("project_get", arguments, token_of("single")).result["id"] == PRODUCTION_ID


def test_a_call_that_was_given_up_leaves_its_place(server: Served, upstream: Upstream) -> None:
    upstream.delay = lambda scope: 5.0 if scope["path"].endswith(f"/{PRODUCTION_ID}/") else 0.0
    arguments = {"project_id": PRODUCTION_ID}
    assert server.call("project_list", {}, token_of("single")).status == 200
    upstream.arrived.clear()
    server.begin("project_get", arguments, token_of("single"), until=upstream.arrived).close()
    upstream.delay = lambda _scope: 0.0

    def free() -> bool:
        return server.call("project_get", arguments, token_of("single")).status == 200

    assert eventually(free, 3)


def test_a_few_calls_a_minute(server: Served, upstream: Upstream) -> None:
    answers = [server.call("project_list", {}, token_of("seldom")) for _ in range(4)]
    assert [bool(answer.json["result"].get("isError")) for answer in answers] == [False, False, True, True]
    refusal = answers[-1].refusal
    assert refusal["kind"] == "too_many_calls"
    assert 25 <= refusal["retry_after_s"] <= 30
    text = answers[-1].json["result"]["content"][0]["text"]
    assert f"{refusal['retry_after_s']} seconds" in text
    assert "2 a minute" in text
    listed = server.post(message_of("tools/list", {}), token_of("seldom")).json
    assert listed["error"]["data"]["kind"] == "too_many_calls", "lists count too"
    assert len(upstream.recorder.requests) == 2


@given(
    per_minute=st.integers(1, 300),
    pauses=st.lists(st.floats(0, 30, allow_nan=False), max_size=60),
)
def test_an_allowance_is_kept_and_its_seconds_are_true(per_minute: int, pauses: list[float]) -> None:
    now = 0.0
    allowance = RateLimiter(at_once=1_000, per_minute=per_minute, clock=lambda: now)
    taken: list[float] = []

    async def take() -> None:
        async with allowance.acquire():
            taken.append(now)

    async def take_all() -> None:
        nonlocal now
        for pause in pauses:
            now += pause
            try:
                await take()
            except TooManyCalls as refusal:
                assert len(taken) >= per_minute
                now += refusal.retry_after_s
                await take()

    anyio.run(take_all)
    for begin in taken:
        within = [when for when in taken if begin <= when < begin + 60]
        assert len(within) <= 2 * per_minute, "no more than what is saved and what comes back"
