"""Writing an entry into JSON with comments: every byte outside the entry stays, and the values are what they were."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.cli.install.command import CLIENTS, Place
from projects_mcp.cli.install.entries import INPUT, Addition, build_addition
from projects_mcp.cli.install.merge import NotMergedError, merge_text
from tests.support.install import PROGRAM, WITH_JSON, install, path_of
from tests.support.jsonc import MEMBER, SPACE, VALUE, Pairs, inserted, listed, objects, pair, parse, plain

BOM = "\ufeff"


def addition(name: str) -> Addition:
    """An entry alone: on the sandbox, no client asks for a key."""
    return build_addition(CLIENTS[name], PROGRAM, {"PROJECTS_MCP_SANDBOX": "1"})


def spellings(key: str) -> st.SearchStrategy[str]:
    return st.sampled_from([json.dumps(key), f'"\\u{ord(key[0]):04x}{key[1:]}"'])


def without(value: Pairs, *path: str) -> Any:
    """The value without a member, and without what holds only that member, which was put in together with it."""
    first, *rest = path
    kept = Pairs()
    for key, item in value:
        if key != first:
            kept.append((key, item))
        elif rest and (left := without(item, *rest)):
            kept.append((key, left))
    return kept


def refused(value: Any, section: str) -> bool:
    """Whether it is not clear where the entry would go, or there is one."""
    held = value.named(section)
    return len(held) > 1 or (bool(held) and (not isinstance(held[0], Pairs) or bool(held[0].named("posthog-projects"))))


@given(data=st.data(), name=st.sampled_from(WITH_JSON))
def test_an_entry_is_put_into_any_document_and_all_else_stays(data: st.DataObject, name: str) -> None:
    section, added = CLIENTS[name].section, addition(name)
    servers = pair(spellings(section), objects(MEMBER | pair(spellings("posthog-projects"), VALUE)) | VALUE)
    around = data.draw(st.tuples(st.sampled_from(["", BOM]), SPACE, SPACE), "around")
    old = around[0] + around[1] + data.draw(objects(MEMBER | servers), "old") + around[2]
    before = parse(old)
    if refused(before, section):
        with pytest.raises(NotMergedError):
            merge_text(old, CLIENTS[name], added)
        return
    new = merge_text(old, CLIENTS[name], added)
    assert new is not None
    part = json.loads("{" + inserted(old, new).strip(" ,\t\r\n") + "}")
    assert part in ({"posthog-projects": added.entry}, {section: {"posthog-projects": added.entry}})
    after = parse(new)
    ((found,),) = [servers.named("posthog-projects") for servers in after.named(section)]
    assert plain(found) == added.entry
    empty = not without(before, section, "posthog-projects").named(section)  # an empty section vanishes with the entry
    assert without(after, section, "posthog-projects") == (without(before, section) if empty else before)
    assert merge_text(new, CLIENTS[name], added) is None, "the second time changes nothing"
    with pytest.raises(NotMergedError):
        merge_text(new, CLIENTS[name], build_addition(CLIENTS[name], PROGRAM, {}))


@given(data=st.data(), name=st.sampled_from(WITH_JSON))
def test_force_replaces_the_value_and_nothing_else(data: st.DataObject, name: str) -> None:
    section, added = CLIENTS[name].section, addition(name)

    def part(what: st.SearchStrategy[str]) -> str:
        return data.draw(what)

    def behind() -> str:
        members = part(listed(MEMBER))
        return part(SPACE) + ("," + members if '"' in members else part(st.sampled_from(["", ","])))

    def ahead() -> str:
        return "".join(f"{part(SPACE)}{part(MEMBER)}{part(SPACE)}," for _ in range(part_count()))

    def part_count() -> int:
        return data.draw(st.integers(0, 2))

    key = part(spellings("posthog-projects")) + part(SPACE) + ":" + part(SPACE)
    holder = part(spellings(section)) + part(SPACE) + ":" + part(SPACE)
    head = part(SPACE) + "{" + ahead() + part(SPACE) + holder + "{" + ahead() + part(SPACE) + key
    tail = behind() + "}" + behind() + "}" + part(SPACE)
    old = head + part(VALUE) + tail
    with pytest.raises(NotMergedError):
        merge_text(old, CLIENTS[name], added)
    new = merge_text(old, CLIENTS[name], added, force=True)
    assert new is not None
    assert new.startswith(head)
    assert new.endswith(tail)
    assert json.loads(new[len(head) : len(new) - len(tail)]) == added.entry
    assert merge_text(new, CLIENTS[name], added, force=True) is None


VSCODE = """{
\t// servers of this project
\t"servers": {
\t\t"github": { "url": "https://example.com/mcp", "type": "http" }, // remote
\t},
\t"inputs": [
\t\t{ "id": "token", "type": "promptString", "password": true } // of github
\t]
}
"""


def test_a_file_of_vs_code_keeps_its_comments_and_its_form() -> None:
    client, added = CLIENTS["vscode"], build_addition(CLIENTS["vscode"], PROGRAM, {})
    entry = json.dumps(added.entry, indent="\t").replace("\n", "\n\t\t")
    question = json.dumps(INPUT, indent="\t", ensure_ascii=False).replace("\n", "\n\t\t")
    expected = VSCODE.replace(" // remote", f' // remote\n\t\t"posthog-projects": {entry}')
    expected = expected.replace(" // of github", f", // of github\n\t\t{question}")
    assert merge_text(VSCODE, client, added) == expected
    assert merge_text(expected, client, added) is None
    assert merge_text(BOM + VSCODE, client, added) == BOM + expected
    assert merge_text(VSCODE.replace("\n", "\r\n"), client, added) == expected.replace("\n", "\r\n")


ZED = """// Zed settings
//
// see https://zed.dev/docs/configuring-zed
{
  "theme": { "mode": "system", "light": "One Light", },
  "buffer_font_size": 15.0,
  "context_servers": {
    "posthog-projects": { "command": "old" /* mine */, "args": [] }, // was there before
    // "other": {},
  },
}
"""
GEMINI = '{"security":{"auth":{"selectedType":"oauth-personal"}},"mcpServers":{}}'
CLAUDE = '{\n  "globalShortcut": "",\n  "scale": 1e999\n}\n'


@pytest.mark.parametrize(
    ("name", "old", "force", "kept"),
    [
        ("zed", ZED, True, [ZED.partition('{ "command')[0], ZED.partition("[] }")[2]]),
        ("gemini", GEMINI, False, [GEMINI[:-2], "}}"]),
        ("claude-desktop", CLAUDE, False, [CLAUDE[:-3], CLAUDE[-3:]]),
        ("cursor", "{}\n", False, ["{", "}\n"]),
        ("cursor", "", False, ["", ""]),
        ("cursor", BOM + "\r\n", False, [BOM, "\r\n"]),
        ("cursor", '{"mcpServers": { /* none yet */ }}', False, ['{"mcpServers": { /* none yet */', " }}"]),
        (
            "cursor",
            '{\n "mcpServers": {\n  // none yet\n }\n}',
            False,
            ['{\n "mcpServers": {\n  // none yet', "\n }\n}"],
        ),
    ],
)
def test_shapes_of_clients_stay_around_the_entry(name: str, old: str, force: bool, kept: list[str]) -> None:
    added = build_addition(CLIENTS[name], PROGRAM, {})
    new = merge_text(old, CLIENTS[name], added, force=force)
    assert new is not None
    assert new.startswith(kept[0])
    assert new.endswith(kept[1])
    assert plain(parse(new).named(CLIENTS[name].section)[0].named("posthog-projects")[0]) == added.entry
    assert len(new) == len(kept[0]) + len(kept[1]) + len(new[len(kept[0]) : len(new) - len(kept[1])])


@pytest.mark.parametrize(
    "content", [b'{"a": 1, "a": 2, "n": 1e999}\r\n', b'\xef\xbb\xbf{"big": ' + b"9" * 5_000 + b"}"]
)
def test_what_json_readers_lose_stays_in_the_file(content: bytes, place: Place) -> None:
    file = path_of("cursor", place)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    assert install("cursor", place) == 0
    body = content.rstrip(b"}\r\n")
    assert file.read_bytes().startswith(body)
    assert file.read_bytes().endswith(content[len(body) :])
