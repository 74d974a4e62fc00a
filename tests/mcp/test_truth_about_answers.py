"""What is said after a question: who is known to have said no, who is not, what was waited for, and the way on."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import MCPError
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp.config.settings import SettingsError, load
from projects_mcp.policy.confirmation import ProjectSnapshot, confirmation_request
from projects_mcp.sandbox import MOBILE_ID
from projects_mcp.sanitize.redaction import Redactor
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

ARGUMENTS = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
YES = ElicitResult(action="accept", content={"confirm": True})
READING_S = 1.1
"""Longer than the fastest reader needs."""


async def refused(harness: Harness, era: Era, answer: Callable[[], Awaitable[ElicitResult]]) -> tuple[str, str]:
    """The words and the kind of the refusal that follows from an answer. Nothing may have been changed."""

    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        return await answer()

    async with harness.client(era, ask) as client:
        text, detail = refusal_of(await client.call_tool("project_reset_token", ARGUMENTS))
    assert harness.recorder.writes == []
    assert "Nothing was changed." in text
    assert "Another client" in text
    assert "PROJECTS_MCP_CONFIRMATION" in text
    return text, detail["kind"]


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("action", "words"), [("decline", "The user declined project_reset_token"), ("cancel", "was closed without")]
)
async def test_after_time_to_read_a_no_is_the_users(harness: Harness, era: Era, action: Any, words: str) -> None:
    async def answer() -> ElicitResult:
        await anyio.sleep(READING_S)
        return ElicitResult(action=action)

    text, kind = await refused(harness, era, answer)
    assert kind == "not_confirmed"
    assert words in text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_no_that_nobody_can_have_thought_about_is_the_clients(harness: Harness, era: Era, action: Any) -> None:
    async def answer() -> ElicitResult:
        return ElicitResult(action=action)

    text, kind = await refused(harness, era, answer)
    assert kind == "client_refused"
    assert "The client answered no" in text
    assert "perhaps without showing the question" in text
    assert "user declined" not in text


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("content", [None, {}, {"confirm": False}, {"confirm": "true"}, {"confirm": 1}, {"yes": True}])
async def test_an_answer_without_the_form_is_named_so(harness: Harness, era: Era, content: Any) -> None:
    async def answer() -> ElicitResult:
        return ElicitResult(action="accept", content=content)

    text, kind = await refused(harness, era, answer)
    assert kind == "answer_without_form"
    assert "“Yes, do it” was not ticked" in text


async def test_an_error_of_the_client_is_named_so(harness: Harness) -> None:
    async def answer() -> ElicitResult:
        raise MCPError(code=-32601, message="Method not found")

    text, kind = await refused(harness, "legacy", answer)
    assert kind == "client_failed"
    assert "The client answered" in text
    assert "with an error" in text


async def test_no_answer_in_time_is_named_so_and_a_late_yes_changes_nothing(harness: Harness) -> None:
    told = anyio.Event()

    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        try:
            await anyio.sleep(30)
        except anyio.get_cancelled_exc_class():
            told.set()
            raise
        return YES

    began = anyio.current_time()
    async with harness.client("legacy", ask, PROJECTS_MCP_QUESTION_TIMEOUT="5") as client:
        text, detail = refusal_of(await client.call_tool("project_reset_token", ARGUMENTS))
        waited = anyio.current_time() - began
        with anyio.fail_after(2):
            await told.wait()
    assert 4.9 <= waited < 8
    assert detail["kind"] == "no_answer"
    assert "PROJECTS_MCP_QUESTION_TIMEOUT" in text
    assert "declined" not in text
    assert harness.recorder.writes == []


@pytest.mark.parametrize("era", ERAS)
async def test_a_persons_time_is_not_counted_as_the_calls(harness: Harness, era: Era) -> None:
    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        await anyio.sleep(2.3)
        return YES

    async with harness.client(era, ask, PROJECTS_MCP_CALL_TIMEOUT="2") as client:
        assert body_of(await client.call_tool("project_reset_token", ARGUMENTS))["outcome"] == "applied"


@pytest.mark.parametrize("text", ["4", "301", "0", "-1", "45.5", "soon"])
def test_a_time_without_sense_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="PROJECTS_MCP_QUESTION_TIMEOUT"):
        load({"PROJECTS_MCP_QUESTION_TIMEOUT": text})


def test_a_question_waits_45_seconds_if_nothing_is_said() -> None:
    assert load({}).question_timeout_s == 45


@pytest.mark.parametrize("era", ERAS)
async def test_the_question_says_where_and_about_what(harness: Harness, era: Era) -> None:
    shown: list[str] = []

    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        shown.append(params.message)
        return YES

    async with harness.client(era, ask) as client:
        body_of(await client.call_tool("project_reset_token", ARGUMENTS))
    assert shown[0].startswith("PostHog at posthog.test: ")
    for part in ("“Acme mobile”", f"id {MOBILE_ID}", f"organization {harness.fields(MOBILE_ID)['organization']}"):
        assert part in shown[0]


TOKENS = st.none() | st.text("abc", min_size=1, max_size=6)


@given(
    hosts=st.tuples(
        *(st.sampled_from(["https://us.posthog.com", "https://eu.posthog.com", "http://us.posthog.com"]),) * 2
    ),
    ids=st.tuples(*(st.integers(1, 3),) * 2),
    names=st.tuples(*(st.text("ab\u200b", min_size=1, max_size=3),) * 2),
    places=st.tuples(*(st.sampled_from([UUID(int=1), UUID(int=2)]),) * 2),
    tokens=st.tuples(*(TOKENS,) * 2),
    secrets=st.tuples(*(TOKENS,) * 2),
)
def test_two_states_share_a_digest_only_if_they_are_one(**drawn: Any) -> None:
    requests, states = [], []
    for which in (0, 1):
        host, number, name, place, token, secret = (pair[which] for pair in drawn.values())
        target = ProjectSnapshot(number, name, place, {"api_token": token, "secret_api_token": secret})
        requests.append(confirmation_request(host, "Delete project", target, "All is lost.", {}, Redactor()))
        states.append((host, number, name, place, token, secret))
    assert (requests[0].digest == requests[1].digest) == (states[0] == states[1])


async def test_the_state_of_another_version_does_not_say_when_it_was_asked(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While two versions stand behind one address, a no is not put on a person by guess."""
    from projects_mcp.protocol import elicitation  # noqa: PLC0415 - only this test looks inside

    made = elicitation.input_required

    def without_time(request: Any) -> Any:
        question = made(request)
        state = question.request_state
        assert state is not None
        return question.model_copy(update={"request_state": state[: state.index(', "asked"')] + "}"})

    monkeypatch.setattr("projects_mcp.protocol.server.input_required", without_time)

    async def answer() -> ElicitResult:
        await anyio.sleep(READING_S)
        return ElicitResult(action="decline")

    assert (await refused(harness, "auto", answer))[1] == "client_refused"
