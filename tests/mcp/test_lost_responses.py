"""Whatever PostHog answers, and whatever answer to a write is lost: the truth is told. No socket is needed."""

import json
import re
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp_types import CallToolResult

from tests.contract.operations import ARGUMENTS, WRITES, prepare
from tests.support.fault_server import PROJECT, Exchange
from tests.support.harness import Harness, body_of, refusal_of, text_of
from tests.support.lost_writes import LOST, How, LosingPostHog, When, found_of, losing, unknown_of

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


@pytest.mark.parametrize("tool", WRITES)
@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("when", ["never", "before", "later"])
async def test_of_a_lost_answer_only_what_is_known_is_said(tool: str, how: How, when: When) -> None:
    """That a change does not show proves nothing: PostHog may still make it."""
    posthog = LosingPostHog(when, how)
    prepare(posthog.world, tool)
    before = posthog.state()
    async with losing(posthog) as client:
        result = await client.call_tool(tool, ARGUMENTS[tool])
        said_at = posthog.state()
    assert len(posthog.upstream.writes) == 1
    detail = (result.meta or {})["projects-mcp/error"]
    assert (detail["request_sent"], detail["retryable"]) == (True, False)
    if when == "before" and tool != "project_create":
        body = body_of(result)
        assert body["outcome"] == detail["outcome"] == "applied"
        assert "read back" in body["evidence"]
        assert said_at != before
        return
    text = unknown_of(result)
    assert re.search(r"Read back at \d\d:\d\d:\d\d UTC: .+\. It may still happen: look ", text)
    assert "Nothing was changed" not in text
    if when == "before":
        assert found_of(text) == [max(posthog.world.projects)]
        return
    assert said_at == before
    assert (posthog.state() != before) is (when == "later"), "it has happened after all"


@pytest.mark.parametrize("tool", WRITES)
@pytest.mark.parametrize("when", ["never", "before"])
async def test_a_fault_of_posthogs_own_ends_the_request(tool: str, when: When) -> None:
    posthog = LosingPostHog(when, "500")
    prepare(posthog.world, tool)
    async with losing(posthog) as client:
        result = await client.call_tool(tool, ARGUMENTS[tool])
    detail = (result.meta or {})["projects-mcp/error"]
    if when == "before" and tool != "project_create":
        assert body_of(result)["outcome"] == detail["outcome"] == "applied"
        return
    if when == "before":
        assert found_of(unknown_of(result)) == [max(posthog.world.projects)]
        return
    text, _ = refusal_of(result)
    # A deletion that failed may have removed data all the same, and intents are shown with a delay.
    uncertain = tool in {"project_delete", "project_add_product_intent", "project_complete_product_onboarding"}
    assert detail["outcome"] == ("unknown" if uncertain else "not_applied")
    assert ("Nothing was changed." in text) is not uncertain
    if tool == "project_delete":
        assert "still there and not marked for deletion, but PostHog may have begun to remove its data" in text


@pytest.mark.parametrize("status", [500, 501, 505, 520, 408, 499])
async def test_a_status_without_posthogs_envelope_is_that_of_a_proxy(status: int) -> None:
    posthog = LosingPostHog("later")

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(status, {"message": "An unexpected error occurred"})

    posthog.upstream.fault = answer
    async with losing(posthog) as client:
        _, detail = refusal_of(await client.call_tool("project_update", ARGUMENTS["project_update"]))
    assert (detail["outcome"], detail["status"]) == ("unknown", status)
