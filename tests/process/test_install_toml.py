"""Writing an entry into TOML: it is appended, or with --force put where the former one was. All else stays."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.cli.install.command import CLIENTS, Place
from projects_mcp.cli.install.entries import build_addition
from projects_mcp.cli.install.merge import NotMergedError, merge_text
from tests.support.install import PROGRAM, install, path_of

CODEX = CLIENTS["codex"]
ADDED = build_addition(CODEX, PROGRAM, {})
VALUES = [
    "1e999",
    "nan",
    "0x_f".replace("_", ""),
    "1_000",
    "9" * 60,
    "1979-05-27T07:32:00Z",
    '"[mcp_servers.posthog-projects] # \\" ="',
    "'C:\\path'",
    '"""\n[mcp_servers.posthog-projects]\n""quoted"" \\""""""',
    "'''\nmcp_servers.posthog-projects = 1\n''quoted'''''",
    '[ # why\n  "a", # ]\n  { b = "}" },\n]',
    "{ a.b = 1, c = [2] }",
]


def document(text: str) -> dict[str, Any]:
    """The values, without a byte order mark; fractions are as they are written, because NaN is not equal to NaN."""
    return tomllib.loads(text.removeprefix("\ufeff"), parse_float=str.encode)


@st.composite
def assignments(draw: st.DrawFn) -> str:
    """Some keys of a table, with comments and empty lines."""
    text = ""
    for number in range(draw(st.integers(0, 3))):
        text += draw(st.sampled_from(["", "\n", "# [mcp_servers.posthog-projects]\n", "  "]))
        name = draw(st.sampled_from(["k", "'k.'", '"\\u006b=["', "k.sub"]))
        name = name.replace("k", f"k{number}") if "u006b" not in name else name[:-1] + f'{number}"'
        text += name + draw(st.sampled_from(["=", " = ", "\t=  "])) + draw(st.sampled_from(VALUES))
        text += draw(st.sampled_from(["\n", " # why\n", "\n\n"]))
    return text


@st.composite
def tables(draw: st.DrawFn, prefix: str, count: int = 2) -> str:
    """Some tables that have nothing to do with ours, with names that begin with the prefix."""
    text = ""
    for number in range(draw(st.integers(0, count))):
        head = draw(
            st.sampled_from(["[{}]", " [ {} ] # why", "[[{}]]", "[mcp_servers.{}]", '[mcp_servers."{}.projects"]'])
        )
        text += draw(st.sampled_from(["", "# about it\n", "\n\n"])) + head.format(f"{prefix}{number}") + "\n"
        text += draw(assignments())
    return text


OURS = st.sampled_from(
    [
        ['[mcp_servers.posthog-projects]\ncommand = "x" # c\n# inside\nargs = [\n"a", # ]\n]'],
        ['[mcp_servers.posthog-projects]\ncommand = "x"\n\n[mcp_servers.posthog-projects.env] # d\nA = "1"'],
        ['["mcp_servers".\'posthog-projects\']\ncommand = "x"', '[mcp_servers."posthog-projects".env]\nA = "1" # e\n'],
        ['[mcp_servers.posthog-projects.env]\nA = """\n[x]\n"""', "[mcp_servers.posthog-projects]\njunk = 1e999\n"],
        ["[[mcp_servers.posthog-projects]]\na = 1\n\n[[mcp_servers.posthog-projects]]\na = 2"],
    ]
)
"""Former entries, in one place or in two. The lines of the second place go away, so it ends with its last one."""


@given(
    head=assignments(),
    rest=tables("t", 3),
    bom=st.sampled_from(["", "\ufeff"]),
    newline=st.sampled_from(["\n", "\r\n"]),
    end=st.sampled_from(["", "\n\n", "# end"]),
)
def test_a_new_entry_is_appended(head: str, rest: str, bom: str, newline: str, end: str) -> None:
    old = bom + (head + rest + end).replace("\n", newline)
    new = merge_text(old, CODEX, ADDED)
    assert new is not None
    assert new.startswith(old)
    assert tomllib.loads(new[len(old) :]) == {"mcp_servers": {"posthog-projects": ADDED.entry}}
    assert "\n" not in new[len(old) :].replace("\r\n", "") or "\r" not in old
    after = document(new)
    assert after["mcp_servers"].pop("posthog-projects") == ADDED.entry
    before = document(old)
    assert after == {"mcp_servers": {}} | before
    assert merge_text(new, CODEX, ADDED) is None


@given(data=st.data(), bom=st.sampled_from(["", "\ufeff"]), newline=st.sampled_from(["\n", "\r\n"]))
def test_force_puts_it_where_it_was_and_all_else_stays(data: st.DataObject, bom: str, newline: str) -> None:
    ours = data.draw(OURS)
    head = data.draw(assignments()) + data.draw(tables("t"))
    between = "\n\n# about the next one\n[mcp_servers.w]\n" + data.draw(assignments()) + data.draw(tables("u"))
    tail = data.draw(st.sampled_from(["", "\n", "\n# about the last ones\n" + data.draw(tables("v"))]))
    head, between, tail, *ours = (text.replace("\n", newline) for text in (head, between, tail, *ours))
    kept = between + tail if len(ours) == 2 else tail
    old = bom + head + between.join(ours) + tail
    with pytest.raises(NotMergedError):
        merge_text(old, CODEX, ADDED)
    new = merge_text(old, CODEX, ADDED, force=True)
    assert new is not None
    assert new.startswith(bom + head)
    assert new.endswith(kept)
    part = new[len(bom + head) : len(new) - len(kept)]
    assert tomllib.loads(part) == {"mcp_servers": {"posthog-projects": ADDED.entry}}
    after, before = document(new), document(old)
    assert after["mcp_servers"].pop("posthog-projects") == ADDED.entry
    del before["mcp_servers"]["posthog-projects"]
    assert after == before
    assert merge_text(new, CODEX, ADDED, force=True) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            '[mcp_servers]\nposthog-projects = { command = "x" } # k\na.b = 1\n',
            "[mcp_servers]\nposthog-projects = {}\na.b = 1\n",
        ),
        (
            'mcp_servers.posthog-projects.command = "x"\nmcp_servers.posthog-projects.args = []\n\n# z\n[z]\n',
            "mcp_servers.posthog-projects = {}\n\n# z\n[z]\n",
        ),
        (
            '[mcp_servers]\nposthog-projects.command = "x"\n[mcp_servers.posthog-projects.env]\nA = "1"\n',
            "[mcp_servers]\nposthog-projects = {}\n",
        ),
    ],
)
def test_what_was_given_by_keys_is_given_by_a_key(old: str, new: str) -> None:
    written = merge_text(old, CODEX, ADDED, force=True)
    assert written is not None
    head, tail = new.split("{}")
    assert written.startswith(head)
    assert written.endswith(tail)
    assert tomllib.loads(written)["mcp_servers"]["posthog-projects"] == ADDED.entry


@pytest.mark.parametrize(
    "old",
    [
        'mcp_servers = { other = { command = "y" }, posthog-projects = { command = "z" } }\n',
        'mcp_servers = { other = { command = "y" } }\n',
        "mcp_servers = 1\n",
        "[[mcp_servers]]\na = 1\n",
        "a = 1\na = 2\n",
        "a = [\n",
        "a = " + "[" * 5_000 + "]" * 5_000,
    ],
)
def test_a_form_that_it_cannot_keep_is_refused_and_the_entry_printed(
    old: str, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    file = path_of("codex", place)
    file.parent.mkdir(parents=True)
    file.write_text(old, encoding="utf-8")
    assert install("codex", place, force=True) == 1
    assert file.read_text(encoding="utf-8") == old
    assert list(file.parent.iterdir()) == [file]
    printed = capsys.readouterr()
    assert tomllib.loads(printed.out) == {"mcp_servers": {"posthog-projects": ADDED.entry}}
    assert "was not changed" in printed.err


def test_a_path_that_json_would_write_otherwise_is_the_same_in_toml() -> None:
    path = "/tmp/\U0001f30d\u202e\U000e0041\x7f\\x"  # noqa: S108 - no file is made
    added = build_addition(CODEX, PROGRAM._replace(program=path), {})
    new = merge_text("", CODEX, added)
    assert new is not None
    assert tomllib.loads(new)["mcp_servers"]["posthog-projects"]["command"] == path
    assert "\u202e" not in new
