"""The entries for clients: what is printed, what is written into real files, and what the document says."""

import base64
import json
import re
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from dev.docs import clients
from dev.environments import ROOT
from projects_mcp.cli.install.command import CLIENTS, Place, run_install
from projects_mcp.cli.install.entries import INPUT, UVX, build_addition, find_command, render_block
from projects_mcp.cli.install.merge import merge_text
from projects_mcp.config.settings import load
from projects_mcp.config.variables import VARIABLES
from projects_mcp.sandbox import READ_WRITE_KEY
from tests.support.install import KEY, PROGRAM, SYSTEMS, WITH_FILE, install, path_of, servers_in

# The entries ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLIENTS)
def test_the_printed_block_is_the_whole_file_of_a_new_client(
    name: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_install(name, {}, place=place, program=PROGRAM) == 0
    printed = capsys.readouterr()
    client = CLIENTS[name]
    whole = tomllib.loads(printed.out) if client.toml else json.loads(printed.out)
    (entry,) = whole[client.section].values()
    assert entry == build_addition(client, PROGRAM, {}).entry
    assert entry["command"] == PROGRAM.program
    assert entry["env"].keys() <= VARIABLES.keys()
    assert merge_text("", client, build_addition(client, PROGRAM, {})) == printed.out
    assert list(place.home.iterdir()) == list(place.project.iterdir()) == []


@pytest.mark.parametrize("name", CLIENTS)
def test_no_entry_holds_a_key(
    name: str, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY, READ_WRITE_KEY)
    assert run_install(name, {}, place=place) == 0
    printed = capsys.readouterr()
    assert READ_WRITE_KEY not in printed.out + printed.err
    client = CLIENTS[name]
    added = build_addition(client, UVX, {})
    environment = added.entry["env"]
    ways = [KEY in environment, f"{KEY}_FILE" in environment, KEY in added.entry.get("env_vars", [])]
    assert ways.count(True) == 1, "the key comes in one way"
    assert not environment.get(KEY) or re.fullmatch(r"\$\{(env:|input:)?[\w-]+\}", environment[KEY])
    # Where the client does not replace what stands for the key, the server has no key rather than a wrong one.
    assert load({name: value for name, value in environment.items() if name != f"{KEY}_FILE"}).credentials.key is None
    assert "key" in printed.err.lower()
    assert ("chmod 600" in printed.err) is ways[1]


def test_vscode_asks_for_the_key_and_hides_it() -> None:
    added = build_addition(CLIENTS["vscode"], UVX, {})
    assert added.inputs == (INPUT,)
    assert INPUT["password"] is True
    assert added.entry["env"][KEY] == f"${{input:{INPUT['id']}}}"


@pytest.mark.parametrize("name", CLIENTS)
def test_on_the_sandbox_no_key_is_asked_for(name: str) -> None:
    added = build_addition(CLIENTS[name], UVX, {"PROJECTS_MCP_SANDBOX": "1", "PROJECTS_MCP_ACCESS": "read"})
    assert added.entry["env"] == {"PROJECTS_MCP_SANDBOX": "1", "PROJECTS_MCP_ACCESS": "read"}
    assert added.inputs == ()
    assert KEY not in render_block(CLIENTS[name], added)


def test_given_settings_become_part_of_the_entry(place: Place) -> None:
    assert install("cursor", place, given={"POSTHOG_HOST": "eu", "PROJECTS_MCP_ACCESS": "read"}) == 0
    environment = servers_in("cursor", path_of("cursor", place))["posthog-projects"]["env"]
    assert (environment["POSTHOG_HOST"], environment["PROJECTS_MCP_ACCESS"]) == ("eu", "read")


def test_a_wrong_setting_is_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert install("cursor", place, given={"PROJECTS_MCP_ACCESS": "admin"}) == 2
    assert "PROJECTS_MCP_ACCESS must be one of" in capsys.readouterr().err
    assert list(place.home.iterdir()) == []


def test_the_command_is_the_installed_script_or_uvx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, arguments = find_command()
    assert Path(program).is_absolute()
    assert Path(program).stem == "projects-mcp"
    assert arguments == ()
    monkeypatch.setattr("sys.prefix", "/home/somebody/.cache/uv/archive-v0/abc")
    assert find_command() == UVX
    monkeypatch.undo()
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    assert find_command() == UVX


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", WITH_FILE)
def test_every_system_has_a_file(name: str, system: str, place: Place) -> None:
    file = path_of(name, place._replace(system=system))
    assert file.is_relative_to(place.home.parent)
    assert "~" not in str(file)
    assert "%" not in str(file)


def test_an_unknown_client_is_told_the_names(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert install("emacs", place) == 2
    told = capsys.readouterr().err
    assert [name for name in CLIENTS if name not in told] == []
    assert list(place.home.iterdir()) == []


def test_generic_has_no_file(place: Place) -> None:
    assert install("generic", place) == 2


# The document ---------------------------------------------------------------------------------------------------------


def document() -> str:
    return (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")


def test_the_document_is_up_to_date() -> None:
    assert clients.main(["--check"]) == 0
    assert clients.document(document()) == document()


def test_the_blocks_are_what_install_prints(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```(?:json|toml)\n(.*?)^```", document(), flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == len(CLIENTS)
    for name, shown in zip(CLIENTS, blocks, strict=True):
        assert run_install(name, {}, place=place, program=UVX) == 0
        assert capsys.readouterr().out == shown


def test_the_install_links_hold_the_entries() -> None:
    links = dict(re.findall(r"^- \[Add to (.+)\]\((.+)\)$", document(), flags=re.MULTILINE))
    assert links.keys() == {"Cursor", "VS Code"}
    cursor, vscode = (urlsplit(links[name]) for name in ("Cursor", "VS Code"))
    assert (cursor.netloc, cursor.path) == ("cursor.com", "/en/install-mcp")
    query = parse_qs(cursor.query, strict_parsing=True)
    assert query["name"] == ["posthog-projects"]
    decoded = json.loads(base64.b64decode(query["config"][0], validate=True))
    assert decoded == build_addition(CLIENTS["cursor"], UVX, {}).entry

    assert (vscode.netloc, vscode.path) == ("insiders.vscode.dev", "/redirect/mcp/install")
    query = parse_qs(vscode.query, strict_parsing=True)
    added = build_addition(CLIENTS["vscode"], UVX, {})
    assert query["name"] == ["posthog-projects"]
    assert json.loads(query["config"][0]) == added.entry
    assert json.loads(query["inputs"][0]) == list(added.inputs)


def test_the_document_names_every_file() -> None:
    for client in CLIENTS.values():
        for file in (client.files or {}).values():
            assert f"`{file}`" in document()


def test_this_repository_offers_the_sandbox() -> None:
    (server,) = json.loads((ROOT / ".mcp.json").read_text(encoding="utf-8"))["mcpServers"].values()
    settings = load(server["env"])
    assert settings.sandbox
    assert settings.credentials.key is None
    assert server["command"] == ".venv/bin/projects-mcp"
