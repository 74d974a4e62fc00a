"""Documents say what the code says, and their links lead somewhere."""

import json
import re
import shlex
from pathlib import Path

import pytest

from dev.environments import ROOT
from projects_mcp.config.settings import load
from projects_mcp.config.variables import VARIABLES
from tests.support.documents import text_of
from tests.support.process import run

DOCUMENTS = sorted(
    file.relative_to(ROOT).as_posix() for pattern in ("*.md", "docs/**/*.md") for file in ROOT.glob(pattern)
)


def test_every_command_and_flag_is_documented() -> None:
    text = text_of("docs/reference.md")
    helped = run("--help").stdout
    commands = re.findall(r"^  ([a-z]+) ", helped, flags=re.MULTILINE)
    assert len(commands) == 22
    for command in ["", *commands]:
        assert f"`projects-mcp {command}".rstrip() in text
        shown = run(*command.split(), "--help").stdout
        flags = set(re.findall(r"(?<![\w-])--[a-z-]+", shown))
        assert sorted(flag for flag in flags if f"{flag}" not in text) == [], command


def test_every_setting_is_documented() -> None:
    text = text_of("README.md")
    assert [name for name in VARIABLES if f"`{name}`" not in text] == []


def test_no_document_names_a_setting_that_does_not_exist() -> None:
    for document in DOCUMENTS:
        named = set(re.findall(r"\b(?:POSTHOG|PROJECTS_MCP)_[A-Z_]+\b", text_of(document)))
        assert named <= VARIABLES.keys(), document


def test_the_readme_stays_short() -> None:
    assert len(text_of("README.md").splitlines()) < 250


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(document)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), target
        assert file.resolve().is_relative_to(ROOT), target
        assert not anchor or anchor in _anchors(file), target


def _anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ +(.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_entry_for_clients_can_be_pasted() -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```", text_of("README.md"), flags=re.MULTILINE | re.DOTALL)
    (server,) = json.loads(block)["mcpServers"].values()
    assert server["env"].keys() <= VARIABLES.keys()
    assert server["command"].endswith("/projects-mcp")
    assert load(server["env"]).credentials.key is not None


def _examples() -> list[tuple[str, str]]:
    (block,) = re.findall(r"^```console\n(.*?)^```", text_of("README.md"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^\$ (.+)\n((?:[^$\n].*\n)+)", block, flags=re.MULTILINE)


@pytest.mark.parametrize(("command", "shown"), _examples())
def test_the_examples_answer_what_they_show(command: str, shown: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == ".venv/bin/projects-mcp"
    done = run(*arguments)
    pieces = [re.escape(piece) for piece in shown.strip().split("…")]
    assert re.fullmatch(".*".join(pieces), (done.stdout + done.stderr).strip()), done.stdout + done.stderr
