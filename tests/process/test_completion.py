"""Completion, in a real bash that has read the script that the command prints."""

import shutil
import sys

import pytest

from tests.support.process import COMMAND, run, run_command

LINES = {
    "projects-mcp ca": "call caller",
    "projects-mcp --sandbox passkey re": "remove",
    "projects-mcp call project_u": "project_update",
    "projects-mcp call project_update settings.time": "settings.timezone=",
    "projects-mcp call project_get detail=": "compact full",
    "projects-mcp call project_list fields=name,time": "name,timezone",
    "projects-mcp call project_list --access ": "read write full",
    "projects-mcp audit surveys_opt": "surveys_opt_in=true surveys_opt_in=false",
}
SCRIPT = r"""
projects-mcp() { PROGRAM "$@"; }
eval "$(projects-mcp completion bash)"
compopt() { :; }
while IFS= read -r COMP_LINE; do
    COMP_POINT=${#COMP_LINE} COMPREPLY=()
    _projects_mcp_completion projects-mcp
    echo "${COMPREPLY[*]}"
done
"""


@pytest.mark.skipif(sys.platform == "win32" or shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_tools_arguments_settings_and_values() -> None:
    script = SCRIPT.replace("PROGRAM", " ".join(COMMAND))
    done = run_command(["bash", "--norc", "-c", script], stdin="\n".join(LINES) + "\n")
    assert done.stderr == ""
    assert dict(zip(LINES, done.stdout.splitlines(), strict=True)) == LINES


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_asks_the_command(shell: str) -> None:
    done = run("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_PROJECTS_MCP_COMPLETE={shell}_complete" in done.stdout
