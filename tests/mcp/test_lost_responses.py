"""Whatever PostHog answers, and whatever answer to a write is lost: the truth is told. No socket is needed."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp_types import CallToolResult

from projects_mcp.sandbox import ACME_ID, NORTHWIND_ID, PRODUCTION_ID, Behaviour, seed
from tests.contract.operations import ARGUMENTS, WRITES
from tests.support.fault_server import PROJECT, Exchange
from tests.support.harness import Harness, body_of, refusal_of, text_of
from tests.support.lost_writes import How, LosingPostHog, When, losing

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


LOST: tuple[How, ...] = ("timeout", "reset", "502", "504", "cut off")


@pytest.mark.parametrize("tool", WRITES)
@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("when", ["never", "before", "later"])
async def test_of_a_lost_answer_only_what_is_known_is_said(tool: str, how: How, when: When) -> None:
    """That a change does not show proves nothing: PostHog may still make it."""
    posthog = LosingPostHog(when, how)
    before = posthog.state()
    async with losing(posthog) as client:
        result = await client.call_tool(tool, ARGUMENTS[tool])
        said_at = posthog.state()
    assert len(posthog.upstream.writes) == 1
    detail = (result.meta or {})["projects-mcp/error"]
    assert (detail["request_sent"], detail["retryable"]) == (True, False)
    if when == "before":
        body = body_of(result)
        assert body["outcome"] == detail["outcome"] == "applied"
        assert "read back" in body["evidence"]
        assert said_at != before
        return
    text, _ = refusal_of(result)
    assert (detail["outcome"], detail["retry_after_s"]) == ("unknown", 120)
    assert re.search(r"Read back at \d\d:\d\d:\d\d UTC: .+\. It may still happen: look ", text)
    assert re.search(r" after \d\d:\d\d:\d\d UTC, and do not repeat anything before\.$", text)
    assert "Nothing was changed" not in text
    assert said_at == before
    assert (posthog.state() != before) is (when == "later"), "it has happened after all"


@pytest.mark.parametrize("tool", WRITES)
@pytest.mark.parametrize("when", ["never", "before"])
async def test_a_fault_of_posthogs_own_ends_the_request(tool: str, when: When) -> None:
    async with losing(LosingPostHog(when, "500")) as client:
        result = await client.call_tool(tool, ARGUMENTS[tool])
    detail = (result.meta or {})["projects-mcp/error"]
    if when == "before":
        assert body_of(result)["outcome"] == detail["outcome"] == "applied"
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


# Whose change is it? -------------------------------------------------------------------------------------------------

NEW = {"name": "New one", "organization_id": ACME_ID}
TWINS = replace(Behaviour(rate_limits=None), unique_names=False)


def outcome_of(result: CallToolResult) -> str:
    return str((result.meta or {})["projects-mcp/error"]["outcome"])


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("skew", [-7200, -20, 20, 7200])
async def test_a_created_project_is_found_whatever_the_clocks_say(how: How, skew: int) -> None:
    posthog = LosingPostHog("before", how, skew=timedelta(seconds=skew))
    posthog.world.clock = lambda: datetime.now(UTC) + timedelta(seconds=skew)
    known = set(posthog.world.projects)
    async with losing(posthog) as client:
        body = body_of(await client.call_tool("project_create", NEW))
    assert {body["project"]["id"]} == set(posthog.world.projects) - known


async def test_a_created_project_is_found_among_many() -> None:
    posthog = LosingPostHog("before", "502", world=seed(behaviour=TWINS))
    for _ in range(150):
        posthog.create("New one", created_at="2026-01-01T00:00:00Z")
    known = set(posthog.world.projects)
    async with losing(posthog) as client:
        body = body_of(await client.call_tool("project_create", NEW))
    assert {body["project"]["id"]} == set(posthog.world.projects) - known


@pytest.mark.parametrize(("when", "owner"), [("never", False), ("before", False), ("before", True), ("later", False)])
async def test_of_two_creators_each_gets_its_own_or_a_doubt(when: When, owner: bool) -> None:
    """Nothing tells two creations with one key apart, if only the other one has happened; all else can be told."""
    posthog = LosingPostHog(when, "504", world=seed(behaviour=TWINS))
    others: list[int] = []
    posthog.meanwhile = lambda: others.append(posthog.create(" new ONE", owner=owner))
    async with losing(posthog) as client:
        result = await client.call_tool("project_create", NEW)
    assert outcome_of(result) == "unknown", text_of(result)
    assert others


@pytest.mark.parametrize("change", ["renamed", "moved"])
async def test_an_older_project_that_gets_the_name_is_not_the_new_one(change: str) -> None:
    posthog = LosingPostHog("never", "504")
    place = NORTHWIND_ID if change == "moved" else ACME_ID
    number = posthog.create("New one" if change == "moved" else "Old one", organization=place)
    posthog.world.projects[number].fields["created_at"] = "2026-01-01T00:00:00Z"
    posthog.meanwhile = lambda: posthog.world.projects[number].fields.update(name="New one", organization=ACME_ID)
    async with losing(posthog) as client:
        text, detail = refusal_of(await client.call_tool("project_create", NEW))
    assert detail["outcome"] == "unknown"
    assert f"Project {number} has that name now, but it is older than this call." in text


Meanwhile = Callable[[LosingPostHog], object]


def _set(**fields: Any) -> Meanwhile:
    return lambda posthog: posthog.world.projects[PRODUCTION_ID].fields.update(fields)


def _remove(posthog: LosingPostHog) -> None:
    posthog.world.remove(posthog.world.projects[PRODUCTION_ID])


SOMEBODY_ELSE: dict[str, tuple[str, Meanwhile, str]] = {
    "moves the project that is deleted": ("project_delete", _set(organization=NORTHWIND_ID), "or a move to another"),
    "deletes it": ("project_delete", _remove, "so would somebody else's"),
    "deletes the project that is moved": ("project_change_organization", _remove, "in neither of the two"),
    "sets another value": ("project_update", _set(timezone="Africa/Abidjan"), "and than were sent"),
    "rotates the secret before a backup is dropped": (
        "project_delete_secret_token_backup",
        _set(
            secret_api_token="phs_AnotherSecretOfSomebody0001", secret_api_token_backup="phs_FormerSecretOfAnybody0002"
        ),
        "Somebody else has changed the tokens",
    ),
    "rotates twice": (
        "project_rotate_secret_token",
        _set(
            secret_api_token="phs_AnotherSecretOfSomebody0001", secret_api_token_backup="phs_FormerSecretOfAnybody0002"
        ),
        "Somebody else may have changed the tokens too",
    ),
    "drops the backup before a rotation": (
        "project_rotate_secret_token",
        _set(secret_api_token_backup=None),
        "Somebody else may have changed the tokens too",
    ),
}


@pytest.mark.parametrize("name", SOMEBODY_ELSE)
@pytest.mark.parametrize("how", ["504", "500"])
async def test_what_somebody_else_did_is_no_evidence(name: str, how: How) -> None:
    tool, meanwhile, says = SOMEBODY_ELSE[name]
    posthog = LosingPostHog("never", how)
    posthog.meanwhile = lambda: meanwhile(posthog)
    posthog.world.projects[PRODUCTION_ID].fields |= {
        "secret_api_token": "phs_PresentSecretOfTests00001",
        "secret_api_token_backup": "phs_PresentBackupOfTests00002",
    }
    async with losing(posthog) as client:
        text, detail = refusal_of(await client.call_tool(tool, ARGUMENTS[tool]))
    assert detail["outcome"] == "unknown", text
    assert says in text


@given(
    tool=st.sampled_from(WRITES),
    how=st.sampled_from([*LOST, "500"]),
    when=st.sampled_from(["never", "before", "later"]),
    other=st.sampled_from([None, *SOMEBODY_ELSE]),
)
@settings(max_examples=60, deadline=None)
async def test_applied_and_not_applied_are_true_at_the_end(tool: str, how: How, when: When, other: str | None) -> None:
    posthog = LosingPostHog("never" if how == "500" and when == "later" else when, how)
    untouched = posthog.state()
    if other is not None and tool == SOMEBODY_ELSE[other][0] and when != "before":
        posthog.meanwhile = lambda: SOMEBODY_ELSE[other][1](posthog)
    async with losing(posthog) as client:
        outcome = outcome_of(await client.call_tool(tool, ARGUMENTS[tool]))
    if outcome == "applied":
        assert posthog.when == "before"
    if outcome == "not_applied":
        assert posthog.state() == untouched
