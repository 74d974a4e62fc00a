"""The entries for clients: what is printed, what is written into real files, and what the document says."""

import base64
import importlib.util
import json
import os
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.cli.install.command import CLIENTS, Place, file_of, run_install
from projects_mcp.cli.install.entries import (
    INPUT,
    UVX,
    Command,
    build_addition,
    find_command,
    render_block,
)
from projects_mcp.cli.install.merge import NotMergedError, merge_text
from projects_mcp.config.settings import load
from projects_mcp.config.variables import VARIABLES
from projects_mcp.sandbox import READ_WRITE_KEY

ROOT = Path(__file__).resolve().parents[2]
KEY = "POSTHOG_PERSONAL_API_KEY"
PROGRAM = Command("/opt/tools/bin/projects-mcp")
WITH_FILE = [name for name, client in CLIENTS.items() if client.files]
WITH_JSON = [name for name in WITH_FILE if not CLIENTS[name].toml]
SYSTEMS = ["linux", "darwin", "win32"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for name in ("home", "project", "appdata"):
        (tmp_path / name).mkdir()
    return Place("linux", tmp_path / "home", tmp_path / "project", tmp_path / "appdata")


def path_of(name: str, place: Place) -> Path:
    file = file_of(CLIENTS[name], place)
    assert file is not None
    return file


def install(name: str, place: Place, **more: Any) -> int:
    return run_install(name, more.pop("given", {}), write=True, place=place, program=PROGRAM, **more)


def servers_in(name: str, file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    whole = tomllib.loads(text) if CLIENTS[name].toml else json.loads(text)
    found: dict[str, Any] = whole[CLIENTS[name].section]
    return found


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
    environment = servers_in("cursor", path_of("cursor", place))["projects"]["env"]
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


# Writing --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WITH_FILE)
def test_a_new_file_is_written_once(name: str, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert install(name, place) == 0
    file = path_of(name, place)
    assert servers_in(name, file) == {"projects": build_addition(CLIENTS[name], PROGRAM, {}).entry}
    written = file.read_bytes()
    assert install(name, place) == 0
    assert "already" in capsys.readouterr().out
    assert file.read_bytes() == written
    assert list(file.parent.iterdir()) == [file], "neither a backup of nothing nor a temporary file"


@pytest.mark.parametrize("name", WITH_JSON)
def test_all_else_in_the_file_stays(name: str, place: Place) -> None:
    client, file = CLIENTS[name], path_of(name, place)
    file.parent.mkdir(parents=True, exist_ok=True)
    before = {
        "theme": "Zürich 🌍",
        "number": 1.5,
        client.section: {"other": {"command": "x", "args": [], "env": {"A": "${B}"}}},
        "inputs": [{"id": "other"}],
        "last": None,
    }
    text = json.dumps(before, indent=4, ensure_ascii=False)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o640)
    assert install(name, place) == 0
    after = json.loads(file.read_text(encoding="utf-8"))
    assert list(after) == list(before)
    assert after[client.section].pop("projects")
    after["inputs"] = [question for question in after["inputs"] if question != INPUT]
    assert after == before
    assert '\n    "theme"' in file.read_text(encoding="utf-8"), "its indentation is kept"
    assert file.stat().st_mode & 0o777 == 0o640
    (backup,) = [other for other in file.parent.iterdir() if other != file]
    assert re.fullmatch(re.escape(file.name) + r"\.backup-\d{8}T\d{12}Z", backup.name)
    assert backup.read_text(encoding="utf-8") == text
    assert backup.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", WITH_FILE)
@pytest.mark.parametrize(
    "content",
    [
        b'// a comment\n{"a": 1}',
        b'{"a": 1,}',
        b'{"a": 1, "a": 2}',
        b"[1, 2]",
        b'{"%s": []}',
        b'{"%s": {"projects": 1}}',
        b'{"a": NaN}',
        b"\xff\xfe{}",
        b'{"a": "\\ud800"}',
        b"{" * 100_000,
    ],
)
def test_what_cannot_be_read_is_left_alone(
    name: str, content: bytes, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    file = path_of(name, place)
    file.parent.mkdir(parents=True, exist_ok=True)
    content = content.replace(b"%s", CLIENTS[name].section.encode())
    file.write_bytes(content)
    assert install(name, place) == 1
    assert file.read_bytes() == content
    assert list(file.parent.iterdir()) == [file]
    assert f"{file} was not changed." in capsys.readouterr().err


@pytest.mark.parametrize("name", WITH_JSON)
def test_another_entry_of_that_name_is_replaced_by_force_only(
    name: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    file, section = path_of(name, place), CLIENTS[name].section
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({section: {"projects": {"command": "mine"}, "other": {}}})
    file.write_text(text, encoding="utf-8")
    assert install(name, place) == 1
    assert "--force" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == text
    assert install(name, place, force=True) == 0
    assert servers_in(name, file) == {"projects": build_addition(CLIENTS[name], PROGRAM, {}).entry, "other": {}}


def test_an_input_that_would_show_the_key_is_not_kept_silently(place: Place) -> None:
    file = path_of("vscode", place)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"inputs": [{**INPUT, "password": False}]}), encoding="utf-8")
    assert install("vscode", place) == 1
    assert install("vscode", place, force=True) == 0
    assert json.loads(file.read_text(encoding="utf-8"))["inputs"] == [INPUT]


def test_toml_is_appended_to_and_nothing_in_it_moves(place: Place) -> None:
    file = path_of("codex", place)
    file.parent.mkdir(parents=True)
    text = '# mine\nmodel = "x"  # and why\n\n[mcp_servers.other]\ncommand = "y"\n'
    file.write_text(text, encoding="utf-8")
    assert install("codex", place) == 0
    assert file.read_text(encoding="utf-8").startswith(text)
    assert servers_in("codex", file).keys() == {"other", "projects"}
    assert install("codex", place, given={"POSTHOG_HOST": "eu"}, force=True) == 1, "a table is not replaced"


def test_an_inline_table_in_toml_is_left_alone(place: Place) -> None:
    file = path_of("codex", place)
    file.parent.mkdir(parents=True)
    file.write_text('mcp_servers = { other = { command = "y" } }\n', encoding="utf-8")
    assert install("codex", place) == 1


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="links need no rights on Unix")
def test_a_link_stays_a_link(place: Place, tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles.json", path_of("cursor", place)
    link.parent.mkdir(parents=True)
    real.write_text("{}", encoding="utf-8")
    link.symlink_to(real)
    assert install("cursor", place) == 0
    assert link.is_symlink()
    assert servers_in("cursor", real).keys() == {"projects"}


def test_a_client_that_writes_meanwhile_wins(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    file = path_of("cursor", place)
    file.parent.mkdir(parents=True)
    file.write_text("{}", encoding="utf-8")
    backup = file.with_name("mcp.json.backup-now")

    def kept_while_the_client_writes(file: Path, old: bytes) -> Path:
        backup.write_bytes(old)
        file.write_text('{"newer": 1}', encoding="utf-8")
        return backup

    monkeypatch.setattr("projects_mcp.cli.install.merge._write_backup", kept_while_the_client_writes)
    assert install("cursor", place) == 1
    assert file.read_text(encoding="utf-8") == '{"newer": 1}'
    assert list(file.parent.iterdir()) == [file]


def test_a_folder_that_cannot_be_written_is_told(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    (place.home / ".cursor").write_text("not a folder", encoding="utf-8")
    assert install("cursor", place) == 1
    assert "was not changed" in capsys.readouterr().err


def test_an_unknown_client_is_told_the_names(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert install("emacs", place) == 2
    told = capsys.readouterr().err
    assert [name for name in CLIENTS if name not in told] == []
    assert list(place.home.iterdir()) == []


def test_generic_has_no_file(place: Place) -> None:
    assert install("generic", place) == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    name=st.sampled_from(WITH_JSON),
    whole=st.dictionaries(st.text(), json_values, max_size=4),
    servers=st.dictionaries(st.text(), json_values, max_size=3),
    indent=st.sampled_from([None, 1, 2, "\t"]),
)
def test_merging_adds_and_takes_nothing_away(
    name: str, whole: dict[str, Any], servers: dict[str, Any], indent: int | str | None
) -> None:
    client = CLIENTS[name]
    added = build_addition(client, PROGRAM, {})
    servers.pop("projects", None)
    whole = {**whole, client.section: servers, "inputs": []}
    text = merge_text(json.dumps(whole, indent=indent), client, added)
    assert text is not None
    after = json.loads(text)
    assert after[client.section].pop("projects") == added.entry
    assert after.pop("inputs") == [dict(question) for question in added.inputs]
    whole.pop("inputs")
    assert after == whole
    assert merge_text(text, client, added) is None
    with pytest.raises(NotMergedError):
        merge_text(text, client, build_addition(client, UVX, {}))


# The document ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def script() -> ModuleType:
    specification = importlib.util.spec_from_file_location("clients_script", ROOT / "dev" / "docs" / "clients.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def document() -> str:
    return (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")


def test_the_document_is_up_to_date(script: ModuleType) -> None:
    assert script.main(["--check"]) == 0
    assert script.document(document()) == document()


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
    assert query["name"] == ["projects"]
    decoded = json.loads(base64.b64decode(query["config"][0], validate=True))
    assert decoded == build_addition(CLIENTS["cursor"], UVX, {}).entry

    assert (vscode.netloc, vscode.path) == ("insiders.vscode.dev", "/redirect/mcp/install")
    query = parse_qs(vscode.query, strict_parsing=True)
    added = build_addition(CLIENTS["vscode"], UVX, {})
    assert query["name"] == ["projects"]
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
