"""What a caller may not touch stays untouched and unseen in calls about many projects: each verb, each restriction.

Beside each other: certain projects of the operator, protected ones, the organizations of a caller, and keys that are
restricted to projects or to an organization.
"""

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
from projects_mcp.sandbox import (
    ACME_ID,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    STAGING_ID,
)
from projects_mcp.sanitize.redaction import Redactor
from tests.support.fleet_rights import CLOSED, OPEN, ZONE, Restriction
from tests.support.gates_and_approvals import SharedMemory
from tests.support.harness import ENVIRONMENT, Harness
from tests.support.plans import consent_to, differences, settings_of

pytestmark = pytest.mark.anyio

HIDDEN = "Hidden from this caller"
SECRET = "phs_plantedSecretOfEach0000000000000001"
HOOK = "https://hooks.slack.com/services/T00000000/B00000000/plantedSecretOfEach"


RESTRICTIONS = {
    "only some projects": Restriction(CLOSED, {"PROJECTS_MCP_ONLY_PROJECTS": ",".join(map(str, OPEN))}),
    "a key of some projects": Restriction(CLOSED, {"POSTHOG_PERSONAL_API_KEY": ONE_PROJECT_KEY}),
    "a key of one organization": Restriction(
        [NORTHWIND_PROJECT_ID], {"POSTHOG_PERSONAL_API_KEY": ONE_ORGANIZATION_KEY}, organization=NORTHWIND_ID
    ),
    "a caller of one organization": Restriction([NORTHWIND_PROJECT_ID], organizations=(ACME_ID,)),
    "a caller of one organization, who names another": Restriction(
        [NORTHWIND_PROJECT_ID], organizations=(ACME_ID,), organization=NORTHWIND_ID
    ),
}
EVERY: list[int] = [*OPEN, *CLOSED, NORTHWIND_PROJECT_ID]
CHANGE: dict[str, Any] = {"settings": {"week_start_day": 1}, "dry_run": True}
VERBS: dict[str, tuple[str, dict[str, Any]]] = {
    "audit by a value": ("project_list", {"where": {"timezone": ZONE}, "fields": ["timezone"], "limit": 500}),
    "audit by the lack of one": ("project_list", {"where": {"week_start_day": None}, "fields": ["timezone"]}),
    "audit of secrets": ("project_list", {"where": {"slack_incoming_webhook": None}, "limit": 500}),
    "audit of fields": (
        "project_list",
        {"fields": ["timezone", "surveys_opt_in", "secret_api_token", "slack_incoming_webhook"]},
    ),
    "plan by id": ("project_update", {"project_ids": EVERY, **CHANGE}),
    "plan by condition": ("project_update", {"where": {"timezone": ZONE}, **CHANGE}),
    "plan by another condition": ("project_update", {"where": {"week_start_day": None}, **CHANGE}),
    **{
        f"compare {one} with {other}": ("project_get", {"project_id": one, "compare_to": other})
        for number in EVERY[1:]
        for one, other in ((PRODUCTION_ID, number), (number, PRODUCTION_ID))
    },
}
FREE = Restriction([])


@pytest.fixture
def harness() -> Harness:
    harness = Harness(store=SharedMemory())
    harness.world.api_keys[ONE_PROJECT_KEY].scoped_teams = tuple(OPEN)
    for number in EVERY:
        harness.fields(number).update(week_start_day=None, secret_api_token=SECRET, slack_incoming_webhook=HOOK)
    return harness


def hide(harness: Harness, projects: list[int]) -> None:
    """Give projects values by which they are known wherever they are shown."""
    for number in projects:
        harness.fields(number).update(name=f"{HIDDEN} {number}", timezone=ZONE)


def runner_of(harness: Harness, restriction: Restriction = FREE) -> ToolRunner:
    environment = {**ENVIRONMENT, "PROJECTS_MCP_CONFIRMATION": "argument", **restriction.settings}
    settings = load(environment)
    settings = replace(settings, limits=settings.limits._replace(second_look_s=0.01))
    grant = None
    if restriction.organizations is not None:
        organizations = frozenset(map(UUID, restriction.organizations))
        grant = CallerGrant("one", frozenset({"project:read", "project:write"}), organizations, Access.FULL)
    posthog = PostHog(settings.origin, settings.credentials, settings.limits, harness.recorder)
    return ToolRunner(settings, posthog, AuditLog(Redactor(settings.secrets())), grant, store=harness.store)


def shown(result: ToolResult) -> str:
    return f"{json.dumps(result.body)}{result.text}{json.dumps(result.error)}"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("who", RESTRICTIONS)
async def test_what_is_closed_is_neither_shown_nor_asked_for(harness: Harness, who: str, verb: str) -> None:
    restriction, (tool, arguments) = RESTRICTIONS[who], VERBS[verb]
    hide(harness, restriction.closed)
    runner, before = runner_of(harness, restriction), settings_of(harness.world)
    for organization in ({}, {"organization_id": restriction.organization}):
        result = await runner.call(tool, {**arguments, **organization})
        for word in (HIDDEN, ZONE if ZONE not in str(arguments) else HIDDEN, SECRET, "plantedSecret"):
            assert word not in shown(result), (word, organization)
        body = result.body or {}
        rows = [row["id"] for row in body.get("projects", [])] if tool == "project_list" else []
        assert set(rows).isdisjoint(restriction.closed)
        if "plan" in body:
            left_out = {number for ids in body.get("left_out", {}).values() for number in ids}
            assert left_out & set(EVERY) >= set(restriction.closed) if "project_ids" in arguments else not left_out
            assert body["projects"] <= len(EVERY) - len(restriction.closed)
    if "PROJECTS_MCP_ONLY_PROJECTS" in restriction.settings:
        assert not [line for line in harness.sent for number in restriction.closed if f"/{number}/" in line]
    assert harness.recorder.writes == []
    assert settings_of(harness.world) == before


@pytest.mark.parametrize("who", RESTRICTIONS)
async def test_a_plan_that_others_could_make_does_not_open_what_is_closed(harness: Harness, who: str) -> None:
    restriction = RESTRICTIONS[who]
    hide(harness, restriction.closed)
    everybody = None if restriction.organizations is None else (ACME_ID, NORTHWIND_ID)
    ids = [*OPEN, *CLOSED] if NORTHWIND_PROJECT_ID not in restriction.closed else [NORTHWIND_PROJECT_ID]
    place = {"organization_id": NORTHWIND_ID if ids == [NORTHWIND_PROJECT_ID] else ACME_ID}
    free = runner_of(harness, Restriction([], organizations=everybody))
    preview = (await free.call("project_update", {"project_ids": ids, **CHANGE, **place})).body
    assert preview is not None
    assert preview["projects"] == len(ids)
    before = settings_of(harness.world)
    for organization in ({}, {"organization_id": restriction.organization}):
        result = await runner_of(harness, restriction).call("project_update", {**consent_to(preview), **organization})
        assert ZONE not in shown(result)
    changed = differences(before, settings_of(harness.world))
    assert set(changed).isdisjoint(restriction.closed)
    assert set(changed) == set(ids) - set(restriction.closed), "what is open is changed all the same"


@pytest.mark.parametrize("how", ["by id", "by condition", "a plan of before"])
async def test_what_cannot_be_undone_is_not_done_to_a_protected_project(harness: Harness, how: str) -> None:
    for number in OPEN:
        harness.fields(number)["conversations_enabled"] = True
    change = {"settings": {"conversations_enabled": False, "week_start_day": 1}, "dry_run": True}
    which = {"where": {"conversations_enabled": True}} if how == "by condition" else {"project_ids": OPEN}
    protecting = runner_of(harness, Restriction([], {"PROJECTS_MCP_PROTECTED_PROJECTS": str(STAGING_ID)}))
    maker = runner_of(harness) if how == "a plan of before" else protecting
    preview = (await maker.call("project_update", {**which, **change})).body
    assert preview is not None
    before = settings_of(harness.world)
    receipt = (await protecting.call("project_update", consent_to(preview))).body
    assert receipt is not None
    assert receipt["applied"] == 1
    assert set(differences(before, settings_of(harness.world))) == {PRODUCTION_ID}
    if how != "a plan of before":
        assert [number for ids in preview["left_out"].values() for number in ids] == [STAGING_ID]


async def test_a_protected_project_is_read_and_compared_as_any(harness: Harness) -> None:
    protecting = runner_of(harness, Restriction([], {"PROJECTS_MCP_PROTECTED_PROJECTS": str(STAGING_ID)}))
    listed = (await protecting.call("project_list", {"where": {"is_demo": False}, "limit": 500})).body
    compared = (await protecting.call("project_get", {"project_id": PRODUCTION_ID, "compare_to": STAGING_ID})).body
    assert listed is not None
    assert STAGING_ID in [row["id"] for row in listed["projects"]]
    assert compared is not None
    assert compared["compared_with"]["id"] == STAGING_ID
