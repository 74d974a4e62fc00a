"""The command line as a script uses it: JSON on stdout, reasons on stderr, exit codes."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import urllib.request
from typing import Any

import pytest

from dev.processes import start
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID, READ_ONLY_KEY, READ_WRITE_KEY
from tests.contract.operations import DESTROYS, READS, TOOLS
from tests.support.process import CLEAN, COMMAND, TIMEOUT_S, run, running
from tests.support.terminal import AtTerminal


def call(*arguments: str, **more: str) -> Any:
    done = run("call", *arguments, "--sandbox", **more)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_call_prints_json() -> None:
    assert call("project_get", f"project_id={PRODUCTION_ID}")["name"] == "Acme web"


def test_call_reads_values_as_the_schema_means_them() -> None:
    body = call(
        "project_update",
        f"project_id={PRODUCTION_ID}",
        "settings.timezone=UTC",
        "settings.surveys_opt_in=false",
        "settings.name=123",
        'settings.app_urls=["https://a.example"]',
        "clear=session_recording_sample_rate,business_model",
        "dry_run=true",
    )
    after = {name: values["after"] for name, values in body["changed"].items()}
    assert after["timezone"] == "UTC"
    assert after["surveys_opt_in"] is False
    assert after["name"] == "123"
    assert after["app_urls"] == ["https://a.example"]
    assert after["session_recording_sample_rate"] is None


@pytest.mark.parametrize("stdin", [False, True])
def test_call_takes_one_json_object(stdin: bool) -> None:
    text = json.dumps({"project_id": PRODUCTION_ID, "fields": ["name"]})
    assert call("project_get", "--json", "-" if stdin else text, stdin=text if stdin else "") == {"name": "Acme web"}


def test_a_refusal_exits_1_with_the_reason_on_stderr() -> None:
    done = run("call", "project_delete", f"project_id={MOBILE_ID}", "confirm_project_name=wrong", "--sandbox")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Nothing was changed." in done.stderr
    done = run("call", "project_get", "project_id=99999", "--sandbox")
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["call"],
        ["call", "project_explode"],
        ["call", "project_get", "12345"],
        ["call", "project_get", "--json", "[1]"],
        ["call", "project_get", "--json", "{"],
        ["call", "project_get", "project_id=abc"],
        ["call", "project_get", "projekt=1"],
        ["call", "project_get", "--access", "admin"],
        ["--no-such-flag"],
        ["sandbox", "--port", "99999"],
    ],
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    done = run(*arguments, "--sandbox")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_key_a_call_says_what_to_set() -> None:
    done = run("call", "project_list")
    assert (done.returncode, done.stdout) == (1, "")
    assert "POSTHOG_PERSONAL_API_KEY" in done.stderr


def test_a_real_key_is_never_used_in_the_sandbox() -> None:
    body = call("project_list", POSTHOG_PERSONAL_API_KEY="phx_somebodys_real_key_0000000")
    assert body["total"] == 4


def test_a_sandbox_key_can_be_chosen() -> None:
    done = run("call", "project_create", "name=New", "--sandbox", POSTHOG_PERSONAL_API_KEY=READ_ONLY_KEY)
    assert done.returncode == 1
    assert "project:write" in done.stderr
    assert READ_ONLY_KEY not in done.stderr


def test_tools_are_listed_for_people_and_as_json() -> None:
    person = AtTerminal(["tools", "--access", "write"], {"NO_COLOR": "1"}, columns=100)
    assert person.end() == 0
    head, *lines = [line for line in person.shown.splitlines() if not line.startswith(" ")]
    assert head.split()[:2] == ["tool", "effect"]
    assert [line.split()[0] for line in lines] == TOOLS
    assert sum(line.split()[1] == "hidden" for line in lines) == len(DESTROYS) + 1, "and what only a session can do"
    assert max(map(len, person.shown.splitlines())) <= 100
    published = json.loads(run("tools", "--access", "read").stdout)
    assert [tool["name"] for tool in published] == READS
    assert all(tool["inputSchema"]["type"] == "object" for tool in published)


@pytest.mark.parametrize(("typed", "code"), [("yes", 0), ("no", 1), ("Yes", 1), ("", 1)])
def test_at_a_terminal_the_person_is_asked(typed: str, code: int) -> None:
    parent, child = pty.openpty()
    called = ["call", "project_delete", f"project_id={MOBILE_ID}", "confirm_project_name=Acme mobile", "--sandbox"]
    process = start([*COMMAND, *called], environment=CLEAN, stdin=child, stdout=subprocess.PIPE, stderr=child)
    os.close(child)
    shown = b""
    while b"Type yes to go on: " not in shown:
        shown += os.read(parent, 1024)
    os.write(parent, f"{typed}\n".encode())
    out, _ = process.communicate(timeout=TIMEOUT_S)
    os.close(parent)
    assert "“Acme mobile”" in shown.decode()
    assert process.returncode == code
    assert (out != b"") is (code == 0)


def test_the_sandbox_serves_other_clients() -> None:
    with running("sandbox", "--port", "0") as server:
        found = re.search(r"http://127\.0\.0\.1:\d+", server.stderr.readline().decode())
        assert found is not None
        address = f"{found[0]}/api/organizations/@current/projects/"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {READ_WRITE_KEY}"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            assert json.load(response)["count"] == 4
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=TIMEOUT_S) in {0, -signal.SIGTERM}


def test_the_demo_tells_the_whole_story_on_a_screen_or_two() -> None:
    done = run("demo", COLUMNS="80")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 210
    for tool in TOOLS:
        assert f"→ {tool}" in done.stdout
    for told in (
        "ignored: capture_dead_clicks",
        "The person answers no.",
        "PostHog's answer was lost; this was read back.",
        "The person opens that page",
        "confirmed: page, outcome: applied",
        "What to do next:",
    ):
        assert told in " ".join(done.stdout.split()), told
    assert re.search(r"All \d+ scenes went as they should\.", done.stdout)


def test_the_demo_has_colour_where_it_is_asked_for_and_is_utf_8_everywhere() -> None:
    done = run("demo", "--color", "always", PYTHONIOENCODING="ascii", COLUMNS="100")
    assert "\x1b[1m" in done.stdout
    assert "→ \x1b[0mproject_list" in done.stdout
    assert done.returncode == 0


def test_it_is_also_a_module() -> None:
    assert sys.executable == COMMAND[0]
    assert run("--version").stdout.startswith("projects-mcp ")
