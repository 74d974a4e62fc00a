"""Completion, in real shells that have read the script that the command prints."""

import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.process import CLEAN, COMMAND, run, run_command
from tests.support.profiles import keep_profiles
from tests.support.terminal import AtTerminal

LINES = {
    "projects-mcp ca": ["call", "caller"],
    "projects-mcp --sandbox passkey re": ["remove"],
    "projects-mcp call project_u": ["project_update"],
    "projects-mcp call project_update settings.time": ["settings.timezone="],
    "projects-mcp call project_get detail=": ["detail=compact", "detail=full"],
    "projects-mcp call project_list fields=name,time": ["fields=name,timezone"],
    "projects-mcp call project_list --access ": ["read", "write", "full"],
    "projects-mcp call project_list --profile st": ["staging"],
    "projects-mcp audit surveys_opt": ["surveys_opt_in=true", "surveys_opt_in=false"],
    "projects-mcp history --outcome un": ["unchanged", "unknown"],
}
FILES = {"projects-mcp drift projects.t": "projects.toml", "projects-mcp plan projects.toml --out pla": "plan.json"}
SCRIPT = r"""
projects-mcp() { PROGRAM "$@"; }
eval "$(projects-mcp completion bash)"
compopt() { echo -n "$*:"; }
while IFS= read -r COMP_LINE; do
    COMP_POINT=${#COMP_LINE} COMPREPLY=()
    _projects_mcp_completion projects-mcp
    echo "${COMPREPLY[*]}"
done
"""


def needed(shell: str) -> pytest.MarkDecorator:
    there = sys.platform != "win32" and shutil.which(shell) is not None
    return pytest.mark.skipif(not there, reason=f"COMPLETION IS NOT TESTED IN {shell.upper()}: it is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that are completed, and the command under its name."""
    program = tmp_path / "bin" / "projects-mcp"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(COMMAND)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    for name in FILES.values():
        (tmp_path / name).touch()
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    home = keep_profiles(folder, "[profiles.staging]\nhost = 'eu'\n")
    return {**home, "HOME": str(folder), "PATH": f"{folder / 'bin'}:{CLEAN['PATH']}", "TERM": "xterm"}


@needed("bash")
def test_bash_completes_commands_tools_arguments_settings_and_values(folder: Path) -> None:
    script = SCRIPT.replace("PROGRAM", " ".join(COMMAND))
    lines = [*LINES, *FILES]
    done = run_command(["bash", "--norc", "-c", script], stdin="\n".join(lines) + "\n", **environment(folder))
    assert done.stderr == ""
    found = dict(zip(lines, done.stdout.splitlines(), strict=True))
    for line, words in LINES.items():
        shown = [word.removeprefix("detail=") for word in words]  # bash takes `=` for the end of a word
        shown = [word.removeprefix("fields=") for word in shown]
        assert found[line].rpartition(":")[2].split() == shown, line
        assert ("-o nospace:" in found[line]) is words[0].endswith("="), line
    assert {found[line] for line in FILES} == {"-o default:"}, "bash itself completes the names of files"


@needed("fish")
def test_fish_completes_commands_tools_arguments_settings_values_and_files(folder: Path) -> None:
    asked = [*LINES, *FILES, f"{folder}/bin/projects-mcp call project_u"]
    script = "projects-mcp completion fish | source\n" + "".join(
        f"complete --do-complete {shlex.quote(line)}; echo ---\n" for line in asked
    )
    done = run_command(["fish", "--no-config", "-c", f"cd {folder}\n{script}"], **environment(folder))
    assert done.stderr == ""
    *shown, _ = done.stdout.split("---\n")
    found = {
        line: [row.partition("\t")[0] for row in rows.splitlines()] for line, rows in zip(asked, shown, strict=True)
    }
    assert found == {**LINES, **{line: [name] for line, name in FILES.items()}, asked[-1]: ["project_update"]}
    described = shown[list(LINES).index("projects-mcp call project_update settings.time")]
    assert re.search(r"^settings\.timezone=\t\w", described), "what a setting means stands beside it"


@needed("zsh")
def test_zsh_completes_commands_tools_arguments_settings_values_and_files(folder: Path) -> None:
    """Typed with the Tab key at its own prompt: what only one word can follow is written, and all else is listed."""
    shell = AtTerminal(["-f", "-i"], environment(folder), columns=200, command=["zsh"])
    shell.type(f"cd {folder}; PS1='ready> '; unset zle_bracketed_paste; bindkey '^T' list-choices")
    shell.type('autoload -Uz compinit && compinit -u -D && eval "$(projects-mcp completion zsh)"; echo begin')
    shell.wait_for("\nbegin")
    try:
        for line, words in [*list(LINES.items())[::2], *((line, [name]) for line, name in FILES.items())]:
            assert typed(shell, line, words) == [], line
    finally:
        shell.type("exit")
        shell.end()


def typed(shell: AtTerminal, line: str, words: Sequence[str]) -> list[str]:
    """Type a line, complete it, take it away, and return the words that were not shown."""
    before = len(shell.shown)
    shell.press(f"{line}\t" if len(words) == 1 else f"{line}\x14")
    *_, start = line.split(" ")
    wanted = [word if len(words) > 1 else f"{line.removesuffix(start)}{word}" for word in words]
    shell.wait_until(lambda: not missing(shell.shown[before:], wanted))
    left = missing(shell.shown[before:], wanted)
    if len(words) == 1 and not words[0].endswith("="):
        shell.press("X")
        shell.wait_until(lambda: missing(shell.shown[before:], [f"{wanted[0]} X"]) == [])
    shell.press("\x15")
    return left


def missing(shown: str, words: Sequence[str]) -> list[str]:
    """The words that a terminal does not show, of which it may have written over some."""
    kept: list[str] = []
    for sign in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\x07", "", shown):
        if sign != "\b":
            kept.append(sign)
        elif kept:
            kept.pop()
    plain = "".join(kept)
    return [word for word in words if word not in plain]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_asks_the_command(shell: str) -> None:
    done = run("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_PROJECTS_MCP_COMPLETE={shell}_complete" in done.stdout
