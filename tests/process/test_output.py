"""Who reads decides the form of every command: tables at a real terminal, one line of JSON in a real pipe."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from projects_mcp.cli.output import Output
from projects_mcp.policy.passkey_signature import library_is_there
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from tests.support.audit_log import call, log_at
from tests.support.callers import entry, write_callers
from tests.support.commands import COMMANDS, MARK, PROGRAM, Said, in_a_pipe, parts
from tests.support.process import run_command
from tests.support.profiles import keep_profiles
from tests.support.terminal import AtTerminal

STYLE = re.compile(r"\x1b\[[0-9;]*m")
ANSWERS = [name for name, found in COMMANDS.items() if found.output in (Output.ANSWER, Output.FILE)]
"""What prints the text of a file answers if it writes the file itself."""
ASKS = {"login", "passkey add"}
"""They ask at the terminal, so that they are run here only where there is none."""


def machine(folder: Path) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The settings of a machine, and a command line for each command that says something there."""
    folder.mkdir()
    audit, settings = folder / "audit", str(folder / "projects.toml")
    call(log_at(audit))
    audit.write_bytes(audit.read_bytes().splitlines(keepends=True)[0])
    callers = write_callers(folder / "callers", entry("ada"), entry("eve"))
    (folder / "projects-mcp").mkdir()
    (folder / "projects-mcp" / "a.key").write_text("phx_a", encoding="utf-8")
    home = keep_profiles(folder, "[profiles.a]\nhost = 'eu'\nkey_file = 'a.key'\n")
    environment = {
        **home,
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "PROJECTS_MCP_CALLERS": str(callers),
        "PROJECTS_MCP_PUBLIC_URL": "https://mcp.example.com/mcp",
    }
    words = {
        "export": ["export", str(MOBILE_ID), "--out", settings],
        "install": ["install", "cursor", "--write"],
        "call": ["call", "project_update", f"project_id={PRODUCTION_ID}", "settings.timezone=UTC"],
        "tools": ["tools", "--access", "read"],
        "audit": ["audit", "timezone=UTC,Europe/Berlin", "--fields", "week_start_day"],
        "audit verify": ["audit", "verify", str(audit)],
        "compare": ["compare", str(PRODUCTION_ID), str(MOBILE_ID)],
        "plan": ["plan", settings],
        "apply": ["apply", settings],
        "drift": ["drift", settings],
        "history": ["history"],
        "login": ["login"],
        "profiles": ["profiles"],
        "logout": ["logout", "--profile", "a"],
        "doctor": ["doctor"],
        "caller list": ["caller", "list"],
        "caller revoke": ["caller", "revoke", "eve"],
        "approvals": ["approvals"],
        "approve": ["approve", "7F3K-9QWX"],
        "passkey add": ["passkey", "add", "ada"],
        "passkey list": ["passkey", "list"],
        "passkey remove": ["passkey", "remove", "ada"],
        "passkey invite": ["passkey", "invite", "ada"],
    }
    assert words.keys() == set(ANSWERS), "a command line for each command that answers"
    no_sandbox = {"logout", "audit verify"}
    return environment, {name: [*line, *([] if name in no_sandbox else ["--sandbox"])] for name, line in words.items()}


def at_a_terminal(
    lines: Mapping[str, Sequence[str]], environment: dict[str, str], columns: int = 80
) -> Iterator[tuple[str, Said]]:
    """What is shown there; the marks of stdout and of stderr stand behind each other."""
    person = AtTerminal([json.dumps(list(lines.values()))], environment, columns=columns, command=PROGRAM)
    person.end()
    once = re.sub(rf"((-?\d+){re.escape(MARK)}\r\n)\2{re.escape(MARK)}\r\n", r"\1", person.shown)
    found = parts(once, list(lines))
    assert found.keys() == lines.keys(), person.shown
    yield from found.items()


def test_what_answers_has_json_and_what_does_not_has_none() -> None:
    for name, command in COMMANDS.items():
        has = any("--json" in parameter.opts for parameter in command.params)
        assert has is (name in ANSWERS), name
    texts = {name for name, command in COMMANDS.items() if command.output is Output.TEXT}
    assert texts == {"caller new", "completion"}, "texts of files and scripts"
    files = {name: command.writes for name, command in COMMANDS.items() if command.output is Output.FILE}
    assert files == {"export": "out", "install": "write"}


def test_what_prints_the_text_of_a_file_has_no_json_for_it(tmp_path: Path) -> None:
    lines = {"export": ["export", str(MOBILE_ID), "--sandbox"], "install": ["install", "cursor", "--sandbox"]}
    for name, line in lines.items():
        refused = run_command([*PROGRAM, json.dumps([[*line, "--json"]])], XDG_STATE_HOME=str(tmp_path))
        assert json.loads(refused.stderr.splitlines()[0])["kind"] == "usage", name
    for name, out, _ in in_a_pipe(lines, {"XDG_STATE_HOME": str(tmp_path)}):
        assert (out.code, out.text.count("\n") > 1) == (0, True), name


@pytest.mark.skipif(sys.platform == "win32", reason="setsid is one of Unix")
def test_an_entry_that_cannot_be_written_is_in_the_error(tmp_path: Path) -> None:
    file = tmp_path / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.write_text("[]", encoding="utf-8")
    lines = {"install": ["install", "cursor", "--write", "--sandbox"]}
    ((_, out, err),) = in_a_pipe(lines, {"HOME": str(tmp_path)})
    assert (out.code, out.text) == (1, "")
    error = json.loads(err)
    assert (error["kind"], error["file"]) == ("not_merged", str(file))
    assert json.loads(error["entry"])["mcpServers"].keys() == {"posthog-projects"}


@pytest.mark.skipif(sys.platform == "win32", reason="setsid is one of Unix")
def test_in_a_pipe_every_answer_is_one_line_of_json_and_so_is_every_error(tmp_path: Path) -> None:
    environment, lines = machine(tmp_path / "home")
    answered = set()
    for name, out, err in in_a_pipe(lines, environment):
        assert all(line.startswith("{") for line in err.splitlines()), (name, err)
        notes = [json.loads(line) for line in err.splitlines()]
        if name not in ANSWERS:
            continue
        if out.text:
            assert out.text.count("\n") == 1, (name, out.text)
            json.loads(out.text)
            assert [note["kind"] for note in notes] == ["note"] * len(notes), (name, err)
            answered.add(name)
        else:
            assert out.code in {1, 2, 4}, name
            (error,) = notes
            assert error.keys() >= {"kind", "message", "retryable", "outcome", "request_sent"}, name
    refused = {"login", "approve", "passkey add", "passkey remove"} | (
        set() if library_is_there() else {"passkey invite"}
    )
    assert answered == set(ANSWERS) - refused


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is one of Unix")
@pytest.mark.parametrize("columns", [80, 100])
def test_at_a_terminal_every_answer_is_for_a_person(tmp_path: Path, columns: int) -> None:
    environment, lines = machine(tmp_path / "home")
    lines = {name: line for name, line in lines.items() if name not in ASKS}
    coloured = set()
    for name, said in at_a_terminal(lines, {**environment, "TERM": "xterm"}, columns):
        shown = STYLE.sub("", said.text)
        assert shown.strip(), name
        assert not re.search(r"^[\[{]", shown, re.MULTILINE), (name, shown)
        wide = [
            line
            for line in shown.splitlines()
            if len(line) > columns and len(line.split()) > 1 and "projects-mcp" not in line
        ]
        assert name not in ANSWERS or not wide, (name, wide)
        if shown != said.text:
            coloured.add(name)
    assert coloured >= {"tools", "doctor", "profiles", "call", "compare", "audit", "audit verify", "caller list"}


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is one of Unix")
@pytest.mark.parametrize("plain", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_at_a_terminal_with_json_every_answer_is_one_line_of_it(tmp_path: Path, plain: dict[str, str]) -> None:
    environment, lines = machine(tmp_path / "home")
    asked = {
        name: [*line, *(["--json"] if name in ANSWERS and plain.get("TERM") != "dumb" else [])]
        for name, line in lines.items()
        if name not in ASKS
    }
    for name, said in at_a_terminal(asked, {**environment, **plain}):
        assert "\x1b" not in said.text, name
        if name in ANSWERS and plain.get("TERM") != "dumb":
            (line,) = said.text.splitlines()
            json.loads(line)


@pytest.mark.skipif(sys.platform == "win32", reason="setsid is one of Unix")
def test_in_a_pipe_a_wrong_option_of_any_command_is_one_object(tmp_path: Path) -> None:
    lines = {name: [*name.split(), "--no-such-option"] for name in COMMANDS}
    for name, out, err in in_a_pipe(lines, {"XDG_STATE_HOME": str(tmp_path)}):
        assert (out.code, out.text) == (2, ""), name
        if COMMANDS[name].output is not Output.LOG:
            assert json.loads(err)["kind"] == "usage", name


PROGRESS = """
from projects_mcp.cli.terminal import say, show_progress
for seconds in (30, 9):
    show_progress(f"Waiting {seconds} s, so as not to use up what PostHog allows the key, " + "and longer " * 9)
say("the answer")
show_progress("Waiting")
say("the failure", error=True)
"""


def screen(shown: str) -> list[str]:
    """The lines that a terminal shows after some text, which returns to the first column to write over itself."""
    lines = []
    for line in shown.replace("\r\n", "\n").split("\n"):
        cells: list[str] = []
        for part in line.split("\r"):
            cells[: len(part)] = part
        lines.append("".join(cells).rstrip())
    return lines


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is one of Unix")
def test_progress_is_one_line_of_a_terminal_that_is_erased_before_anything_else() -> None:
    command = [sys.executable, "-c"]
    person = AtTerminal([PROGRESS], {"TERM": "xterm"}, command=command)
    assert person.end() == 0
    assert person.shown.count("Waiting") == 3
    assert screen(person.shown) == ["the answer", "the failure", ""]
    for text in re.split(r"[\r\n]+", person.shown):
        assert len(text) < 80, "it would go on below, and could not be erased"
    piped = run_command([*command, PROGRESS])
    assert (piped.stdout, piped.stderr) == ("the answer\n", "the failure\n")
    dumb = AtTerminal([PROGRESS], {"TERM": "dumb"}, command=command)
    assert (dumb.end(), dumb.shown.splitlines()) == (0, ["the answer", "the failure"])
