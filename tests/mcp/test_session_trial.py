"""A CSRF token that this process has made is tried before it is relied on, and before a person is asked."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp import sandbox
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.sandbox import seed
from projects_mcp.sandbox.app import create_app
from tests.contract.operations import ARGUMENTS, OPERATIONS, Operation, prepare
from tests.support.csrf import TRIAL, OwnToken, refuse
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of
from tests.support.sandbox import RESET as RESET_OF_MOBILE

pytestmark = pytest.mark.anyio

NO_TOKEN = {"POSTHOG_CSRF_TOKEN": ""}
SESSION_WRITES = [row for row in OPERATIONS if row.session_only and row.effect != "read"]
OTHERS = [row for row in OPERATIONS if row not in SESSION_WRITES]
RESET, DROP = "project_reset_token", "project_delete_secret_token_backup"


class Consenting:
    """Says yes, and keeps what had been sent when it was asked."""

    def __init__(self, harness: Harness) -> None:
        self.seen: list[list[str]] = []
        self._harness = harness

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        self.seen.append(list(self._harness.sent))
        return ElicitResult(action="accept", content={"confirm": True})


def trials(harness: Harness) -> int:
    return harness.sent.count(TRIAL)


@pytest.fixture
def strict() -> Harness:
    """A PostHog that takes the token of the session only."""
    world = seed()
    world.behaviour = replace(world.behaviour, takes_any_csrf_token=False)
    return Harness(world)


@pytest.mark.parametrize("era", ERAS)
async def test_it_is_tried_once_and_before_the_question(era: Era) -> None:
    harness = Harness()
    person = Consenting(harness)
    async with harness.client(era, person, **NO_TOKEN) as client:
        for tool in (RESET, DROP):
            body_of(await client.call_tool(tool, ARGUMENTS[tool]))
    assert trials(harness) == 1
    assert [TRIAL in sent for sent in person.seen] == [True, True]
    assert harness.sent.index(TRIAL) == 1, "after the project was read, whose name must be the one that is confirmed"
    (trial,) = (sent for sent in harness.recorder.writes if sent.line == TRIAL)
    assert trial.body is None
    assert "authorization" not in trial.headers


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("row", SESSION_WRITES, ids=lambda row: row.tool)
async def test_where_it_is_refused_nobody_is_asked(strict: Harness, era: Era, row: Operation) -> None:
    person = Consenting(strict)
    prepare(strict.world, row.tool)
    async with strict.client(era, person, **NO_TOKEN) as client:
        text, detail = refusal_of(await client.call_tool(row.tool, row.arguments))
    assert (person.seen, [sent.line for sent in strict.recorder.writes]) == ([], [TRIAL])
    assert (detail["kind"], detail["outcome"], detail["retryable"]) == ("csrf", "not_applied", False)
    for needed in ("Nothing was changed.", "cookie posthog_csrftoken", "POSTHOG_CSRF_TOKEN", "restart"):
        assert needed in text


@pytest.mark.parametrize("era", ERAS)
async def test_a_refusal_is_remembered_for_90_seconds(strict: Harness, era: Era) -> None:
    async with strict.client(era, Consenting(strict), **NO_TOKEN) as client:
        assert isinstance(client.server, ProjectsServer)
        trial = client.server._runner._services.key_access.session_trial  # noqa: SLF001 - to let time pass
        now = anyio.current_time() + 1_000
        for late, expected in ((0, 1), (89, 1), (91, 2)):
            trial.clock = partial(float, now + late)
            assert refusal_of(await client.call_tool(RESET, ARGUMENTS[RESET]))[1]["kind"] == "csrf"
            assert trials(strict) == expected
        strict.world.behaviour = replace(strict.world.behaviour, takes_any_csrf_token=True)
        trial.clock = partial(float, now + 200)
        body_of(await client.call_tool(RESET, ARGUMENTS[RESET]))


class Between:
    """Stands before the sandbox, and answers the trial as long as it has an answer for it."""

    def __init__(self) -> None:
        self.answer: Callable[[Any], Any] | None = None
        self._application = create_app(seed())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        trial = f"{scope['method']} {scope['path']}" == TRIAL
        await (self.answer(send) if trial and self.answer else self._application(scope, receive, send))


async def _html(send: Any) -> None:
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": b"<html>Forbidden by the firewall</html>"})


async def _breaks(send: Any) -> None:
    await send({"type": "http.response.start", "status": 405, "headers": []})
    raise ConnectionResetError


UNCLEAR: dict[str, Callable[[Any], Any]] = {
    "PostHog fails": lambda send: refuse(send, 503, "database_unavailable", "Try again."),
    "a proxy fails": lambda send: refuse(send, 502, "x", "x"),
    "throttled": lambda send: refuse(send, 429, "throttled", "Expected available in 7 seconds."),
    "no such address": lambda send: refuse(send, 404, "not_found", "Endpoint not found."),
    "a firewall": _html,
}


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("name", UNCLEAR)
async def test_if_it_cannot_be_told_the_call_is_refused_and_the_next_one_tries_again(era: Era, name: str) -> None:
    between = Between()
    between.answer = UNCLEAR[name]
    harness = Harness(application=between)
    person = Consenting(harness)
    async with harness.client(era, person, **NO_TOKEN) as client:
        text, detail = refusal_of(await client.call_tool(RESET, ARGUMENTS[RESET]))
        assert (person.seen, [sent.line for sent in harness.recorder.writes]) == ([], [TRIAL])
        assert (detail["kind"], detail["outcome"], detail["retryable"]) == ("session_unchecked", "not_applied", True)
        assert detail["retry_after_s"] == (7 if name == "throttled" else 10)
        assert "Nothing was changed." in text
        assert "POSTHOG_CSRF_TOKEN" in text
        between.answer = None
        if name != "throttled":  # PostHog's wish to be left alone holds for the session
            body_of(await client.call_tool(RESET, ARGUMENTS[RESET]))


async def test_a_connection_that_breaks_proves_nothing() -> None:
    between = Between()
    between.answer = _breaks
    harness = Harness(application=between)
    async with harness.client("auto", Consenting(harness), **NO_TOKEN) as client:
        _, detail = refusal_of(await client.call_tool(RESET, ARGUMENTS[RESET]))
    assert detail["kind"] == "session_unchecked"
    assert [sent.line for sent in harness.recorder.writes] == [TRIAL]


async def test_a_posthog_that_does_not_take_the_address_is_not_asked_for_a_token() -> None:
    world = seed()
    reason = "Referer checking failed - https://posthog.test/ does not match any trusted origins."
    harness = Harness(world, OwnToken(create_app(world), reason))
    async with harness.client("auto", Consenting(harness), **NO_TOKEN) as client:
        text, detail = refusal_of(await client.call_tool(RESET, ARGUMENTS[RESET]))
    assert detail["kind"] == "csrf"
    assert "POSTHOG_HOST" in text
    assert "POSTHOG_CSRF_TOKEN" not in text, "no token would help"


@pytest.mark.parametrize("era", ERAS)
async def test_a_session_that_has_expired_is_said_before_the_question(era: Era) -> None:
    harness = Harness()
    harness.world.sessions.clear()
    person = Consenting(harness)
    async with harness.client(era, person, **NO_TOKEN) as client:
        text, detail = refusal_of(await client.call_tool(RESET, ARGUMENTS[RESET]))
    assert (detail["kind"], detail["outcome"]) == ("session_expired", "not_applied")
    assert "Nothing was changed." in text
    assert person.seen == []


@pytest.mark.parametrize("row", OTHERS, ids=lambda row: row.tool)
async def test_what_does_not_write_by_session_tries_nothing(row: Operation) -> None:
    harness = Harness()
    async with harness.client("auto", Consenting(harness), **NO_TOKEN) as client:
        body_of(await client.call_tool(row.tool, row.arguments))
    assert trials(harness) == 0


@pytest.mark.parametrize("row", SESSION_WRITES, ids=lambda row: row.tool)
async def test_a_token_that_was_given_and_a_call_by_key_try_nothing(row: Operation) -> None:
    harness = Harness()
    prepare(harness.world, row.tool)
    async with harness.client("auto", Consenting(harness)) as client:
        body_of(await client.call_tool(row.tool, row.arguments))
    assert trials(harness) == 0
    by_key = Harness()
    async with by_key.client("auto", Consenting(by_key), POSTHOG_SESSION_ID="", **NO_TOKEN) as client:
        refusal_of(await client.call_tool(row.tool, row.arguments))
    assert trials(by_key) == 0


async def test_a_wrong_name_and_a_read_only_server_try_nothing() -> None:
    harness = Harness()
    async with harness.client("auto", Consenting(harness), **NO_TOKEN) as client:
        wrong = {**ARGUMENTS[RESET], "confirm_project_name": "Another"}
        assert refusal_of(await client.call_tool(RESET, wrong))[1]["kind"] == "name_mismatch"
    async with harness.client("auto", Consenting(harness), **NO_TOKEN, PROJECTS_MCP_ACCESS="read") as client:
        assert refusal_of(await client.call_tool(RESET, ARGUMENTS[RESET]))[1]["kind"] == "access_level"
    assert harness.recorder.writes == []


async def test_calls_at_once_try_it_once() -> None:
    harness = Harness()
    async with harness.client("auto", None, **NO_TOKEN) as client, anyio.create_task_group() as calls:
        # Of two projects: of one, the second call would find it changed since it was confirmed.
        for arguments in (ARGUMENTS[RESET], RESET_OF_MOBILE):
            calls.start_soon(_succeed, client, arguments)
    assert trials(harness) == 1


async def _succeed(client: Client, arguments: dict[str, Any]) -> None:
    body_of(await client.call_tool(RESET, arguments))


async def test_nothing_of_the_trial_is_in_the_audit_log(tmp_path: Any) -> None:
    harness, log = Harness(), tmp_path / "audit.jsonl"
    async with harness.client("auto", None, **NO_TOKEN, PROJECTS_MCP_AUDIT_LOG=str(log)) as client:
        body_of(await client.call_tool(RESET, ARGUMENTS[RESET]))
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert events == ["intent", "outcome"]
    assert sandbox.SESSION_ID not in log.read_text()
