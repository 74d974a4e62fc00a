"""Random JSON documents with all that clients and people put into theirs, and a parser of the tests' own."""

import json
import re
from typing import Any

from hypothesis import strategies as st

SPACE = st.sampled_from(
    [
        "",
        "",
        " ",
        "\n",
        "\r\n",
        "\t",
        "\n    ",
        "\r\n\t\t",
        " // why, {\n",
        "/* a, ] */",
        " /* a\r\n b */ ",
        '// "}\r\n',
    ]
)
"""What may stand between two tokens."""
_PLAIN = st.sampled_from(["null", "true", "1e999", "-0", "0.10", "1E+2", "9" * 60, '"x"', '"// no"', r'"\ud800\n\/"'])
_KEYS = st.sampled_from(['"a"', '"a"', '"b//"', r'"\u0062"', '"ключ"', '""', r'"\""', '"/*"'])


@st.composite
def listed(draw: st.DrawFn, items: st.SearchStrategy[str], most: int = 3) -> str:
    """Items with commas between them, perhaps one behind the last, and space around each."""
    drawn = [draw(SPACE) + item + draw(SPACE) for item in draw(st.lists(items, max_size=most))]
    comma = draw(st.sampled_from(["", "," + draw(SPACE)])) if drawn else draw(SPACE)
    return ",".join(drawn) + comma


@st.composite
def pair(draw: st.DrawFn, keys: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> str:
    return draw(keys) + draw(SPACE) + ":" + draw(SPACE) + draw(values)


VALUE = st.recursive(
    _PLAIN,
    lambda inner: listed(inner).map("[{}]".format) | listed(pair(_KEYS, inner)).map(lambda inside: "{" + inside + "}"),
    max_leaves=8,
)
MEMBER = pair(_KEYS, VALUE)


def objects(members: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return listed(members).map(lambda inside: "{" + inside + "}")


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\r\n]*|/\*.*?\*/|\s+|[^"/\s,\]}]+|.', re.DOTALL)


def parse(text: str) -> Any:
    """The value, with objects as lists of pairs, and numbers as they are written."""
    tokens = [found for found in _TOKEN.findall(text.removeprefix("\ufeff")) if not found.isspace()]
    tokens = [found for found in tokens if not found.startswith(("//", "/*"))]
    kept = [one for one, after in zip(tokens, [*tokens[1:], ""], strict=True) if one != "," or after not in {"]", "}"}]
    return json.loads("".join(kept), object_pairs_hook=Pairs, parse_int=str.encode, parse_float=str.encode)


class Pairs(list[tuple[str, Any]]):
    """The members of an object, in their order and however often each name is there."""

    def named(self, name: str) -> list[Any]:
        return [value for key, value in self if key == name]


def plain(value: Any) -> Any:
    """The same as Python has it, for an object without numbers."""
    if isinstance(value, Pairs):
        return {name: plain(item) for name, item in value}
    return [plain(item) for item in value] if isinstance(value, list) else value


def inserted(old: str, new: str) -> str:
    """What was put into a text, in one place; a comma may have been put in at a place before it, too."""
    for comma in (False, True):
        at = next((n for n, (one, two) in enumerate(zip(old, new, strict=False)) if one != two), len(old))
        more = len(new) - len(old)
        if new[at + more :] == old[at:]:
            return new[at : at + more]
        assert not comma, "the text differs in more than what was put in"
        assert new[at] == ","
        new = new[:at] + new[at + 1 :]
    raise AssertionError
