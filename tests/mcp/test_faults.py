"""Whatever PostHog and the network do: an answer in bounded time, with the truth, and the next call works."""

import asyncio
import json
import os
import re
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client

from projects_mcp.config.settings import load
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.runner.build import build_runner
from tests.contract.operations import ARGUMENTS, WRITES
from tests.support.fault_server import FAULTS, PROJECT, SECRET, Exchange, Request, Upstream, listening, project
from tests.support.harness import ENVIRONMENT, ERAS, Era, Harness, body_of, refusal_of, text_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("transport", ["httpx", "aiohttp"], indirect=True)]

QUICK = {"PROJECTS_MCP_READ_TIMEOUT": "1", "PROJECTS_MCP_CALL_TIMEOUT": "2", "PROJECTS_MCP_CONNECT_TIMEOUT": "1"}
BOUND_S = 25
"""Less than the 30 seconds of a silent upstream, and far more than the limits of a call and its reading back."""

CALLS: dict[str, tuple[str, dict[str, Any], str]] = {
    "read": ("project_get", {"project_id": PROJECT}, "GET"),
    "create": ("project_create", {"name": "New one"}, "POST"),
    "update": ("project_update", {"project_id": PROJECT, "settings": {"timezone": "Asia/Tokyo"}}, "PATCH"),
    "destroy": ("project_delete", {"project_id": PROJECT, "confirm_project_name": "Acme web"}, "DELETE"),
}


@asynccontextmanager
async def client_of(upstream: Upstream, **environment: str) -> AsyncIterator[Client]:
    configured = load({**ENVIRONMENT, **QUICK, **environment, "POSTHOG_HOST": upstream.origin})
    configured = replace(configured, limits=configured.limits._replace(second_look_s=0.01))
    async with Client(ProjectsServer(build_runner(configured)), cache=None) as client:
        yield client


def own(method: str) -> Callable[[Request], bool]:
    return lambda request: request.method == method and not request.about_key


@pytest.mark.parametrize("name", list(FAULTS))
async def test_each_fault_has_an_answer_for_each_kind_of_call(name: str) -> None:
    async with anyio.create_task_group() as group:
        for call in CALLS:
            group.start_soon(_one_fault, name, call)


async def _one_fault(name: str, call: str) -> None:
    kind, fault = FAULTS[name]
    tool, arguments, method = CALLS[call]
    async with listening(Upstream(fault, own(method))) as upstream, client_of(upstream) as client:
        where = f"{call} on {name}"
        with anyio.fail_after(BOUND_S):
            result = await client.call_tool(tool, arguments)
        own_requests = [request for request in upstream.requests if request.method == method]
        if method == "GET":
            assert 1 <= len(own_requests) <= 3, where
        else:
            assert len(own_requests) == 1, f"{where}: a write leaves once"
        shown = result.model_dump_json()
        assert SECRET not in shown, where
        assert "<html" not in shown, where
        assert "evil.example" not in shown, where
        if call == "read" and kind:
            text, detail = refusal_of(result)
            assert detail["kind"] == kind, where
            assert "Nothing was changed." in text, where
            assert len(text) < 700, where
        elif call == "read":
            body_of(result)
        elif result.is_error:
            text, detail = refusal_of(result)
            assert detail["outcome"] in {"not_applied", "unknown"}, where
            assert ("Nothing was changed." in text) is (detail["outcome"] == "not_applied"), where
        upstream.fault = None
        if "429" not in name:  # where the number of seconds is respected
            again = await client.call_tool("project_list", {})
            assert not again.is_error, f"{where}: the next call must work: {text_of(again)}"


def test_there_are_at_least_forty_faults() -> None:
    assert len(FAULTS) >= 40


@pytest.mark.parametrize("name", ["gzip_bomb", "too_large", "endless_headers"])
async def test_memory_stays_bounded(name: str) -> None:
    async with listening(Upstream(FAULTS[name][1])) as upstream, client_of(upstream) as client:
        refusal_of(await client.call_tool("project_get", {"project_id": PROJECT}))
        tracemalloc.start()
        for _ in range(3):
            refusal_of(await client.call_tool("project_get", {"project_id": PROJECT}))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 60_000_000


async def test_seconds_are_in_the_text_and_nobody_knocks_again() -> None:
    async with listening(Upstream(FAULTS["status_429_seconds"][1])) as upstream, client_of(upstream) as client:
        results = []

        async def one() -> None:
            results.append(await client.call_tool("project_get", {"project_id": PROJECT}))

        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(one)
        assert len(results) == 50
        for result in results:
            text, detail = refusal_of(result)
            assert detail["kind"] == "throttled"
            assert 0 < detail["retry_after_s"] <= 42
            assert re.search(r"\b\d+ seconds?\b", text)
        assert len(upstream.requests) <= 32, "those that queued have heard of it"
        before = len(upstream.requests)
        text, detail = refusal_of(await client.call_tool("project_create", {"name": "New"}))
        assert (detail["request_sent"], detail["outcome"]) == (False, "not_applied")
        assert len(upstream.requests) == before


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_read_is_repeated_until_it_works_and_a_short_wait_is_slept(status: int) -> None:
    failures = 2

    async def passing(exchange: Exchange) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            await exchange.answer(status, b"", {"Retry-After": "0"})
        else:
            await exchange.answer(200, project())

    async with listening(Upstream(passing)) as upstream, client_of(upstream) as client:
        body_of(await client.call_tool("project_get", {"project_id": PROJECT}))
        assert len(upstream.requests) == 3


async def test_no_connection_is_told_apart_from_a_lost_answer() -> None:
    async with listening(Upstream()) as upstream:
        origin = upstream.origin
    async with client_of(Upstream(origin=origin)) as client:
        for tool, arguments in ARGUMENTS.items():
            text, detail = refusal_of(await client.call_tool(tool, arguments))
            assert detail["kind"] == "unreachable"
            assert detail["request_sent"] is False
            assert "Nothing was changed." in text


def _resident_bytes() -> int:
    """What this process holds in memory; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text(encoding="ascii").split()[1]) * 4096 if statm.exists() else 0


@pytest.mark.heavy
async def test_many_callers_survive_a_bad_time() -> None:  # noqa: C901 - two small parties and what they share
    """Throttled, stalled and cut off at random for SOAK_SECONDS: each call gets its own answer, once."""
    seconds, callers = float(os.environ.get("SOAK_SECONDS", "4")), 500
    random = Random(1)
    bad_until = anyio.current_time() + seconds

    async def bad(exchange: Exchange) -> None:
        asked = int(exchange.request.path.rstrip("/").rpartition("/")[2])
        choice = random.random() if anyio.current_time() < bad_until else 1.0
        if choice < 0.05:
            await exchange.answer(429, b"", {"Retry-After": "1"})
        elif choice < 0.15:
            await asyncio.sleep(random.uniform(0, 0.3))
            exchange.reset()
        elif choice < 0.25:
            await asyncio.sleep(random.uniform(0.5, 3))
        if choice >= 0.15:
            await exchange.answer(200, project(id=asked))

    started: list[int] = []
    ended: list[int] = []
    failed: Counter[str] = Counter()
    async with listening(Upstream(bad)) as upstream, client_of(upstream, PROJECTS_MCP_CALL_TIMEOUT="10") as client:

        async def caller(number: int) -> None:
            turn = 0
            while turn == 0 or anyio.current_time() < bad_until:
                asked = number + turn * callers
                turn += 1
                started.append(asked)
                result = await client.call_tool("project_get", {"project_id": asked})
                ended.append(asked)
                if result.is_error:
                    failed[refusal_of(result)[1]["kind"]] += 1
                    await anyio.sleep(random.uniform(0.05, 0.5))
                else:
                    assert body_of(result)["id"] == asked

        async with anyio.create_task_group() as group:
            for number in range(1, callers + 1):
                group.start_soon(caller, number)
            await anyio.sleep(seconds / 2)
            halfway = _resident_bytes()
        assert _resident_bytes() - halfway < 50_000_000, "memory stays flat"
        assert sorted(started) == sorted(ended)
        assert len(set(ended)) == len(ended) >= callers
        assert set(failed) <= {"throttled", "timeout", "connection_lost", "unreachable"}, failed
        await anyio.sleep(2.1)
        for number in range(1, 40):
            assert body_of(await client.call_tool("project_get", {"project_id": number}))["id"] == number


async def test_a_short_call_does_not_starve_behind_long_ones() -> None:
    async def slow(exchange: Exchange) -> None:
        await asyncio.sleep(0.5)
        await exchange.answer(200, project())

    def long(request: Request) -> bool:
        return request.path.endswith(f"/{PROJECT}/")

    async with (
        listening(Upstream(slow, long)) as upstream,
        client_of(upstream, PROJECTS_MCP_CALL_TIMEOUT="20") as client,
    ):
        await client.call_tool("project_list", {})
        answered = anyio.Event()

        async def call_again_and_again() -> None:
            while not answered.is_set():
                await client.call_tool("project_get", {"project_id": PROJECT})

        async with anyio.create_task_group() as group:
            for _ in range(64):
                group.start_soon(call_again_and_again)
            await anyio.sleep(0.1)
            with anyio.fail_after(BOUND_S):  # the others never leave a place empty
                body_of(await client.call_tool("project_list", {}))
            answered.set()


_BODIES = st.one_of(
    st.binary(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    ).map(lambda value: json.dumps(value).encode()),
    st.fixed_dictionaries(
        {"id": st.sampled_from([PROJECT, None, "x", 1.5]), "name": st.none() | st.integers() | st.text(max_size=5)},
        optional={
            "organization": st.none() | st.integers() | st.text(max_size=5),
            "results": st.lists(st.none() | st.integers() | st.dictionaries(st.text(max_size=3), st.integers())),
            "count": st.none() | st.text(max_size=3) | st.integers(),
            "product_intents": st.lists(st.none() | st.integers()),
            "settings": st.integers(),
            "total_count": st.text(max_size=3),
            "is_generating_demo_data": st.none() | st.booleans(),
        },
    ).map(lambda value: json.dumps(value).encode()),
)
_HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "content-encoding", "retry-after", "location", "set-cookie", "x-other"]),
    st.sampled_from(
        ["application/json", "text/html", "gzip", "br", "0", "9" * 30, "Wed, 21 Oct 2015 07:28:00 GMT", "x"]
    ),
)


class Scripted:
    """Answers everything but the question about the key with one answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body
        self.writes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        about_key = scope["path"].startswith("/api/personal_api_keys/")
        self.writes += scope["method"] != "GET"
        status = 404 if about_key else self.status
        headers = [] if about_key else [(name.encode(), value.encode()) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if about_key else self.body})


@settings(max_examples=150)
@given(
    status=st.integers(200, 599),
    headers=_HEADERS,
    body=_BODIES,
    tool=st.sampled_from(sorted(ARGUMENTS)),
)
async def test_any_response_at_all_is_answered_and_never_an_error_as_success(
    status: int, headers: dict[str, str], body: bytes, tool: str
) -> None:
    upstream = Scripted(status, headers, body)
    async with Harness(application=upstream).client() as client:
        with anyio.fail_after(20):
            result = await client.call_tool(tool, ARGUMENTS[tool])
    assert isinstance(result, CallToolResult)
    assert upstream.writes <= 1, "a write reaches the upstream at most once"
    if status >= 300:
        assert result.is_error
    if result.is_error:
        _, detail = refusal_of(result)
        assert detail["kind"] != "internal", text_of(result)
    else:
        body_of(result)


# Lost answers of writes ---------------------------------------------------------------------------------------------


@dataclass
class Breaks:
    """Stands before the sandbox, and loses the answer of the one write: before it is applied, or after."""

    inner: Any
    after: bool
    how: str
    writes: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            await self.inner(scope, receive, send)
            return
        self.writes += 1
        if self.after:

            async def swallow(_message: Any) -> None:
                pass

            await self.inner(scope, receive, swallow)
        if self.how == "status":
            await send({"type": "http.response.start", "status": 502, "headers": [(b"content-type", b"text/html")]})
            await send({"type": "http.response.body", "body": b"<html>"})
        elif self.how == "html":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
            await send({"type": "http.response.body", "body": b"<html>"})
        else:
            await asyncio.sleep(30)


@pytest.mark.parametrize("tool", WRITES)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("how", ["status", "html", "silence"])
async def test_a_lost_answer_is_resolved_by_reading_back(tool: str, after: bool, how: str) -> None:
    harness = Harness()
    breaks = Breaks(harness.recorder._application, after, how)  # noqa: SLF001 - to stand before it
    limits = {"second_look_s": 0.01} | ({"call_s": 0.5} if how == "silence" else {})
    harness = Harness(world=harness.world, application=breaks, limits=limits)
    arguments = dict(ARGUMENTS[tool])
    async with harness.client() as client:
        with anyio.fail_after(BOUND_S):
            result = await client.call_tool(tool, arguments)
    assert breaks.writes == 1
    detail = (result.meta or {})["projects-mcp/error"]
    assert detail["request_sent"] is True
    if after:
        body = body_of(result)
        assert body["outcome"] == detail["outcome"] == "applied"
        assert "read back" in body["evidence"]
    else:
        text, _ = refusal_of(result)
        assert detail["outcome"] == "not_applied"
        assert "Nothing was changed." in text
        assert "before you try again" in text


async def test_somebody_elses_value_is_no_evidence() -> None:
    harness = Harness()
    inner = harness.recorder._application  # noqa: SLF001 - to stand before it

    async def another_writer(scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] == "GET":
            await inner(scope, receive, send)
            return
        harness.fields(PROJECT)["timezone"] = "Africa/Abidjan"
        await send({"type": "http.response.start", "status": 504, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with Harness(world=harness.world, application=another_writer).client() as client:
        _, detail = refusal_of(await client.call_tool("project_update", CALLS["update"][1]))
    assert detail["outcome"] == "unknown"


async def test_what_cannot_be_decided_is_unknown() -> None:
    async def all_broken(exchange: Exchange) -> None:
        await exchange.answer(502)

    seen: list[str] = []

    def after_the_write(request: Request) -> bool:
        seen.append(request.method)
        return "GET" not in seen or len(seen) > seen.index(seen[0]) + 1

    upstream = Upstream(all_broken, after_the_write)
    async with listening(upstream), client_of(upstream) as client:
        text, detail = refusal_of(await client.call_tool("project_update", CALLS["update"][1]))
    assert detail["outcome"] == "unknown"
    assert detail["retryable"] is False
    assert "not known" in text
    assert "project_get" in text
    assert len(upstream.writes) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_cancelling_a_call_aborts_the_request_and_leaves_an_honest_journal(era: Era, tmp_path: Path) -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def waits(exchange: Exchange) -> None:
        arrived.set()
        await exchange.reader.read()  # until the other side hangs up
        gone.set()

    audit = tmp_path / "audit"
    patient = {"PROJECTS_MCP_CALL_TIMEOUT": "60", "PROJECTS_MCP_READ_TIMEOUT": "60"}
    async with listening(Upstream(waits, own("PATCH"))) as upstream:
        configured = load(
            {**ENVIRONMENT, **patient, "PROJECTS_MCP_AUDIT_LOG": str(audit), "POSTHOG_HOST": upstream.origin}
        )
        async with Client(ProjectsServer(build_runner(configured)), mode=era, cache=None) as client:
            async with anyio.create_task_group() as group:
                group.start_soon(client.call_tool, *CALLS["update"][:2])
                await arrived.wait()
                group.cancel_scope.cancel()
            with anyio.fail_after(BOUND_S):
                await gone.wait()
    kept = [json.loads(line) for line in audit.read_text(encoding="utf-8").splitlines()]
    assert [(line["event"], line.get("outcome")) for line in kept] == [("intent", None), ("outcome", "unknown")]
