"""Change the values of a table in a TOML document, or take the table out: all else stays byte for byte."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final, TypeAlias

from projects_mcp.cli.toml_statements import Statement, statements
from projects_mcp.cli.user_files import NotMergedError

__all__ = ["Value", "remove_table", "set_values"]

Value: TypeAlias = str | bool
"""What `set_values` can write."""

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_NEWLINE: Final = re.compile(r"\r?\n")
_LINE: Final = re.compile(r"[^\n]*(?:\n|\Z)")
_OTHER_FORM: Final = "The table is written in a form that cannot be changed here. Change it by hand."


def set_values(text: str, table: Sequence[str], values: Mapping[str, Value | None]) -> str:
    """Return the document with some values of a table; a table that is not there is appended.

    Args:
        text: the document, without a byte order mark.
        table: the path of the table.
        values: by name; None takes one out.

    Raises:
        NotMergedError: the document is no TOML, or has the table in a form that cannot be changed.
    """
    old = _parse(text)
    former = _at(old, table)
    if not isinstance(former, dict):
        raise NotMergedError(_OTHER_FORM)
    kept = {name: value for name, value in former.items() if name not in values}
    wanted = {**kept, **{name: value for name, value in values.items() if value is not None}}
    header = next((each for each in statements(text) if each.header and each.path == tuple(table)), None)
    newline = _newline_of(text)
    if header is None:
        lines = [f"[{'.'.join(map(_key, table))}]", *_assignments(values)]
        gap = "" if not text else newline if text.endswith("\n") else newline * 2
        new = text + gap + newline.join(lines) + newline
    else:
        new = _edit(text, header, values, newline)
    if _parse_or_none(new) != _with(old, table, wanted):
        raise NotMergedError(_OTHER_FORM)
    return new


def remove_table(text: str, table: Sequence[str]) -> str:
    """Return the document without a table, and without the comments that stand directly below its values.

    Args:
        text: the document, without a byte order mark.
        table: the path of the table; it is there.

    Raises:
        NotMergedError: the document is no TOML, or has the table in a form that cannot be taken out.
    """
    old, path = _parse(text), tuple(table)
    runs = [list(run) for ours, run in groupby(statements(text), lambda each: each.path[: len(path)] == path) if ours]
    new = text
    for run in reversed(runs):
        start = new.rfind("\n", 0, run[0].start) + 1
        new = new[:start] + new[_end_of_block(new, start, run[-1].end) :]
    without = _without(old, table)
    if not runs or _parse_or_none(new) not in (without, _without_empty(without, table)):
        raise NotMergedError(_OTHER_FORM)
    return new


def _edit(text: str, header: Statement, values: Mapping[str, Value | None], newline: str) -> str:
    """Change the statements of a table where they stand, from the last to the first, and add what is missing."""
    own = [each for each in statements(text) if not each.header and each.table == header.path]
    present = {each.path[len(header.path)] for each in own}
    for each in reversed(own):
        name = each.path[len(header.path)]
        if name not in values:
            continue
        if (value := values[name]) is None:
            start = text.rfind("\n", 0, each.start) + 1
            text = text[:start] + text[_next_line(text, each.end) :]
        else:
            text = f"{text[: each.start]}{_key(name)} = {_rendered(value)}{text[each.end :]}"
    added = _assignments({name: value for name, value in values.items() if name not in present})
    if not added:
        return text
    place = _next_line(text, header.end)
    before = text[:place] if text[:place].endswith("\n") else text[:place] + newline
    return before + "".join(f"{line}{newline}" for line in added) + text[place:]


def _assignments(values: Mapping[str, Value | None]) -> list[str]:
    return [f"{_key(name)} = {_rendered(value)}" for name, value in values.items() if value is not None]


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name)


def _rendered(value: Value) -> str:
    # The escapes of JSON are those of TOML, but TOML has no surrogates, and wants one more character escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _end_of_block(text: str, start: int, end: int) -> int:
    """Return where a table ends that is taken out: behind its comments, and behind the blank line that follows.

    Comments that the next statement follows at once belong to that one.
    """
    end = _next_line(text, end)
    behind = end
    while (line := _line(text, behind)).lstrip().startswith("#"):
        behind += len(line)
    if not _line(text, behind).strip():
        end = behind
    before = text[:start].rstrip(" \t")
    if (not before or before.endswith(("\n\n", "\n\r\n"))) and not _line(text, end).strip():
        end += len(_line(text, end))
    return end


def _line(text: str, start: int) -> str:
    found = _LINE.match(text, start)
    return found[0] if found else ""


def _next_line(text: str, start: int) -> int:
    return start + len(_line(text, start))


def _newline_of(text: str) -> str:
    found = _NEWLINE.search(text)
    return found[0] if found else "\n"


def _parse(text: str) -> dict[str, Any]:
    document = _parse_or_none(text)
    if document is None:
        raise NotMergedError("The file is not valid TOML. Change it by hand.")
    return document


def _parse_or_none(text: str) -> dict[str, Any] | None:
    """Parse a document; its numbers with a fraction stay as they are written, so that NaN too equals itself."""
    try:
        return tomllib.loads(text, parse_float=lambda number: (number,))
    except (ValueError, RecursionError):
        return None


def _at(document: Any, path: Sequence[str]) -> Any:
    for name in path:
        document = document.get(name, {}) if isinstance(document, dict) else None
    return document


def _with(document: Mapping[str, Any], path: Sequence[str], table: Mapping[str, Any]) -> dict[str, Any]:
    if len(path) == 1:
        return {**document, path[0]: dict(table)}
    return {**document, path[0]: _with(document.get(path[0], {}), path[1:], table)}


def _without(document: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    if len(path) == 1:
        return {name: value for name, value in document.items() if name != path[0]}
    return {**document, path[0]: _without(document[path[0]], path[1:])}


def _without_empty(document: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """Return a document without the table that held the one that was taken out, if nothing is left in it."""
    return {name: value for name, value in document.items() if name != path[0] or value}
