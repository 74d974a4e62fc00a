"""Who has to agree to a plan: a person, once, to exactly these steps; and again after it has stopped."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from projects_mcp.state.approvals import Approvals
from tests.support.fleets import TurnedClock, fleet_world
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of
from tests.support.plans import Asked, applied, consent_to, previewed

pytestmark = pytest.mark.anyio

SETTINGS = {"settings": {"week_start_day": 1}}


def ids(number: int) -> list[int]:
    return list(range(FIRST_FLEET_ID, FIRST_FLEET_ID + number))


@pytest.fixture
def harness(clock: TurnedClock) -> Harness:
    return Harness(fleet_world(clock, 12), store=SharedMemory())


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("confirmation", ["auto", "human"])
async def test_a_client_that_cannot_ask_is_offered_an_approval_of_the_plan(
    harness: Harness, clock: TurnedClock, era: Era, confirmation: str
) -> None:
    async with harness.client(era, PROJECTS_MCP_CONFIRMATION=confirmation) as client:
        (preview,) = await previewed(client, clock, project_ids=ids(6), **SETTINGS)
        text, detail = refusal_of(await client.call_tool("project_update", consent_to(preview)))
        assert detail["kind"] == "cannot_ask"
        assert detail["approval"]["command"] in text
        assert harness.recorder.writes == []
        assert harness.store is not None
        approvals = Approvals(harness.store)
        waiting = await approvals.find(detail["approval"]["code"])
        assert waiting is not None
        assert (waiting.phrase, waiting.project) == ("change 6 projects", None)
        shown = dict(waiting.lines)
        assert shown["What changes"] == "week_start_day: null -> 1 in 6 projects"
        assert shown["Plan"] == preview["plan"]
        await approvals.decide(waiting, granted=True, channel="terminal")
        (final,) = await applied(client, clock, preview)
    assert (final["left"], final["applied"]) == (0, 6)


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_no_changes_nothing(harness: Harness, clock: TurnedClock, era: Era, action: Any) -> None:
    async def refuse(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        return ElicitResult(action=action)

    async with harness.client(era, refuse) as client:
        (preview,) = await previewed(client, clock, project_ids=ids(6), **SETTINGS)
        refusal_of(await client.call_tool("project_update", consent_to(preview)))
    assert harness.recorder.writes == []


@pytest.mark.parametrize(
    ("number", "settings", "asked"), [(5, {}, 0), (6, {}, 1), (1, {"conversations_enabled": False}, 1)]
)
async def test_more_than_five_and_what_cannot_be_undone_need_a_person(
    harness: Harness, clock: TurnedClock, number: int, settings: dict[str, Any], asked: int
) -> None:
    for project in ids(number):
        harness.fields(project)["conversations_enabled"] = True
    person = Asked()
    async with harness.client(ask=person) as client:
        wanted = {"week_start_day": 1, **settings}
        (preview,) = await previewed(client, clock, project_ids=ids(number), settings=wanted)
        (final,) = await applied(client, clock, preview)
    assert (final["left"], final["applied"]) == (0, number)
    assert len(person.questions) == asked


async def test_where_the_operator_wants_nobody_asked_the_words_are_enough(harness: Harness, clock: TurnedClock) -> None:
    person = Asked()
    async with harness.client(ask=person, PROJECTS_MCP_CONFIRMATION="argument") as client:
        (preview,) = await previewed(client, clock, project_ids=ids(8), **SETTINGS)
        (final,) = await applied(client, clock, preview)
    assert final["applied"] == 8
    assert person.questions == []


async def test_a_yes_is_for_one_plan(harness: Harness, clock: TurnedClock) -> None:
    person = Asked()
    async with harness.client(ask=person) as client:
        (first,) = await previewed(client, clock, project_ids=ids(6), **SETTINGS)
        (second,) = await previewed(client, clock, project_ids=ids(6), settings={"surveys_opt_in": True})
        assert first["plan"] != second["plan"]
        await applied(client, clock, first)
        await applied(client, clock, second)
        await applied(client, clock, first)
    assert len(person.questions) == 2


async def test_each_step_has_its_lines_in_the_audit_log(harness: Harness, clock: TurnedClock, tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    async with harness.client(ask=Asked(), PROJECTS_MCP_AUDIT_LOG=str(log)) as client:
        (preview,) = await previewed(client, clock, project_ids=ids(6), **SETTINGS)
        await applied(client, clock, preview)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if line.get("plan")]
    assert {line["plan"] for line in steps} == {preview["plan"]}
    assert sorted(line["project"] for line in steps if line["event"] == "intent") == ids(6)
    assert sorted(line["project"] for line in steps if line["event"] == "outcome") == ids(6)
    assert {line["confirmed"] for line in steps} == {"client"}
    assert all(line["digest"] for line in steps if line["event"] == "intent")
    assert {line["event"] for line in lines if not line.get("plan")} == {"call"}, "the calls themselves write nothing"


async def test_no_secret_is_kept_in_a_plan(harness: Harness, clock: TurnedClock) -> None:
    key = "phx_plantedKeyOfSomebodyElse000000000000001"
    harness.fields(FIRST_FLEET_ID)["app_urls"] = [f"https://x.example/?key={key}"]
    async with harness.client(ask=Asked()) as client:
        (preview,) = await previewed(client, clock, project_ids=ids(6), settings={"app_urls": ["https://a.example"]})
        assert preview["projects"] == 5
        (left_out,) = [named for reason, named in preview["left_out"].items() if "holds a secret" in reason]
        assert left_out == [FIRST_FLEET_ID]
        settings = {"app_urls": [f"https://x.example/?key={key}"]}
        arguments = {"project_ids": ids(6), "settings": settings, "dry_run": True}
        _, detail = refusal_of(await client.call_tool("project_update", arguments))
        assert detail["kind"] == "invalid_argument"
        body_of(await client.call_tool("project_update", consent_to(preview)))
    assert harness.store is not None
    assert key not in str(await harness.store.find("", 10_000))
