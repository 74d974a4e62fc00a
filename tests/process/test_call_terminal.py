"""`call` for a person at a terminal: tables, colours, who is asked, and what ends it."""

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from tests.support.terminal import AtTerminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is one of Unix")

DELETE = ["call", "project_delete", f"project_id={MOBILE_ID}", "confirm_project_name=Acme mobile", "--sandbox"]
PROMPT = "Type yes to go on: "
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("columns", "environment", "coloured"),
    [
        (80, {"TERM": "xterm"}, True),
        (100, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (100, {"TERM": "dumb"}, False),
        (80, {"TERM": "dumb", "NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, True),
    ],
)
def test_an_answer_is_a_table_no_wider_than_the_terminal(
    columns: int, environment: dict[str, str], coloured: bool
) -> None:
    called = ["call", "project_activity", f"project_id={PRODUCTION_ID}", "--sandbox"]
    person = AtTerminal(called, environment, columns=columns)
    assert person.end() == 0
    assert bool(STYLE.search(person.shown)) is coloured
    lines = STYLE.sub("", person.shown).splitlines()
    assert max(map(len, lines)) <= columns
    head = next(number for number, line in enumerate(lines) if line.startswith("at "))
    assert lines[head].split() == ["at", "by", "activity", "name", "changes"]
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d  Member <", lines[head + 1])


def test_a_receipt_names_the_command_that_undoes_it() -> None:
    person = AtTerminal(
        ["--sandbox", "call", "project_update", f"project_id={PRODUCTION_ID}", "settings.timezone=Europe/Madrid"],
        {"NO_COLOR": "1"},
    )
    assert person.end() == 0
    assert "Done: project_update on Acme web (id 12345)." in person.shown
    assert re.search(r"timezone +Europe/Berlin +Europe/Madrid", person.shown)
    assert "projects-mcp call project_update '{" in person.shown
    assert "--sandbox" in person.shown


def test_with_json_a_terminal_gets_one_line_too() -> None:
    person = AtTerminal(["call", "project_list", "--json", "limit=1", "--sandbox"])
    assert person.end() == 0
    assert [row["id"] for row in json.loads(person.shown)["projects"]] == [PRODUCTION_ID]


def test_a_failure_speaks_to_the_person() -> None:
    person = AtTerminal(["call", "project_get", "project_id=99999", "--sandbox"])
    assert person.end() == 1
    assert "Find the id with projects-mcp call project_list." in person.shown
    assert "{" not in person.shown


def test_whatever_is_redirected_a_person_is_asked(tmp_path: Path) -> None:
    """`2>/dev/null` must not delete without asking, and neither must a pipe for the answer."""
    for typed, code in (("no", 1), ("yes", 0)):
        out = tmp_path / typed
        person = AtTerminal(DELETE, stdout=str(out), stderr=os.devnull)
        person.wait_for(PROMPT)
        assert "“Acme mobile”" in person.shown
        person.type(typed)
        assert person.end() == code
        assert [json.loads(line)["outcome"] for line in out.read_text().splitlines()] == ["applied"][code:]


def test_ctrl_c_at_the_question_ends_it_at_once(tmp_path: Path) -> None:
    person = AtTerminal(DELETE, stdout=str(tmp_path / "out"), stderr=os.devnull)
    person.wait_for(PROMPT)
    person.interrupt()
    assert person.end() in {130, -signal.SIGINT}
    assert (tmp_path / "out").read_text() == ""


def test_alone_at_a_terminal_it_says_how_it_is_used() -> None:
    person = AtTerminal([])
    assert person.end() == 2
    assert "a client starts it" in person.shown
    assert "projects-mcp --help" in person.shown
