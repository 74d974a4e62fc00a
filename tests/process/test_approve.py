"""`projects-mcp approve` and `approvals`: a person at a real terminal decides on a call that a client was refused."""

import json
import re
import signal
import subprocess
import sys
from typing import Any

import pytest

from projects_mcp.sandbox import MOBILE_ID
from tests.support.process import run
from tests.support.terminal import AtTerminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="such terminals are those of Unix")

HUMAN = {"PROJECTS_MCP_SANDBOX": "1", "PROJECTS_MCP_CONFIRMATION": "human"}
CALL = ("call", "project_delete", f"project_id={MOBILE_ID}", "confirm_project_name=Acme mobile")
PROMPT = "Type the project's exact name"


def call(**environment: str) -> "subprocess.CompletedProcess[str]":
    return run(*CALL, **{**HUMAN, **environment})


def code_of(refused: "subprocess.CompletedProcess[str]") -> str:
    assert refused.returncode == 1
    assert "Nothing was changed." in refused.stderr
    found = re.search(r"approve ([0-9A-Z]{4}-[0-9A-Z]{4})`", refused.stderr)
    assert found is not None, refused.stderr
    return found[1]


def waiting() -> list[dict[str, Any]]:
    done = run("approvals", "--json", **HUMAN)
    assert done.returncode == 0, done.stderr
    listed: list[dict[str, Any]] = json.loads(done.stdout)
    return listed


def test_the_exact_name_lets_the_same_call_through_once() -> None:
    code = code_of(call())
    (row,) = waiting()
    assert (row["tool"], row["caller"]) == ("project_delete", "")
    assert "Acme mobile" in row["what"]
    assert code not in json.dumps(row)
    person = AtTerminal(["approve", code.lower().replace("-", "")], HUMAN)
    person.wait_for(PROMPT)
    for words in ("Action: Delete project", "Acme mobile", "What is lost: All its events", "Until: ", str(MOBILE_ID)):
        assert words in person.shown
    person.type("Acme mobile")
    assert person.end() == 0, person.shown
    assert waiting() == []
    done = call()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] == "applied"
    assert code_of(call()) != code, "used up"


def test_another_call_is_not_let_through() -> None:
    person = AtTerminal(["approve", code_of(call())], HUMAN)
    person.wait_for(PROMPT)
    person.type("Acme mobile")
    assert person.end() == 0
    other = run("call", "project_reset_token", *CALL[2:], **HUMAN)
    assert other.returncode == 1
    assert "Nothing was changed." in other.stderr
    assert call().returncode == 0


def test_a_wrong_name_decides_nothing() -> None:
    code = code_of(call())
    person = AtTerminal(["approve", code], HUMAN)
    for left in (2, 1, 0):
        person.wait_for(PROMPT)
        person.shown = ""
        person.type("acme mobile")
        person.wait_for("That is not the name.")
        assert ("Try again." in person.shown) is bool(left)
    assert person.end() == 1
    assert "Nothing was decided." in person.shown
    assert len(waiting()) == 1
    code_of(call())


def test_a_denial_holds() -> None:
    person = AtTerminal(["approve", code_of(call()), "--deny"], HUMAN)
    assert person.end() == 0
    assert "Denied." in person.shown
    for _ in range(2):
        refused = call()
        assert refused.returncode == 1
        assert "A person has denied this call of project_delete (terminal)." in refused.stderr


def test_ctrl_c_ends_it_at_once_and_decides_nothing() -> None:
    person = AtTerminal(["approve", code_of(call())], HUMAN)
    person.wait_for(PROMPT)
    person.interrupt()
    assert person.end() in {130, -signal.SIGINT}
    assert "Traceback" not in person.shown
    assert len(waiting()) == 1


def test_ctrl_c_at_the_question_of_a_call_ends_it_at_once() -> None:
    person = AtTerminal(CALL, HUMAN)
    person.wait_for("Type yes to go on")
    person.interrupt()
    assert person.end() in {130, -signal.SIGINT}
    assert "Traceback" not in person.shown
    assert '"outcome"' not in person.shown


def test_the_terminal_is_asked_whatever_is_redirected(tmp_path: Any) -> None:
    person = AtTerminal(["approve", code_of(call())], HUMAN, stderr=str(tmp_path / "stderr"))
    person.wait_for(PROMPT)
    person.type("Acme mobile")
    assert person.end() == 0


def test_without_a_terminal_nobody_decides() -> None:
    code = code_of(call())
    for deny in ((), ("--deny",)):
        done = run("approve", code, *deny, stdin="Acme mobile\n", **HUMAN)
        assert done.returncode == 1
        assert "at a terminal" in done.stderr
    assert len(waiting()) == 1


@pytest.mark.parametrize("code", ["0000-0000", "nonsense", "", "7F3K-9QWX" * 40])
def test_a_wrong_code_opens_nothing(code: str) -> None:
    person = AtTerminal(["approve", "--", code], HUMAN)
    assert person.end() in {1, 2}
    assert PROMPT not in person.shown


def test_with_memory_a_terminal_is_told_that_it_cannot_see_what_waits() -> None:
    refused = call(PROJECTS_MCP_STATE="memory")
    assert "approve" not in refused.stderr
    person = AtTerminal(["approve", "7F3K-9QWX"], {**HUMAN, "PROJECTS_MCP_STATE": "memory"})
    assert person.end() == 1
    assert "PROJECTS_MCP_STATE is memory" in person.shown.replace("\r\n", "\n")
