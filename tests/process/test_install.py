"""The entries for clients: what is printed, what is written into real files, and what the document says."""

import base64
import json
import re
import sys
import sysconfig
import tomllib
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from dev.docs import clients
from dev.environments import ROOT
from projects_mcp.cli.install.command import CLIENTS, Place, run_install
from projects_mcp.cli.install.entries import INPUT, build_addition, render_block
from projects_mcp.cli.install.merge import merge_text
from projects_mcp.cli.install.program import CHECKOUT, PUBLISHED, UVX, NoCommandError, find_command
from projects_mcp.config.settings import load
from projects_mcp.config.variables import VARIABLES
from projects_mcp.sandbox import READ_WRITE_KEY
from tests.support.install import KEY, PROGRAM, SYSTEMS, WITH_FILE, install, path_of, servers_in
from tests.support.profiles import keep_profiles

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


TEMPORARY = [
    "/home/somebody/.cache/uv/archive-v0/abc",
    "/home/somebody/.cache/uv/environments-v2/abc",
    "/home/somebody/.local/pipx/.cache/0123456789abcde",
    "/home/somebody/.cache/pipx/0123456789abcde",
]
LASTING = ["/home/somebody/.local/share/pipx/venvs/projects-mcp", "/home/somebody/.local/share/uv/tools/projects-mcp"]


@pytest.mark.parametrize("prefix", [None, *LASTING])
def test_the_command_is_the_installed_script(prefix: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if prefix:
        scripts = sysconfig.get_path("scripts")  # newer versions of Python work it out anew if the prefix changes
        monkeypatch.setattr("sysconfig.get_path", lambda _name: scripts)
        monkeypatch.setattr("sys.prefix", prefix)
    for full_path in (True, False):
        program, arguments = find_command(full_path=full_path)
        assert Path(program).is_absolute()
        assert Path(program).stem == "projects-mcp"
        assert arguments == ()


@pytest.fixture
def uvx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "uvx"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    return program


@pytest.mark.parametrize("prefix", TEMPORARY)
def test_what_runs_from_a_temporary_folder_is_started_from_where_it_came(
    prefix: str, uvx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.prefix", prefix)
    assert find_command(full_path=True) == (str(uvx), ("--from", str(ROOT), "projects-mcp"))
    assert find_command(full_path=False).program == "uvx"
    assert find_command(full_path=True, published=True) == (str(uvx), ("projects-mcp",))
    assert find_command(full_path=False, published=True) == UVX


ORIGINS = {
    '{"url": "https://git.example/a", "vcs_info": {"vcs": "git", "commit_id": "abc"}}': "git+https://git.example/a@abc",
    '{"url": "https://files.example/a.whl", "archive_info": {}}': "https://files.example/a.whl",
    '{"url": "file:///a%20b/c.whl", "archive_info": {}}': "/a b/c.whl",
    '{"url": "https://user:planted@files.example/a.whl"}': None,
    '{"url": 1}': None,
    "[]": None,
    "nonsense": None,
    "": None,
}


@pytest.mark.skipif(sys.platform == "win32", reason="the paths are those of Unix")
@pytest.mark.parametrize("noted", ORIGINS)
def test_the_note_of_the_installer_decides(
    noted: str, uvx: Path, place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.prefix", TEMPORARY[0])
    installed = SimpleNamespace(read_text={"direct_url.json": noted}.get)
    monkeypatch.setattr("projects_mcp.cli.install.program.distribution", {"projects-mcp": installed}.__getitem__)
    code = run_install("generic", {}, place=place)
    printed = capsys.readouterr()
    if ORIGINS[noted] is None:
        assert (code, printed.out) == (1, "")
        assert "is not published" in printed.err
        assert "planted" not in printed.err
    else:
        (entry,) = json.loads(printed.out)["mcpServers"].values()
        assert entry["args"] == ["--from", ORIGINS[noted], "projects-mcp"]


def test_without_uvx_a_desktop_client_gets_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.prefix", TEMPORARY[0])
    with pytest.raises(NoCommandError, match="uvx is not on the PATH"):
        find_command(full_path=True)


@pytest.mark.parametrize("name", CLIENTS)
def test_an_entry_of_another_name_uses_a_profile(
    name: str, place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_profiles(tmp_path, f"[profiles.eu]\nhost = 'eu'\nkey = '{READ_WRITE_KEY}'\n[profiles.bare]\naccess = 'read'\n")
    given = {"PROJECTS_MCP_PROFILE": "eu", "PROJECTS_MCP_ACCESS": "read"}
    assert run_install(name, given, entry_name="posthog-eu", place=place, program=PROGRAM) == 0
    printed = capsys.readouterr()
    client = CLIENTS[name]
    whole = tomllib.loads(printed.out) if client.toml else json.loads(printed.out)
    wanted = {"command": PROGRAM.program, "args": [], "env": given}
    assert whole == {client.section: {"posthog-eu": {"type": "stdio", **wanted} if client.typed else wanted}}
    assert "The key is that of the profile eu." in printed.err
    assert READ_WRITE_KEY not in printed.out + printed.err
    assert run_install(name, {"PROJECTS_MCP_PROFILE": "bare"}, place=place, program=PROGRAM) == 0
    printed = capsys.readouterr()
    assert KEY in printed.out, "the profile has no key"
    assert "POSTHOG_HOST" not in printed.out
    assert run_install(name, {"PROJECTS_MCP_PROFILE": "none"}, place=place, program=PROGRAM) == 2
    assert "has no profile none" in capsys.readouterr().err


def test_after_a_login_the_default_profile_has_the_key(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_profiles(tmp_path, f"[profiles.default]\nkey = '{READ_WRITE_KEY}'\n")
    assert run_install("cursor", {}, place=place, program=PROGRAM) == 0
    (entry,) = json.loads(capsys.readouterr().out)["mcpServers"].values()
    assert entry["env"] == {"PROJECTS_MCP_PROFILE": "default"}


@pytest.mark.parametrize("name", ["cursor", "codex"])
def test_two_entries_stand_side_by_side(name: str, place: Place) -> None:
    assert install(name, place) == 0
    assert install(name, place, entry_name="posthog-eu", given={"POSTHOG_HOST": "eu"}) == 0
    assert servers_in(name, path_of(name, place)).keys() == {"posthog-projects", "posthog-eu"}
    assert install(name, place, entry_name="posthog-eu", given={"POSTHOG_HOST": "us"}) == 1
    assert install(name, place, entry_name="posthog-eu", given={"POSTHOG_HOST": "us"}, force=True) == 0
    servers = servers_in(name, path_of(name, place))
    assert [server["env"]["POSTHOG_HOST"] for server in servers.values()] == ["us", "us"]


@pytest.mark.parametrize("name", ["", "a b", "a.b", "x" * 65, "\x1b[2J"])
def test_a_name_that_clients_do_not_take_is_refused(name: str, place: Place) -> None:
    assert install("cursor", place, entry_name=name) == 2
    assert list(place.home.iterdir()) == []


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
        assert run_install(name, {}, place=place, program=UVX if PUBLISHED else CHECKOUT) == 0
        assert capsys.readouterr().out == shown


def test_the_install_links_hold_the_entries() -> None:
    clickable = dict(re.findall(r"^- \[Add to (.+)\]\((.+)\)$", document(), flags=re.MULTILINE))
    shown = dict(re.findall(r"^(Cursor|VS Code): (https://.+)$", document(), flags=re.MULTILINE))
    assert (bool(clickable), "The package is not published yet" in document()) == (PUBLISHED, not PUBLISHED)
    links = clickable or shown
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
