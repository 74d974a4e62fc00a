"""Values of a table are set, and tables taken out: the document says exactly that, and all else stays byte for byte."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.cli.toml_tables import remove_table, set_values
from projects_mcp.cli.user_files import NotMergedError

NAMES = ["a", "b", "c.d", "e-f"]
LINES = st.sampled_from(
    [
        "",
        "# a comment",
        "x = 1",
        "y = 'text' # behind",
        'host = "us"',
        "list = [\n  1, # one\n  2,\n]",
        'm = """\n[b]\n"""',
    ]
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[list[str], str]:
    """The names of some tables, and a document that has them."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    lines = draw(st.lists(st.sampled_from(["", "# at the top"]), max_size=2))
    for name in names:
        key = f'"{name}"' if "." in name else name
        body = draw(st.lists(LINES, max_size=5, unique=True))
        lines += [f"[t.{key}]{draw(st.sampled_from(['', ' # of it']))}", *body]
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    return names, "\n".join(lines).replace("\n", ending) + draw(st.sampled_from(["", ending]))


@given(documents(), st.data())
def test_a_table_is_taken_out_whole_and_nothing_else(drawn: tuple[list[str], str], data: st.DataObject) -> None:
    names, text = drawn
    name = data.draw(st.sampled_from(names))
    new = remove_table(text, ("t", name))
    before, after = tomllib.loads(text)["t"], tomllib.loads(new).get("t", {})
    assert after == {other: table for other, table in before.items() if other != name}
    kept = [line for line in new.splitlines(keepends=True) if line.strip()]
    of_before = iter(text.splitlines(keepends=True))
    assert all(line in of_before for line in kept), "what is left stands there in the same order, byte for byte"


@given(documents(), st.data())
def test_values_are_set_in_place(drawn: tuple[list[str], str], data: st.DataObject) -> None:
    _, text = drawn
    name = data.draw(st.sampled_from(NAMES))
    value = st.one_of(st.none(), st.booleans(), st.text(st.characters(exclude_categories=["Cs"]), max_size=10))
    values = data.draw(st.dictionaries(st.sampled_from(["host", "x", "new", "odd key"]), value, max_size=3))
    new = set_values(text, ("t", name), values)
    before, after = tomllib.loads(text)["t"], tomllib.loads(new)["t"]
    former = {key: old for key, old in before.get(name, {}).items() if key not in values}
    assert after == {**before, name: {**former, **{key: one for key, one in values.items() if one is not None}}}
    comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    of_after = iter(new.splitlines())
    assert all(line in of_after for line in comments)
    if "\n" in text:
        assert ("\r\n" in new) is ("\r\n" in text)


def test_comments_of_a_table_go_with_it_and_those_of_the_next_stay() -> None:
    text = "[t.a]\nx = 1\n# of a\n\n# of b\n[t.b]\ny = 1\n# before c\n[t.c]\n"
    assert remove_table(text, ("t", "a")) == "# of b\n[t.b]\ny = 1\n# before c\n[t.c]\n"
    assert remove_table(text, ("t", "b")) == "[t.a]\nx = 1\n# of a\n\n# of b\n# before c\n[t.c]\n"
    assert remove_table(text, ("t", "c")) == "[t.a]\nx = 1\n# of a\n\n# of b\n[t.b]\ny = 1\n# before c\n"


@pytest.mark.parametrize("text", ["t = {a = {x = 1}}\n", "t.a = {x = 1}\n", "t = 1\n", "[[t]]\na = 1\n", "not toml"])
def test_other_forms_are_left_alone(text: str) -> None:
    with pytest.raises(NotMergedError):
        set_values(text, ("t", "a"), {"x": "2"})
    if "{" in text and not text.startswith("t.a"):
        with pytest.raises(NotMergedError):
            remove_table(text, ("t", "a"))
