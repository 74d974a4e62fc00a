"""Writing an entry into the file of a client: all else stays, and any doubt leaves it alone."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.cli.install.command import CLIENTS, Place
from projects_mcp.cli.install.entries import INPUT, build_addition, render_block
from projects_mcp.cli.install.merge import NotMergedError, merge_text
from projects_mcp.cli.install.program import UVX
from tests.support.install import PROGRAM, WITH_FILE, WITH_JSON, install, path_of, servers_in


@pytest.mark.parametrize("name", WITH_FILE)
def test_a_new_file_is_written_once(name: str, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert install(name, place) == 0
    file = path_of(name, place)
    assert servers_in(name, file) == {"posthog-projects": build_addition(CLIENTS[name], PROGRAM, {}).entry}
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
    assert after[client.section].pop("posthog-projects")
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
        b"// a comment alone",
        b'{"a": 1} /* open',
        b'{"a": 1,,}',
        b'{"a": "1}',
        b'{"%s": {}, "%s": {}}',
        b'{"%s": {"posthog-projects": 1, "posthog-projects": 2}}',
        b"[1, 2]",
        b'{"%s": []}',
        b'{"%s": {"posthog-projects": 1}}',
        b'{"a": NaN}',
        b"\xff\xfe{}",
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a": "' + b"x" * 9_000_000 + b'"}',
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
    printed = capsys.readouterr()
    assert f"{file} was not changed." in printed.err
    assert printed.out == render_block(CLIENTS[name], build_addition(CLIENTS[name], PROGRAM, {})) + "\n"


@pytest.mark.parametrize("name", WITH_JSON)
def test_another_entry_of_that_name_is_replaced_by_force_only(
    name: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    file, section = path_of(name, place), CLIENTS[name].section
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({section: {"posthog-projects": {"command": "mine"}, "other": {}}})
    file.write_text(text, encoding="utf-8")
    assert install(name, place) == 1
    assert "--force" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == text
    assert install(name, place, force=True) == 0
    assert servers_in(name, file) == {"posthog-projects": build_addition(CLIENTS[name], PROGRAM, {}).entry, "other": {}}


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
    assert servers_in("codex", file).keys() == {"other", "posthog-projects"}
    assert install("codex", place, given={"POSTHOG_HOST": "eu"}) == 1
    assert install("codex", place, given={"POSTHOG_HOST": "eu"}, force=True) == 0
    assert file.read_text(encoding="utf-8").startswith(text)
    assert servers_in("codex", file)["posthog-projects"]["env"] == {"POSTHOG_HOST": "eu"}


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
    servers.pop("posthog-projects", None)
    whole = {**whole, client.section: servers, "inputs": []}
    text = merge_text(json.dumps(whole, indent=indent), client, added)
    assert text is not None
    after = json.loads(text)
    assert after[client.section].pop("posthog-projects") == added.entry
    assert after.pop("inputs") == [dict(question) for question in added.inputs]
    whole.pop("inputs")
    assert after == whole
    assert merge_text(text, client, added) is None
    with pytest.raises(NotMergedError):
        merge_text(text, client, build_addition(client, UVX, {}))
