"""Ctrl+C at a real terminal, whatever a command waits for: it ends at once, and says whether something was changed."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.sandbox import ACME_ID, MOBILE_ID, PRODUCTION_ID, READ_WRITE_KEY
from projects_mcp.sandbox.fleet import add_fleet
from tests.support.posthog import Upstream, writing
from tests.support.process import run
from tests.support.terminal import AtTerminal
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.usefixtures("no_proxy"),
    pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is one of Unix"),
]

FLEET = 12
FILE = f'organization = "{ACME_ID}"\n[[group]]\nmatch = {{name = "customer-*"}}\nsettings = {{week_start_day = 1}}\n'
NOTHING = "Interrupted. Nothing was changed."
UNKNOWN = "It is not known whether the last change was made: look before you repeat it."
GO_ON = "Run the same command again to go on."
UPDATE = ["call", "project_update", f"project_id={MOBILE_ID}", "settings.timezone=Asia/Tokyo"]
DELETE = ["call", "project_delete", f"project_id={MOBILE_ID}", "confirm_project_name=Acme mobile"]
HELD_S = 600.0
"""Seconds for which PostHog leaves a request without an answer: longer than any test."""


@pytest.fixture
def machine(upstream: Upstream, tmp_path: Path) -> dict[str, str]:
    add_fleet(upstream.world, FLEET)
    return {
        "POSTHOG_HOST": upstream.origin,
        "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
        "PROJECTS_MCP_STATE": str(tmp_path / "state"),
    }


@pytest.fixture
def file(upstream: Upstream, tmp_path: Path) -> str:
    path = tmp_path / "projects.toml"
    path.write_text(f'host = "{upstream.origin}"\n{FILE}', encoding="utf-8")
    return str(path)


def interrupted(command: AtTerminal) -> str:
    """What it says after Ctrl+C, on one line."""
    before = len(command.shown)
    command.interrupt()
    assert command.end() == 130, command.shown
    said = " ".join(command.shown[before:].split())
    assert "Traceback" not in command.shown
    return said[said.index("Interrupted.") :]


def test_at_a_question_of_a_call(machine: dict[str, str], upstream: Upstream) -> None:
    person = AtTerminal(DELETE, machine)
    person.wait_for("Type yes to go on: ")
    assert interrupted(person) == NOTHING
    assert not any(request.method != "GET" for request in upstream.recorder.requests)


def test_while_a_read_waits_for_posthog(machine: dict[str, str], upstream: Upstream) -> None:
    upstream.delay = lambda scope: HELD_S if f"/projects/{MOBILE_ID}" in scope["path"] else 0.0
    person = AtTerminal(["call", "project_get", f"project_id={MOBILE_ID}"], machine)
    assert eventually(upstream.arrived.is_set)
    assert interrupted(person) == NOTHING


def test_while_a_write_is_under_way_nobody_knows(machine: dict[str, str], upstream: Upstream, tmp_path: Path) -> None:
    upstream.delay = lambda scope: HELD_S if writing(scope) else 0.0
    person = AtTerminal(UPDATE, machine)
    assert eventually(upstream.arrived.is_set)
    assert interrupted(person) == f"Interrupted. {UNKNOWN}"
    (row,) = json.loads(run("history", **machine).stdout)["calls"]
    assert (row["tool"], row["outcome"]) == ("project_update", "unknown"), "its history says the same"

    upstream.arrived.clear()
    person = AtTerminal(UPDATE, machine, stderr=str(tmp_path / "err"))
    assert eventually(upstream.arrived.is_set)
    person.interrupt()
    assert person.end() == 130
    error = json.loads((tmp_path / "err").read_text())
    assert (error["kind"], error["outcome"], error["request_sent"]) == ("interrupted", "unknown", True)
    assert error["message"] == f"Interrupted. {UNKNOWN}"


@pytest.mark.parametrize("command", ["plan", "drift", "apply"])
def test_while_a_command_about_many_waits_for_the_limit_of_the_key(
    machine: dict[str, str], upstream: Upstream, file: str, command: str
) -> None:
    upstream.refuse = lambda scope: 429 if "/projects/" in scope["path"] else 0
    person = AtTerminal([command, file], machine)
    person.wait_for("Waiting ")
    assert interrupted(person) == NOTHING


def test_while_apply_waits_the_changes_before_are_told(machine: dict[str, str], upstream: Upstream, file: str) -> None:
    written: list[str] = []

    def refuse(scope: Mapping[str, Any]) -> int:
        if writing(scope):
            written.append(scope["path"])
        return 429 if len(written) > 1 else 0

    upstream.refuse = refuse
    person = AtTerminal(["apply", file], machine)
    person.wait_for("Type these words to go on: ")
    person.type(f"change {FLEET} projects")
    person.wait_for("Waiting ")
    assert interrupted(person) == f"Interrupted. 1 change was made before. {GO_ON}"
    upstream.refuse = lambda _scope: 0
    again = AtTerminal(["apply", file], machine)
    assert interrupted_or_done(again), "the same command goes on"


def interrupted_or_done(command: AtTerminal) -> bool:
    command.wait_for("Going on with the plan that was made of this file.")
    command.interrupt()
    return command.end() in {0, 130}


def test_while_apply_writes_nobody_knows_of_the_last_ones(
    machine: dict[str, str], upstream: Upstream, file: str
) -> None:
    written: list[str] = []

    def delay(scope: Mapping[str, Any]) -> float:
        if writing(scope):
            written.append(scope["path"])
        return HELD_S if len(written) > 1 else 0.0

    upstream.delay = delay
    person = AtTerminal(["apply", file], machine)
    person.wait_for("Type these words to go on: ")
    assert not written
    person.type(f"change {FLEET} projects")
    assert eventually(upstream.arrived.is_set)
    assert interrupted(person) == f"Interrupted. 1 change was made before. {UNKNOWN} {GO_ON}"


def test_at_the_words_of_apply(machine: dict[str, str], file: str) -> None:
    person = AtTerminal(["apply", file], machine)
    person.wait_for("Type these words to go on: ")
    assert interrupted(person) == NOTHING


def code_of_approval(environment: Mapping[str, str]) -> str:
    refused = run(*DELETE, **environment)
    found = re.search(r"approve ([0-9A-Z]{4}-[0-9A-Z]{4})`", refused.stderr)
    assert found is not None, refused.stderr
    return found[1]


def test_at_an_approval(machine: dict[str, str]) -> None:
    human = {**machine, "PROJECTS_MCP_CONFIRMATION": "human"}
    code = code_of_approval(human)
    person = AtTerminal(["approve", code], human)
    person.wait_for("Type the project's exact name")
    assert interrupted(person) == NOTHING
    page = AtTerminal(["approve", code, "--browser"], {**human, "BROWSER": "true"})
    page.wait_for("/approve/")
    assert interrupted(page).startswith("Interrupted. It may have been decided already.")
    assert len(json.loads(run("approvals", **human).stdout)) == 1, "it was not"


@pytest.mark.parametrize("question", ["Which PostHog:", "Personal API key (phx_…"])
def test_at_the_questions_of_login(upstream: Upstream, tmp_path: Path, question: str) -> None:
    home = {"XDG_CONFIG_HOME": str(tmp_path), "BROWSER": "true", "POSTHOG_HOST": upstream.origin}
    person = AtTerminal(["login"], home)
    person.wait_for("Which PostHog:")
    if question not in person.shown:
        person.type("")
        person.wait_for(question)
    assert interrupted(person) == NOTHING
    assert person.echoed_at_the_end
    assert list((tmp_path / "projects-mcp").iterdir()) == []


def test_while_doctor_asks_posthog(machine: dict[str, str], upstream: Upstream) -> None:
    upstream.delay = lambda _scope: HELD_S
    person = AtTerminal(["doctor"], machine)
    assert eventually(upstream.arrived.is_set)
    assert interrupted(person) == NOTHING


def test_while_a_project_is_exported_nothing_is_written(
    machine: dict[str, str], upstream: Upstream, tmp_path: Path
) -> None:
    upstream.delay = lambda scope: HELD_S if f"/projects/{PRODUCTION_ID}" in scope["path"] else 0.0
    out = tmp_path / "exported.toml"
    person = AtTerminal(["export", str(PRODUCTION_ID), "--out", str(out)], machine)
    assert eventually(upstream.arrived.is_set)
    assert interrupted(person) == NOTHING
    assert not out.exists()


def test_while_a_passkey_waits_to_be_enrolled(machine: dict[str, str]) -> None:
    person = AtTerminal(["passkey", "add", "ada"], machine)
    person.wait_for("To enrol a passkey of ada")
    person.wait_for("http://localhost:")
    assert interrupted(person) == "Interrupted. A passkey may be enrolled already. See: projects-mcp passkey list"
    assert json.loads(run("passkey", "list", "--json", **machine).stdout) == {"passkeys": []}
