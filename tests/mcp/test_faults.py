"""Whatever PostHog and the network do: an answer in bounded time, with the truth, and the next call works."""

import asyncio
import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from projects_mcp.config.settings import load
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.runner.build import build_runner
from tests.contract.operations import ARGUMENTS
from tests.support.fault_cases import FAULTS
from tests.support.fault_client import BOUND_S, CALLS, client_of, own
from tests.support.fault_server import PROJECT, SECRET, Exchange, Request, Upstream, listening, project
from tests.support.harness import ENVIRONMENT, ERAS, Era, body_of, refusal_of, text_of

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("transport", ["httpx", "aiohttp"], indirect=True)]


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
    async with client_of(Upstream(origin=origin)) as client, anyio.create_task_group() as group:

        async def call(tool: str, arguments: dict[str, Any]) -> None:
            text, detail = refusal_of(await client.call_tool(tool, arguments))
            assert detail["kind"] == "unreachable"
            assert detail["request_sent"] is False
            assert "Nothing was changed." in text

        for tool, arguments in ARGUMENTS.items():
            group.start_soon(call, tool, arguments)


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
async def test_cancelling_a_call_aborts_the_request_and_leaves_an_honest_audit_log(era: Era, tmp_path: Path) -> None:
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
