"""Whatever PostHog answers, and whatever answer to a write is lost: the truth is told. No socket is needed."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp_types import CallToolResult

from tests.contract.operations import ARGUMENTS, WRITES
from tests.support.fault_client import BOUND_S, CALLS
from tests.support.fault_server import PROJECT
from tests.support.harness import Harness, body_of, refusal_of, text_of

pytestmark = pytest.mark.anyio

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
