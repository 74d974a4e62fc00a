"""Every example of every `--help`, and every command of the documents, is one that the program takes as it stands."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.environments import ROOT
from projects_mcp.api.operations import OPERATIONS
from projects_mcp.sandbox import PRODUCTION_ID, READ_WRITE_KEY
from tests.support.audit_log import call, log_at
from tests.support.callers import entry, write_callers
from tests.support.commands import COMMANDS, GROUPS
from tests.support.documents import text_of
from tests.support.process import CLEAN, COMMAND, TIMEOUT_S, run, run_command
from tests.support.settings_desk import fleet
from tests.support.warm import is_warm

pytestmark = [
    pytest.mark.usefixtures("no_proxy"),
    pytest.mark.skipif(sys.platform == "win32", reason="the examples are for a shell of Unix"),
]

PAGES = sorted(file.relative_to(ROOT).as_posix() for file in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SERVES = {"serve", "sandbox", "--sandbox", ""}
"""Commands that go on until they are stopped; without a command it serves over stdio."""
NOT_UNDERSTOOD = 2
OF_A_SHELL = frozenset("|<>&;$`*~#")
"""What a shell does something about. Every other line is the same without one, and needs none."""


def helps() -> Iterator[str]:
    """Every command line that shows a help."""
    yield from (f"{name} --help".strip() for name in {**GROUPS, **COMMANDS})
    yield from (f"call {tool} --help" for tool in OPERATIONS)


def examples_of(help_text: str) -> list[str]:
    section = re.split(r"^Examples?:\n", help_text, flags=re.MULTILINE)[-1]
    return re.findall(r"^  (projects-mcp.*)$", section, flags=re.MULTILINE)


def commands_of(page: str) -> list[str]:
    """The commands of a page that begin with the program, each as it can be pasted."""
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```", text_of(page), flags=re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if re.match(r"(\$ )?(\.venv/bin/)?projects-mcp\b", line)]


class Machine:
    """A home with the files that examples name, and a sandbox as PostHog."""

    def __init__(self, folder: Path, origin: str) -> None:
        self.folder = folder
        callers = write_callers(folder / "of-the-server.toml", entry("ada"), entry("ci"))
        self.environment = {
            "XDG_CONFIG_HOME": str(folder / "config"),
            "HOME": str(folder),
            "PATH": f"{Path(sys.executable).parent}:{CLEAN['PATH']}",
            "XDG_STATE_HOME": str(folder / "state"),
            "POSTHOG_HOST": origin,
            "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
            "PROJECTS_MCP_CALLERS": str(callers),
            "PROJECTS_MCP_PUBLIC_URL": "https://mcp.example.com/mcp",
        }
        profiles = folder / "config" / "projects-mcp" / "config.toml"
        profiles.parent.mkdir(parents=True)
        profiles.write_text("[profiles.staging]\nhost = 'us'\n[profiles.eu]\nhost = 'eu'\n", encoding="utf-8")
        profiles.chmod(0o600)
        (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
        for name in ("audit", "audit.1", "audit.2", "audit.log", "audit.jsonl", "audit.jsonl.1"):
            call(log_at(folder / name))
        (folder / "passkeys.json").write_text('{"passkeys": []}', encoding="utf-8")
        (folder / "world.json").write_text(world_of_the_page(), encoding="utf-8")
        self.make("export", str(PRODUCTION_ID), "--out", str(folder / "projects.toml"))
        written = (folder / "projects.toml").read_text(encoding="utf-8")
        for name in ("policy", "production", "new"):
            (folder / f"{name}.toml").write_text(written, encoding="utf-8")
        wanted = re.sub("^timezone = .*", 'timezone = "Asia/Tokyo"', written, flags=re.MULTILINE)
        (folder / "wanted.toml").write_text(wanted, encoding="utf-8")
        for name in ("projects", "policy"):
            self.make("plan", str(folder / "wanted.toml"), "--out", str(folder / f"{name}.plan"))

    def make(self, *arguments: str) -> None:
        done = run(*arguments, **self.environment)
        assert done.returncode == 0, done.stderr

    def code_of(self, line: str) -> tuple[int, str]:
        """Run a line as it stands in a shell without a terminal. A server is stopped once it says something."""
        words = shlex.split(line, comments=True)[1:]
        if (words[0] if words else "") not in SERVES:
            alone = OF_A_SHELL.isdisjoint(line) and is_warm(COMMAND, {**CLEAN, **self.environment})
            command = [*COMMAND, *words] if alone else ["setsid", "bash", "-o", "pipefail", "-c", line]
            done = run_command(command, folder=self.folder, **self.environment)
            return done.returncode, done.stderr
        with subprocess.Popen(
            [sys.executable, "-m", "projects_mcp", *words],
            env={**CLEAN, **self.environment},
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdin is not None
            assert server.stderr is not None
            if words[:1] == ["--sandbox"] or not words:
                server.stdin.close()  # what a client does at its end
                said = server.stderr.read()
            else:
                said = server.stderr.readline()
                server.terminate()
                said += server.stderr.read()
            return server.wait(TIMEOUT_S), said


def world_of_the_page() -> str:
    (block,) = re.findall(r"^```json\n(.*?)^```", text_of("docs/sandbox.md"), flags=re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with fleet(3) as origin:
        yield Machine(tmp_path_factory.mktemp("home"), origin)


@pytest.mark.parametrize("words", list(helps()))
def test_every_example_of_every_help_is_taken_as_it_stands(machine: Machine, words: str) -> None:
    helped = run(*words.split())
    assert helped.returncode == 0, helped.stderr
    examples = examples_of(helped.stdout)
    assert examples, "every help has an example"
    for line in examples:
        code, said = machine.code_of(line)
        assert code != NOT_UNDERSTOOD, (line, said)
        assert "Traceback" not in said, line


@pytest.mark.parametrize("page", [page for page in PAGES if commands_of(page)])
def test_every_command_of_a_page_is_taken_as_it_stands(machine: Machine, page: str) -> None:
    for line in commands_of(page):
        code, said = machine.code_of(line)
        assert code != NOT_UNDERSTOOD, (line, said)
        assert "Traceback" not in said, line
