"""The answer of a call, for the person at a terminal: short sentences, tables, and commands that can be run next."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.outcome import Outcome
from projects_mcp.api.types import JSONObject
from projects_mcp.cli.suggested import print_call
from projects_mcp.cli.table import (
    BOLD,
    DIM,
    GREEN,
    MAGENTA,
    RED,
    cell,
    columns_of_terminal,
    print_table,
    print_text,
    width_of,
)
from projects_mcp.cli.terminal import say, styled
from projects_mcp.sanitize.json_text import indented_json

__all__ = ["print_answer"]

_OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    Outcome.APPLIED.value: ("Done", GREEN),
    Outcome.UNCHANGED.value: ("Nothing to change, it is so already", GREEN),
    Outcome.NOT_APPLIED.value: ("PostHog ignored it, nothing has changed", RED),
    Outcome.PREVIEW.value: ("A preview, nothing was changed", MAGENTA),
    Outcome.UNKNOWN.value: ("It is not known whether this was done", RED),
}
_OF_RECEIPTS: Final = frozenset(
    {"operation", "project", "outcome", "changed", "revert", "next", "ignored", "unchanged"}
)
_SENTENCES: Final = ("warnings", "note", "unchecked")
_ARGUMENTS: Final = frozenset({"revert", "not_revertible", "undo"})
_CHANGE: Final = {"field", "before", "after"}
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]{0,10}Z")
_FIRST_COLUMN: Final = 48
"""Columns that names take at the most, before their values stand below them."""


def print_answer(body: JSONObject, options: Sequence[str] = ()) -> None:
    """Print the answer of a call on stdout.

    Args:
        body: the answer.
        options: of the command line, which commands to run next have too.
    """
    if "operation" in body and "outcome" in body:
        _print_receipt(body)
        rest = {name: item for name, item in body.items() if name not in _OF_RECEIPTS}
    else:
        rest = {name: item for name, item in body.items() if name != "next"}
    _print_parts({name: item for name, item in rest.items() if name not in _SENTENCES})
    for name in _SENTENCES:
        said = rest.get(name, [])
        for sentence in said if isinstance(said, list) else [said]:
            print_text(cell(sentence))
    if body.get("revert"):
        say(styled("To undo it:", BOLD, sys.stdout))
        project = body.get("project", {})
        whose = {
            name: project[key]
            for name, key in (("organization_id", "organization_id"), ("project_id", "id"))
            if key in project
        }
        print_call(
            "project_update", {**whose, **{name: item for name, item in body["revert"].items() if item}}, options
        )
    for step in body.get("next", ()):
        say(styled(cell(step.get("why", "Next:")), BOLD, sys.stdout))
        if "arguments" in step:
            print_call(step.get("tool", ""), step["arguments"], options)


def _print_receipt(body: JSONObject) -> None:
    words, style = _OUTCOMES.get(body["outcome"], (str(body["outcome"]), BOLD))
    project = body.get("project") or {}
    whom = f" on {cell(project.get('name', ''))} (id {project.get('id', '?')})" if project else ""
    say(styled(words, style, sys.stdout), f": {cell(body['operation'])}{whom}.")
    changed: Mapping[str, Any] = body.get("changed") or {}
    if changed:
        say()
        _print_changes({name: both for name, both in changed.items() if isinstance(both, Mapping)})
        say()
    for name, words in (("ignored", "PostHog ignored"), ("unchanged", "So already")):
        if body.get(name):
            print_text(f"{words}: {', '.join(map(cell, body[name]))}.")


def _print_changes(changed: Mapping[str, Mapping[str, Any]]) -> None:
    """Print values before and after: a table if none must be cut, so that a new token can be copied."""
    rows = [[name, cell(both.get("before")), cell(both.get("after"))] for name, both in changed.items()]
    head = ["setting", "before", "after"]
    widths = [max(width_of(row[at]) for row in [head, *rows]) for at in range(len(head))]
    if sum(widths) + 2 * (len(widths) - 1) <= columns_of_terminal():
        print_table(head, rows)
        return
    for name, before, after in rows:
        say(styled(name, BOLD, sys.stdout))
        _print_pairs({"before": before, "after": after}, "  ")


def _print_parts(body: Mapping[str, Any]) -> None:
    """Print what is in an answer: single values first, then each list and each object below its name."""
    _print_pairs({name: item for name, item in body.items() if not _is_part(item)}, "")
    for name, item in body.items():
        if not _is_part(item):
            continue
        say()
        say(styled(name.replace("_", " "), BOLD, sys.stdout))
        if isinstance(item, list):
            _print_rows(item)
        elif all(isinstance(inner, Mapping) for inner in item.values()):
            for area, inner in item.items():
                say(styled(f"  {cell(area)}", DIM, sys.stdout))
                _print_pairs(inner, "    ")
        else:
            _print_pairs(item, "  ")


def _is_part(item: Any) -> bool:
    return bool(item) and (isinstance(item, Mapping) or (isinstance(item, list) and isinstance(item[0], Mapping)))


def _print_rows(rows: Sequence[Any]) -> None:
    """Print objects as a table of their fields, but for the arguments of further calls, which no cell can hold."""
    known = [row for row in rows if isinstance(row, Mapping)]
    head = list(dict.fromkeys(name for row in known for name in row if name not in _ARGUMENTS))
    print_table(head, [[_short(row[name]) if name in row else "" for name in head] for row in known])


def _shown(value: Any) -> str:
    """Return a value as it is read best on one line: a list of texts without its brackets, JSON with spaces."""
    if isinstance(value, list) and value and all(isinstance(item, str) and item for item in value):
        return ", ".join(map(cell, value))
    if isinstance(value, list) and value and all(isinstance(item, dict) and item.keys() >= _CHANGE for item in value):
        return "; ".join(f"{cell(item['field'])}: {_shown(item['before'])} → {_shown(item['after'])}" for item in value)
    return indented_json(value, None) if isinstance(value, list | Mapping) else cell(value)


def _short(value: Any) -> str:
    """Return a value as a cell of a table shows it: a time without its seconds."""
    shown = _shown(value)
    return f"{shown[:10]} {shown[11:16]}" if _TIME.fullmatch(shown) else shown


def _print_pairs(pairs: Mapping[str, Any], indent: str) -> None:
    """Print names and values in two columns; a value that is too long goes on below."""
    first = min(max((width_of(cell(name)) for name in pairs), default=0), _FIRST_COLUMN)
    for name, item in pairs.items():
        start = f"{indent}{cell(name)}{' ' * (first - width_of(cell(name)))}  "
        room = columns_of_terminal() - width_of(start)
        lines = textwrap.wrap(_shown(item), max(room, 20), break_long_words=False, break_on_hyphens=False) or [""]
        say(start, lines[0])
        for line in lines[1:]:
            say(" " * width_of(start), line)
