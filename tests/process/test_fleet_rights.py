"""Each command about many projects under each restriction: what is closed, and what is secret, stays so."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.cli.fleet.audit import run_audit
from projects_mcp.cli.fleet.compare import run_compare
from projects_mcp.cli.fleet.export import run_export
from projects_mcp.sandbox import (
    ACME_ID,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    STAGING_ID,
)
from tests.support.fleet_rights import CLOSED, OPEN, ZONE, Restriction
from tests.support.plans import differences, settings_of
from tests.support.posthog import Upstream
from tests.support.settings_desk import Desk

HIDDEN = "Hidden from this command"
PLANTED = "plantedSecretOfEach"


RESTRICTIONS = {
    "only some projects": Restriction(CLOSED, {"PROJECTS_MCP_ONLY_PROJECTS": f"{PRODUCTION_ID},{STAGING_ID}"}),
    "a key of some projects": Restriction(CLOSED, {"POSTHOG_PERSONAL_API_KEY": ONE_PROJECT_KEY}),
    "a key of one organization": Restriction(
        [NORTHWIND_PROJECT_ID], {"POSTHOG_PERSONAL_API_KEY": ONE_ORGANIZATION_KEY}, organization=NORTHWIND_ID
    ),
    "another organization in the settings": Restriction(
        [NORTHWIND_PROJECT_ID], {"POSTHOG_ORGANIZATION_ID": ACME_ID}, organization=NORTHWIND_ID
    ),
}
WANTED = 'settings = {week_start_day = 1, slack_incoming_webhook = "https://hooks.example/other"}\n'


@pytest.fixture
def desk(upstream: Upstream, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    upstream.world.api_keys[ONE_PROJECT_KEY].scoped_teams = tuple(OPEN)
    for project in upstream.world.projects.values():
        hook = f"https://hooks.slack.com/services/T00000000/B00000000/{PLANTED}"
        secrets = {"secret_api_token": f"phs_{PLANTED}000000000001", "slack_incoming_webhook": hook}
        project.fields.update(week_start_day=None, **secrets)
    return Desk(upstream.origin, tmp_path, capsys)


def hide(upstream: Upstream, projects: list[int]) -> None:
    """Give projects values by which they are known wherever they are shown."""
    for number in projects:
        upstream.world.projects[number].fields.update(name=f"{HIDDEN} {number}", timezone=ZONE)


def commands(desk: Desk, restriction: Restriction) -> dict[str, Callable[[], Any]]:
    """Each command, made as it could reach what is closed."""
    settings, closed = desk.settings(**restriction.settings), restriction.closed
    every = "[[group]]\nmatch = {name = '*'}\nsettings = {week_start_day = 1}\n"
    named = "".join(f"[[project]]\nid = {number}\nsettings = {{week_start_day = 1}}\n" for number in closed)
    file = desk.file(every + named, restriction.organization)
    more: dict[str, Any] = dict(restriction.settings)
    return {
        "audit": lambda: run_audit(
            settings, [f"timezone={ZONE}"], ["timezone", "slack_incoming_webhook"], as_json=True
        ),
        "audit of all": lambda: run_audit(settings, [], ["timezone", "secret_api_token"], as_json=True),
        "compare": lambda: run_compare(settings, PRODUCTION_ID, closed[0], as_json=True),
        "compare the other way": lambda: run_compare(settings, closed[0], PRODUCTION_ID, as_json=True),
        "export": lambda: run_export(settings, closed, None),
        "export of all": lambda: run_export(settings, [], None),
        "plan": lambda: desk.plan(file, **more),
        "drift": lambda: desk.drift(file, **more),
        "apply": lambda: desk.apply(file, **more),
    }


COMMANDS = (
    *("audit", "audit of all", "compare", "compare the other way", "export", "export of all"),
    *("plan", "drift", "apply"),
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("who", RESTRICTIONS)
def test_what_is_closed_is_neither_shown_nor_changed(upstream: Upstream, desk: Desk, who: str, command: str) -> None:
    restriction = RESTRICTIONS[who]
    hide(upstream, restriction.closed)
    before = settings_of(upstream.world)
    came = commands(desk, restriction)[command]()
    out, err = desk.capsys.readouterr()
    shown = f"{out}{err}{json.dumps(came)}"
    assert shown.strip()
    assert HIDDEN not in shown
    assert command == "audit" or ZONE not in shown
    assert PLANTED not in shown
    changed = differences(before, settings_of(upstream.world))
    assert set(changed).isdisjoint(restriction.closed)
    assert all(names == {"week_start_day"} for names in changed.values())
    assert not changed or command == "apply"
    if command == "apply" and restriction.organization == ACME_ID:
        assert set(changed) == set(OPEN), "what is open is changed all the same"


def test_what_cannot_be_undone_is_not_done_to_a_protected_project(upstream: Upstream, desk: Desk) -> None:
    for number in OPEN:
        upstream.world.projects[number].fields["conversations_enabled"] = True
    file = desk.file(f"[[group]]\nmatch = {{ids = {OPEN}}}\nsettings = {{conversations_enabled = false}}\n")
    before = settings_of(upstream.world)
    code, receipt, err = desk.apply(file, PROJECTS_MCP_PROTECTED_PROJECTS=str(STAGING_ID))
    assert (code, receipt["applied"], receipt["applied_ids"]) == (1, 1, str(PRODUCTION_ID)), err
    assert set(differences(before, settings_of(upstream.world))) == {PRODUCTION_ID}


def test_a_secret_cannot_be_planned_from_a_file(upstream: Upstream, desk: Desk) -> None:
    file = desk.file(f"[[project]]\nid = {PRODUCTION_ID}\n{WANTED}")
    for command in (desk.plan, desk.apply):
        code, body, err = command(file)
        assert (code != 0, body) == (True, None)
        assert "slack_incoming_webhook" in err
    assert upstream.recorder.writes == []
