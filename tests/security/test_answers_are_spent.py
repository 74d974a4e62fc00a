"""A person's yes is used up by being given, whatever becomes of the round that it was given in."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult, InputRequiredResult

from projects_mcp.protocol.elicitation import ROUNDS_APART_S
from projects_mcp.sandbox import MOBILE_ID
from projects_mcp.state.memory import MemoryStore
from tests.support.harness import Harness, refusal_of

pytestmark = pytest.mark.anyio

ARGUMENTS = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
YES = ElicitResult(action="accept", content={"confirm": True})


async def ask(client: Client) -> InputRequiredResult:
    question = await client.session.call_tool("project_delete", ARGUMENTS, allow_input_required=True)
    assert isinstance(question, InputRequiredResult)
    return question


async def answer(client: Client, question: InputRequiredResult) -> Any:
    return await client.session.call_tool(
        "project_delete",
        ARGUMENTS,
        input_responses={"confirm": YES},
        request_state=question.request_state,
        allow_input_required=True,
    )


def renamed(harness: Harness, _log: Path) -> Callable[[], None]:
    harness.fields(MOBILE_ID)["name"] = "Another name"
    return lambda: harness.fields(MOBILE_ID).update(name="Acme mobile")


def failing(harness: Harness, _log: Path) -> Callable[[], None]:
    before = harness.world.behaviour
    harness.world.behaviour = replace(before, database_unavailable=True)
    return lambda: setattr(harness.world, "behaviour", before)


def unwritable(_harness: Harness, log: Path) -> Callable[[], None]:
    log.unlink(missing_ok=True)
    log.mkdir()
    return log.rmdir


@pytest.mark.parametrize("trouble", [renamed, failing, unwritable])
async def test_a_yes_that_met_trouble_does_not_count_when_the_trouble_is_over(
    harness: Harness, tmp_path: Path, trouble: Callable[[Harness, Path], Callable[[], None]]
) -> None:
    async def never(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("the rounds are made by hand")

    log = tmp_path / "audit"
    async with harness.client("auto", never, PROJECTS_MCP_AUDIT_LOG=str(log)) as client:
        question = await ask(client)
        end = trouble(harness, log)
        refused = await answer(client, question)
        assert not isinstance(refused, InputRequiredResult)
        assert refused.is_error
        end()
        again = await answer(client, question)
        assert isinstance(again, InputRequiredResult), "the person is asked anew"
        assert harness.recorder.writes == []
        done = await answer(client, again)
        assert not isinstance(done, InputRequiredResult)
        assert not done.is_error
    assert len(harness.recorder.writes) == 1


async def test_a_spent_yes_is_remembered_as_long_as_its_question_counts(harness: Harness, tmp_path: Path) -> None:
    async def never(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("the rounds are made by hand")

    now = 0.0
    harness.store = MemoryStore(clock=lambda: now)
    async with harness.client("auto", never) as client:
        question = await ask(client)
        end = renamed(harness, tmp_path)
        refusal_of(await answer(client, question))
        end()
        now = ROUNDS_APART_S
        assert isinstance(await answer(client, question), InputRequiredResult)
    assert harness.recorder.writes == []


async def test_an_answer_that_cannot_be_remembered_does_not_count(harness: Harness) -> None:
    async def never(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("the rounds are made by hand")

    harness.store = MemoryStore(most=1)
    async with harness.client("auto", never) as client:
        question = await ask(client)
        await harness.store.add("another:record", "1", 60)
        refused = await answer(client, question)
        text, detail = refusal_of(refused)
        assert detail["kind"] == "state_unavailable"
        assert "Nothing was changed" in text
    assert harness.recorder.writes == []


@pytest.mark.parametrize("answers", [{}, {"another": YES}])
async def test_a_round_that_brings_no_answer_is_the_clients_failure_and_uses_the_question_up(
    harness: Harness, answers: dict[str, Any]
) -> None:
    async def never(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("the rounds are made by hand")

    async with harness.client("auto", never) as client:
        question = await ask(client)
        refused = await client.session.call_tool(
            "project_delete",
            ARGUMENTS,
            input_responses=answers,
            request_state=question.request_state,
            allow_input_required=True,
        )
        assert not isinstance(refused, InputRequiredResult)
        _, detail = refusal_of(refused)
        assert detail["kind"] == "client_failed"
        assert isinstance(await answer(client, question), InputRequiredResult), "the person is asked anew"
    assert harness.recorder.writes == []
