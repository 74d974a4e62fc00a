"""Whose change is it? What shows after a lost answer can be somebody else's, and no evidence for this call."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp_types import CallToolResult

from projects_mcp.sandbox import ACME_ID, NORTHWIND_ID, PRODUCTION_ID, Behaviour, seed
from tests.contract.operations import ARGUMENTS, WRITES, prepare
from tests.support.harness import refusal_of
from tests.support.lost_writes import LOST, How, LosingPostHog, When, found_of, losing, unknown_of

pytestmark = pytest.mark.anyio

NEW = {"name": "New one", "organization_id": ACME_ID}
TWINS = replace(Behaviour(rate_limits=None), unique_names=False)


def outcome_of(result: CallToolResult) -> str:
    return str((result.meta or {})["projects-mcp/error"]["outcome"])


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("skew", [-7200, -20, 20, 7200])
async def test_a_created_project_is_named_whatever_the_clocks_say(how: How, skew: int) -> None:
    posthog = LosingPostHog("before", how, skew=timedelta(seconds=skew))
    posthog.world.clock = lambda: datetime.now(UTC) + timedelta(seconds=skew)
    known = set(posthog.world.projects)
    async with losing(posthog) as client:
        text = unknown_of(await client.call_tool("project_create", NEW))
    assert set(found_of(text)) == set(posthog.world.projects) - known
    assert "was created just now" in text


@pytest.mark.parametrize("others", [3, 150])
@pytest.mark.parametrize("place", [{}, {"organization_id": ACME_ID}], ids=["current", "named"])
async def test_a_created_project_is_named_among_many(others: int, place: dict[str, str]) -> None:
    posthog = LosingPostHog("before", "502", world=seed(behaviour=TWINS))
    for _ in range(others):
        posthog.create("New one", created_at="2026-01-01T00:00:00Z")
    known = set(posthog.world.projects)
    async with losing(posthog) as client:
        text = unknown_of(await client.call_tool("project_create", {"name": "New one", **place}))
    assert set(found_of(text)) == set(posthog.world.projects) - known


@pytest.mark.parametrize("how", [*LOST, "500"])
@pytest.mark.parametrize("when", ["never", "before", "later"])
@pytest.mark.parametrize("owner", [True, False], ids=["with the same key", "somebody else"])
async def test_of_two_creators_neither_is_told_that_a_project_is_its_own(how: How, when: When, owner: bool) -> None:
    """Two creations of one name with one key leave the same traces, whichever of them has happened."""
    posthog = LosingPostHog("never" if how == "500" and when == "later" else when, how, world=seed(behaviour=TWINS))
    known = set(posthog.world.projects)
    posthog.meanwhile = lambda: posthog.create(" new ONE", owner=owner)
    async with losing(posthog) as client:
        text = unknown_of(await client.call_tool("project_create", NEW))
        there = set(posthog.world.projects) - known
    assert set(found_of(text)) == there
    if not owner and len(there) == 1:
        assert "it is not the current project of the key's owner" in text


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


def _creates(*, owner: bool) -> Meanwhile:
    return lambda posthog: posthog.create(ARGUMENTS["project_create"]["name"], owner=owner)


SOMEBODY_ELSE: dict[str, tuple[str, Meanwhile, str]] = {
    "creates one of that name": ("project_create", _creates(owner=False), "or somebody else's"),
    "creates one with the same key": ("project_create", _creates(owner=True), "or somebody else's"),
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


SAME_BY_ANOTHER: dict[str, tuple[Meanwhile, str]] = {
    "project_cancel_deletion": (
        _set(is_pending_deletion=False, deletion_scheduled_at=None),
        "Had somebody else cancelled it",
    ),
    "project_delete": (_set(is_pending_deletion=True), "would look no different"),
    "project_change_organization": (_set(organization=NORTHWIND_ID), "would look no different"),
    "project_delete_secret_token_backup": (_set(secret_api_token_backup=None), "would look no different"),
    "project_reset_token": (_set(api_token="phc_TokenOfSomebodyElse000000001"), "this one may still replace it"),
    "project_rotate_secret_token": (
        _set(
            secret_api_token="phs_AnotherSecretOfSomebody0001", secret_api_token_backup="phs_PresentSecretOfTests00001"
        ),
        "this one may still replace it",
    ),
}


@pytest.mark.parametrize("tool", SAME_BY_ANOTHER)
@pytest.mark.parametrize("when", ["never", "before"])
async def test_a_change_that_another_can_have_made_is_not_claimed_as_ones_own(tool: str, when: When) -> None:
    """The state that was asked for is there, and the evidence leaves open who has made it."""
    meanwhile, says = SAME_BY_ANOTHER[tool]
    posthog = LosingPostHog(when, "504")
    prepare(posthog.world, tool)
    if when == "never":
        posthog.meanwhile = lambda: meanwhile(posthog)
    posthog.world.projects[PRODUCTION_ID].fields |= {
        "secret_api_token": "phs_PresentSecretOfTests00001",
        "secret_api_token_backup": "phs_PresentBackupOfTests00002",
    }
    async with losing(posthog) as client:
        result = await client.call_tool(tool, ARGUMENTS[tool])
    receipt = result.structured_content or {}
    assert receipt["outcome"] == "applied", receipt
    assert "was lost; this was read back" in receipt["evidence"]
    assert says in receipt["evidence"]


@given(
    tool=st.sampled_from(WRITES),
    how=st.sampled_from([*LOST, "500"]),
    when=st.sampled_from(["never", "before", "later"]),
    other=st.sampled_from([None, *SOMEBODY_ELSE]),
)
@settings(max_examples=60, deadline=None)
async def test_applied_and_not_applied_are_true_at_the_end(tool: str, how: How, when: When, other: str | None) -> None:
    posthog = LosingPostHog("never" if how == "500" and when == "later" else when, how)
    prepare(posthog.world, tool)
    untouched = posthog.state()
    if other is not None and when != "before":
        tool = SOMEBODY_ELSE[other][0]
        posthog.meanwhile = lambda: SOMEBODY_ELSE[other][1](posthog)
    async with losing(posthog) as client:
        outcome = outcome_of(await client.call_tool(tool, ARGUMENTS[tool]))
    if outcome == "applied":
        assert posthog.when == "before"
    if outcome == "not_applied":
        assert posthog.state() == untouched
