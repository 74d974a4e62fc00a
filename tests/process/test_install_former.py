"""An entry under the name that former versions wrote: it is neither doubled in silence nor lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from projects_mcp.cli.install.command import CLIENTS, Place
from projects_mcp.cli.install.entries import build_addition, is_ours, render_table
from projects_mcp.cli.install.merge import merge_text
from tests.support.install import PROGRAM, WITH_JSON, install, path_of, servers_in

CODEX = CLIENTS["codex"]


@pytest.mark.parametrize("name", WITH_JSON)
def test_a_former_entry_is_renamed_by_force_only(name: str, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    file, client = path_of(name, place), CLIENTS[name]
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({client.section: {"a": {}, "projects": {"command": "uvx", "args": ["projects-mcp"]}, "z": {}}})
    file.write_text(text, encoding="utf-8")
    assert install(name, place) == 1
    printed = capsys.readouterr()
    assert "under its former name, projects" in printed.err
    assert '"posthog-projects"' in printed.out
    assert file.read_text(encoding="utf-8") == text
    assert install(name, place, force=True) == 0
    assert list(servers_in(name, file).items()) == [
        ("a", {}),
        ("posthog-projects", build_addition(client, PROGRAM, {}).entry),
        ("z", {}),
    ]
    assert install(name, place) == 0


def test_comments_around_a_former_entry_stay() -> None:
    text = (
        '{\n  "mcpServers": {\n    /* a */ "pro\\u006aects" /* b */ : { "command": "/x/projects-mcp" }, // c\n  }\n}\n'
    )
    added = build_addition(CLIENTS["cursor"], PROGRAM, {})
    new = merge_text(text, CLIENTS["cursor"], added, force=True)
    assert new is not None
    assert new.startswith('{\n  "mcpServers": {\n    /* a */ "posthog-projects" /* b */ : {')
    assert new.endswith("}, // c\n  }\n}\n")
    assert "j\\u006a" not in new


@pytest.mark.parametrize(
    "former",
    [
        '[mcp_servers.projects]\ncommand = "uvx"\nargs = ["projects-mcp"]\n\n[mcp_servers.projects.env]\nA = "1"\n',
        '[mcp_servers]\nprojects = { command = "/x/projects-mcp", args = [] }\n',
    ],
)
def test_a_former_table_is_renamed_by_force_only(former: str, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    file = path_of("codex", place)
    file.parent.mkdir(parents=True)
    text = f'model = "x" # mine\n{former}\n# last\n[other]\na = 1\n'
    file.write_text(text, encoding="utf-8")
    assert install("codex", place) == 1
    assert "under its former name, projects" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == text
    assert install("codex", place, force=True) == 0
    assert servers_in("codex", file) == {"posthog-projects": build_addition(CODEX, PROGRAM, {}).entry}
    written = file.read_text(encoding="utf-8")
    assert written.startswith('model = "x" # mine\n')
    assert written.endswith("\n# last\n[other]\na = 1\n")


@pytest.mark.parametrize("entry", [{"command": "npx", "args": ["jira-projects"]}, {"url": "https://x.example"}, 1])
@pytest.mark.parametrize("force", [False, True])
def test_another_server_of_the_former_name_is_left_alone(entry: Any, force: bool, place: Place) -> None:
    for name in WITH_JSON:
        file, section = path_of(name, place), CLIENTS[name].section
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({section: {"projects": entry}}), encoding="utf-8")
        assert install(name, place, force=force) == 0
        assert servers_in(name, file).keys() == {"projects", "posthog-projects"}
        assert servers_in(name, file)["projects"] == entry


def test_a_new_entry_is_found_whatever_stands_under_the_former_name() -> None:
    added = build_addition(CODEX, PROGRAM, {})
    both = f'[mcp_servers.projects]\ncommand = "projects-mcp"\n{render_table(CODEX, added)}\n'
    assert merge_text(both, CODEX, added) is None


@pytest.mark.parametrize(
    ("command", "arguments", "ours"),
    [
        ("projects-mcp", [], True),
        ("/home/me/.venv/bin/projects-mcp", [], True),
        (r"C:\tools\projects-mcp.exe", [], True),
        ("uvx", ["projects-mcp"], True),
        ("uvx", ["--from", "projects-mcp[aiohttp]==1.0.0", "projects-mcp"], True),
        ("uvx", ["projects-mcp@latest"], True),
        ("npx", ["other-projects-mcp"], False),
        ("uvx", ["projects-mcp-extra"], False),
        ("uvx", "projects-mcp", False),
        (None, None, False),
    ],
)
def test_what_starts_this_program(command: str | None, arguments: Any, ours: bool) -> None:
    assert is_ours({"command": command, "args": arguments}) is ours
