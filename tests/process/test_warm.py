"""Processes that start warm do what those that start cold do."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.process import CLEAN, COMMAND, TIMEOUT_S, run, running
from tests.support.terminal import AtTerminal
from tests.support.warm import COLD, Process, is_warm

pytestmark = pytest.mark.skipif(not is_warm(COMMAND, CLEAN), reason="every process starts cold in this run")

COMMANDS = [
    ["--version"],
    ["--no-such-flag"],
    ["--help"],
    ["call", "project_get", "--sandbox", "--project-id", "12345"],
    ["call", "project_get", "--sandbox", "--project-id", "99999"],
    ["serve", "--port", "none"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_says_the_same(command: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    warm = run(*command)
    monkeypatch.setenv(COLD, "1")
    cold = run(*command)
    assert (warm.returncode, warm.stdout, warm.stderr) == (cold.returncode, cold.stdout, cold.stderr)
    assert warm.stdout or warm.stderr


def test_a_terminal_shows_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    for way in ("warm", "cold"):
        if way == "cold":
            monkeypatch.setenv(COLD, "1")
        terminal = AtTerminal(["call", "project_list", "--sandbox"])
        shown.append((terminal.end(), terminal.shown))
    assert shown[0] == shown[1]
    assert "\x1b[" in shown[0][1]


def test_it_is_a_child_with_an_environment_and_a_session_of_its_own() -> None:
    with running("--sandbox", PROJECTS_MCP_ACCESS="read") as piped:
        piped.handshake()
        folder = Path(f"/proc/{piped.process.pid}")
        fields = folder.joinpath("stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        assert (int(fields[1]), int(fields[3])) == (os.getpid(), piped.process.pid)
        described = piped.request("tools/list", {})["result"]["tools"]
        assert "project_delete" not in [tool["name"] for tool in described]
        piped.process.send_signal(signal.SIGKILL)
        assert piped.process.wait(TIMEOUT_S) == -signal.SIGKILL


def test_one_that_is_not_waited_for_is_no_child_of_another() -> None:
    pipe = subprocess.PIPE
    with Process([*COMMAND, "--sandbox"], env=CLEAN, stdin=pipe, stdout=pipe, stderr=pipe) as first:
        assert run("--version").returncode == 0
        assert first.poll() is None
        first.kill()


@pytest.mark.parametrize(
    ("command", "variables"),
    [
        ([sys.executable, "-c", "pass"], {}),
        (["projects-mcp"], {}),
        (COMMAND, {"PYTHONWARNINGS": "error"}),
        (COMMAND, {"PYTHONIOENCODING": "latin-1"}),
        (COMMAND, {"LC_ALL": "POSIX"}),
        (COMMAND, {"COVERAGE_PROCESS_CONFIG": "measured"}),
    ],
)
def test_what_a_fork_could_not_be_starts_cold(command: Sequence[str], variables: dict[str, str]) -> None:
    assert not is_warm(command, {**CLEAN, **variables})
