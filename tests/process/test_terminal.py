"""Text of others never steers a terminal: through the real command, no control or invisible character arrives raw."""

import json
import os
import pty
import re
import select
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.processes import start
from projects_mcp.cli.demo.page import Page
from projects_mcp.sandbox import PRODUCTION_ID, READ_WRITE_KEY
from tests.support.posthog import Upstream
from tests.support.process import CLEAN, COMMAND, TIMEOUT_S, run, running
from tests.support.upstream import serving

UNSEEN = "\x1b\x9b\x07\x7f\u202e\u2066\u200b\u2028\ufeff\u00ad"
PLANTED = "\x1b[2J\x9b31m\x07\x7f\u202e\u2066\u200b\u2028\ufeff\u00ad\nFORGED line\r\nFORGED"
"""What a name, a path or an argument may hold. `FORGED` at the beginning of a line would be taken for one of ours."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals and such names are those of Unix")


def assert_clean(text: str) -> None:
    """Nothing of it is raw, and no line begins with what somebody else wrote."""
    assert [f"{ord(each):x}" for each in UNSEEN if each in text] == []
    assert "\r" not in text.replace("\r\n", "\n"), "a terminal's own line ends are none"
    assert not [line for line in text.splitlines() if line.startswith("FORGED")]
    assert "Traceback" not in text


def clean(done: "subprocess.CompletedProcess[str]") -> "subprocess.CompletedProcess[str]":
    assert_clean(done.stdout)
    assert_clean(done.stderr)
    return done


def on_terminal(*arguments: str, typed: str = "", **environment: str) -> str:
    """Everything that a command shows at a terminal, which is its stdin, stdout and stderr."""
    parent, child = pty.openpty()
    process = start(
        [*COMMAND, *arguments], environment={**CLEAN, **environment}, stdin=child, stdout=child, stderr=child
    )
    os.close(child)
    if typed:
        os.write(parent, typed.encode())
    shown = b""
    while select.select([parent], [], [], TIMEOUT_S)[0]:
        try:
            shown += os.read(parent, 65_536)
        except OSError:  # the process has ended
            break
    process.wait(timeout=TIMEOUT_S)
    os.close(parent)
    return shown.decode()


@pytest.fixture
def planted(upstream: Upstream) -> dict[str, str]:
    """The settings for a PostHog whose project has a name that would steer a terminal."""
    upstream.world.projects[PRODUCTION_ID].fields["name"] = PLANTED
    return {"POSTHOG_HOST": upstream.origin, "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY}


# Names ----------------------------------------------------------------------------------------------------------------


def test_a_name_of_a_project_is_shown_without_what_is_unseen(planted: dict[str, str]) -> None:
    for called in (["project_list"], ["project_get", f"project_id={PRODUCTION_ID}"]):
        done = clean(run("call", *called, **planted))
        piped, shown = json.loads(done.stdout), on_terminal("call", *called, "--json", **planted)
        assert_clean(shown)
        assert json.loads(shown) == piped
        assert "\ufffd[2J\ufffd31m" in json.dumps(piped, ensure_ascii=False)
        for_people = on_terminal("call", *called, NO_COLOR="1", **planted)
        assert_clean(for_people)
        assert "\ufffd[2J\ufffd31m" in for_people


def test_json_holds_the_exact_name_where_it_is_to_be_written_back(planted: dict[str, str]) -> None:
    shown = on_terminal(
        "call", "project_update", f"project_id={PRODUCTION_ID}", "settings.name=New", NO_COLOR="1", **planted
    )
    assert_clean(shown)
    (undo,) = [line for line in shown.splitlines() if line.startswith("  projects-mcp call project_update ")]
    assert json.loads(shlex.split(undo)[3])["settings"]["name"] == PLANTED


def test_json_in_a_pipe_holds_the_exact_name_too(planted: dict[str, str]) -> None:
    done = clean(run("call", "project_update", f"project_id={PRODUCTION_ID}", "settings.name=New", **planted))
    assert json.loads(done.stdout)["revert"]["settings"]["name"] == PLANTED


def test_a_question_at_a_terminal_shows_it_harmless(planted: dict[str, str]) -> None:
    arguments = {"project_id": PRODUCTION_ID, "confirm_project_name": PLANTED}
    shown = on_terminal(
        "call", "project_delete", "--json", json.dumps(arguments), typed="no\n", PROJECTS_MCP_ACCESS="full", **planted
    )
    assert_clean(shown)
    assert "Type yes to go on: " in shown


def test_the_doctor_shows_names_and_paths_harmless(planted: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / PLANTED
    environment = {
        **planted,
        "PROJECTS_MCP_AUDIT_LOG": f"{folder}/log",
        "PROJECTS_MCP_SECRETS_DIR": str(folder),
        f"PROJECTS_MCP_{PLANTED}": "1",
    }
    report = json.loads(clean(run("doctor", **environment)).stdout)
    assert any(str(folder) in finding["sentence"] for finding in report["findings"]), "JSON has the path exactly"
    shown = on_terminal("doctor", COLUMNS="10000", NO_COLOR="1", **environment)
    assert_clean(shown)
    assert r"\x1b[2J\x9b31m\x07\x7f\u202e\u2066\u200b\u2028" in shown


# Failures -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def failing() -> Iterator[dict[str, str]]:
    """The settings for a PostHog that refuses everything with a text that would steer a terminal."""

    async def refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = json.dumps({"type": "validation_error", "code": "invalid_input", "detail": PLANTED, "attr": PLANTED})
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 400, "headers": headers})
        await send({"type": "http.response.body", "body": body.encode()})

    with serving(refuse) as upstream:
        yield {"POSTHOG_HOST": upstream.origin, "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY}


@pytest.mark.parametrize(
    "command",
    [
        ["call", "project_list"],
        ["call", "project_update", "project_id=1", "settings.name=a"],
        ["tools"],
        ["tools", "--json"],
        ["doctor"],
        ["doctor", "--json"],
    ],
)
def test_what_posthog_says_of_a_failure_is_shown_harmless(failing: dict[str, str], command: list[str]) -> None:
    clean(run(*command, **failing))
    assert_clean(on_terminal(*command, NO_COLOR="1", **failing))


@pytest.mark.parametrize(
    "command",
    [
        [PLANTED],
        [f"--{PLANTED.replace(' ', '')}"],
        ["tools", PLANTED],
        ["audit", "verify", PLANTED],
        ["audit", "verify", "README.md", "--head", PLANTED],
        ["audit", "verify", "README.md", "--passkeys", PLANTED],
        ["call", PLANTED],
        ["call", "project_get", PLANTED],
        ["call", "project_get", f"{PLANTED}=1"],
        ["call", "project_get", f"project_id={PLANTED}"],
        ["call", "project_update", f"project_id={PRODUCTION_ID}", f"settings.{PLANTED}=1"],
        ["call", "project_update", f"project_id={PRODUCTION_ID}", f"settings.timezone={PLANTED}"],
        ["call", "project_update", f"{PLANTED}=1", f"{PLANTED}.a=1"],
        ["call", "project_get", "--json", PLANTED],
        ["call", "project_get", "--json", json.dumps({PLANTED: PLANTED})],
        ["call", "project_delete", f"project_id={PRODUCTION_ID}", f"confirm_project_name={PLANTED}"],
        ["tools", "--access", PLANTED],
        ["demo", "--color", PLANTED],
        ["doctor", "--access", PLANTED],
        ["doctor", "--json", "--access", PLANTED],
        ["install", PLANTED],
        ["install", "cursor", "--access", PLANTED],
        ["caller", PLANTED, "a"],
        ["caller", "new", PLANTED],
        ["serve", "--host", PLANTED],
        ["serve", "--port", PLANTED],
        ["sandbox", "--port", PLANTED],
    ],
)
def test_arguments_are_echoed_harmless(command: list[str]) -> None:
    done = clean(run(*command, "--sandbox"))
    assert done.returncode in {0, 1, 2}
    assert "Traceback" not in run(*[part.replace(PLANTED, "\udc9b\udcff") for part in command], "--sandbox").stderr


# Files ----------------------------------------------------------------------------------------------------------------


def test_install_shows_paths_and_entries_harmless(tmp_path: Path) -> None:
    home = tmp_path / PLANTED
    home.mkdir()
    for code, access in ((0, "read"), (0, "read"), (1, "full")):
        done = clean(run("install", "codex", "--write", "--access", access, HOME=str(home)))
        assert done.returncode == code
        assert re.search(r"\\(x1b|u001b)\[2J", done.stdout + done.stderr)  # in a sentence, or in JSON
    file = home / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.write_text(
        json.dumps({"mcpServers": {PLANTED: PLANTED, "posthog-projects": {"command": PLANTED}}}), encoding="utf-8"
    )
    done = clean(run("install", "cursor", "--write", HOME=str(home)))
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(json.loads(done.stderr)["entry"])["mcpServers"].keys() == {"posthog-projects"}
    done = clean(run("install", "cursor", "--write", "--force", HOME=str(home)))
    assert (done.returncode, r"\u001b[2J" in done.stdout) == (0, True)
    assert json.loads(file.read_text(encoding="utf-8"))["mcpServers"][PLANTED] == PLANTED
    assert_clean(on_terminal("install", "cursor", "--write", "--force", HOME=str(home)))


def test_a_callers_file_is_quoted_harmless(tmp_path: Path) -> None:
    file = tmp_path / PLANTED
    quoted = json.dumps(PLANTED).replace("\x7f", "\\u007f")
    for text in (
        f"[callers.{quoted}]\n",
        f"[callers.a]\n{quoted} = 1\n",
        f"[callers.a]\ntoken_sha256 = {quoted}\nscopes = [{quoted}]\naccess = {quoted}\ncredential = {quoted}\n",
        f"[credentials.{quoted}]\nkey_env = {quoted}\n",
        PLANTED,
    ):
        file.write_text(text, encoding="utf-8")
        file.chmod(0o600)
        done = clean(run("serve", "--port", "0", "--sandbox", PROJECTS_MCP_CALLERS=str(file)))
        assert done.returncode == 2
        clean(run("doctor", "--sandbox", PROJECTS_MCP_CALLERS=str(file)))


def test_the_log_of_a_server_shows_it_harmless(planted: dict[str, str], tmp_path: Path) -> None:
    with running("serve", "--port", "0", PROJECTS_MCP_AUDIT_LOG=str(tmp_path / PLANTED), **planted) as server:
        assert b"serving on" in b"".join(server.stderr.readline() for _ in range(2))
        server.process.terminate()
        assert_clean(b"".join(server.end()).decode())


# The demonstration ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("color", [False, True])
def test_the_demonstration_prints_nothing_raw_but_its_own_colours(
    color: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    page = Page(color=color, columns=100)
    value = {PLANTED: PLANTED, "list": [{PLANTED: PLANTED}], "name": f"a {PLANTED}"}
    page.print_heading(1, PLANTED)
    page.print_call("tool", value)
    page.print_answer([PLANTED, PLANTED])
    page.print_question(PLANTED)
    page.print_person(PLANTED)
    page.print_refusal(PLANTED)
    page.print_unexpected(PLANTED)
    page.print_record(value)
    shown = capsys.readouterr().out
    assert ("\x1b[" in shown) is color
    for style in ("0", "1", "1;36", "1;31", "32", "35", "36"):
        shown = shown.replace(f"\x1b[{style}m", "")
    assert_clean(shown)
