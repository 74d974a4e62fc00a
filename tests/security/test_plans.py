"""Whose a plan is, and what may be done with it: held where it is applied, whatever was allowed when it was made."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from projects_mcp.config.settings import load
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.policy.access import Access
from projects_mcp.policy.authorization import CallerGrant
from projects_mcp.posthog.client import PostHog
from projects_mcp.runner.result import ToolResult
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sandbox import ACME_ID, MOBILE_ID, NORTHWIND_ID, PRODUCTION_ID, STAGING_ID
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.store import StateStore
from tests.support.fleets import TurnedClock
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import ENVIRONMENT, Harness, refusal_of
from tests.support.plans import agree, applied, consent_to, previewed

pytestmark = pytest.mark.anyio

IDS = [PRODUCTION_ID, STAGING_ID, MOBILE_ID]
CHANGE: dict[str, Any] = {"project_ids": IDS, "settings": {"week_start_day": 1}}


@pytest.fixture
def harness() -> Harness:
    return Harness(store=SharedMemory())


def runner_of(harness: Harness, name: str, organization: str = ACME_ID, access: Access = Access.FULL) -> ToolRunner:
    settings = load(ENVIRONMENT)
    grant = CallerGrant(name, frozenset({"project:write"}), frozenset({UUID(organization)}), access)
    settings = replace(settings, organization=UUID(organization))
    posthog = PostHog(settings.origin, settings.credentials, settings.limits, harness.recorder)
    return ToolRunner(settings, posthog, AuditLog(Redactor(settings.secrets())), grant, store=harness.store)


async def kind_of(runner: ToolRunner, **arguments: Any) -> str:
    result: ToolResult = await runner.call("project_update", arguments)
    return str((result.error or {"kind": "answered"})["kind"])


async def test_nobody_applies_the_plan_of_another_caller_or_without_the_rights(harness: Harness) -> None:
    one = runner_of(harness, "one")
    preview = (await one.call("project_update", {**CHANGE, "dry_run": True})).body
    assert preview is not None
    assert preview["projects"] == 2
    consent = consent_to(preview)
    assert await kind_of(runner_of(harness, "two"), **consent) == "no_such_plan"
    assert await kind_of(runner_of(harness, "one", access=Access.READ), **consent) == "caller_access"
    elsewhere = (await runner_of(harness, "one", NORTHWIND_ID).call("project_update", consent)).body
    assert elsewhere is not None
    assert elsewhere["applied"] == 0
    assert len(next(iter(elsewhere["failed"].values()))) == 2
    assert harness.recorder.writes == []


async def test_a_plan_of_another_posthog_is_none(harness: Harness) -> None:
    async with harness.client(ask=agree) as client:
        preview = (await previewed(client, TurnedClock(), **CHANGE))[-1]
    async with harness.client(ask=agree, POSTHOG_HOST="https://other.test") as client:
        _, detail = refusal_of(await client.call_tool("project_update", consent_to(preview)))
    assert detail["kind"] == "no_such_plan"
    assert harness.recorder.writes == []


async def test_what_was_allowed_when_it_was_made_is_asked_again_when_it_is_applied(harness: Harness) -> None:
    for number in IDS:
        harness.fields(number)["conversations_enabled"] = True
    settings = {"conversations_enabled": False}
    async with harness.client(ask=agree) as client:
        (preview,) = await previewed(client, TurnedClock(), project_ids=IDS, settings=settings)
    assert preview["projects"] == 3
    async with harness.client(
        ask=agree,
        PROJECTS_MCP_PROTECTED_PROJECTS=str(STAGING_ID),
        PROJECTS_MCP_ONLY_PROJECTS=f"{PRODUCTION_ID},{STAGING_ID}",
    ) as client:
        (final,) = await applied(client, TurnedClock(), preview)
    assert (final["left"], final["applied"]) == (0, 1)
    assert harness.fields(STAGING_ID)["conversations_enabled"] is True
    assert harness.fields(MOBILE_ID)["conversations_enabled"] is True


async def test_steps_that_were_changed_in_the_store_are_not_carried_out(harness: Harness) -> None:
    store: StateStore | None = harness.store
    assert store is not None
    async with harness.client(ask=agree) as client:
        preview = (await previewed(client, TurnedClock(), **CHANGE))[-1]
        ((key, text),) = await store.find("plansteps:", 10)
        steps = [json.loads(step) for step in json.loads(text)]
        steps[0][4]["week_start_day"] = 0
        assert await store.replace(key, text, json.dumps([json.dumps(step) for step in steps]))
        _, detail = refusal_of(await client.call_tool("project_update", consent_to(preview)))
    assert detail["kind"] == "state_unavailable"
    assert harness.recorder.writes == []
