"""The file of projects' settings as it is read, and what is wrong with it.

`settings_file` writes what this reads. Each problem names the line or the table, and the name that may have been meant.
No problem repeats a value: a file may hold a secret where none belongs.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeAlias

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from projects_mcp.api.types import MAX_ID
from projects_mcp.fleet.settings_tables import KEYS, Project, Rules, SettingsDocument
from projects_mcp.fleet.toml_lines import Path, TomlFormError, lines_of
from projects_mcp.fleet.values import SECRET_FIELDS, holds_secret
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import on_one_line, quoted

__all__ = ["LARGEST_FILE", "CheckValue", "DocumentError", "read_document"]

LARGEST_FILE: Final = 8 * 2**20
"""Bytes of a file at the most: 2,000 projects that say everything themselves are five million."""
_MOST_TOLD: Final = 8
"""Problems that are told at once."""
_SHOWN: Final = 60
_REDACTOR: Final = Redactor()
_OF_ONE_PROJECT: Final = frozenset({"name", "primary_dashboard"})
"""Settings that no two projects of an organization can have in common."""

CheckValue: TypeAlias = Callable[[str, Any], tuple[Any, list[str]]]
"""Takes a setting and its value; returns the value in its strict form, and what is wrong with it as sentences."""


class DocumentError(Exception):
    """The file cannot be used. `problems` are the reasons: each a line that names the place, but not the file."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def read_document(data: bytes, check: CheckValue) -> SettingsDocument:
    """Read a file of settings.

    Args:
        data: the whole file.
        check: checks the value of a setting.

    Raises:
        DocumentError: it is too large, no TOML, or says what cannot be meant.
    """
    text = _text(data)
    try:
        lines = lines_of(text)
    except TomlFormError as error:
        raise DocumentError([f"line {error.line}: {error}"]) from None
    tables = _parse(text)
    told = _Problems(lines, tables)
    try:
        document = SettingsDocument.model_validate(tables)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        # What is missing is most often there under a name that is misspelt.
        for problem in sorted(found, key=lambda one: one["type"] == "missing")[:_MOST_TOLD]:
            told.add(problem["loc"], _worded(problem))
        raise DocumentError(told.sentences) from None
    checked = _checked(document, check, told)
    if told.sentences:
        raise DocumentError(told.sentences)
    return checked


def _text(data: bytes) -> str:
    if len(data) > LARGEST_FILE:
        raise DocumentError([f"it is larger than {LARGEST_FILE // 2**20} MiB"])
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise DocumentError(["line 1: it begins with a byte order mark; save it as UTF-8 without one"])
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DocumentError([f"line {line}: it is not text in UTF-8"]) from None
    if (at := text.find("\0")) >= 0:
        raise DocumentError([f"line {text.count(chr(10), 0, at) + 1}: it holds a NUL character"])
    return text


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise DocumentError(["it is nested too deeply"]) from None
    except tomllib.TOMLDecodeError as error:
        found = re.fullmatch(r"(.*?) \(at (?:line (\d+), column \d+|end of document)\)", str(error), re.DOTALL)
        reason, line = (found[1], found[2]) if found else ("", None)
        place = f"line {line}" if line else "at its end"
        raise DocumentError([f"{place}: it is not TOML: {_shown(reason)}"]) from None
    except ValueError:  # an integer of thousands of digits, or a date that is none
        raise DocumentError(["it is not TOML: a number or a date is none"]) from None


class _Problems:
    """Collects what is wrong, each with its place."""

    def __init__(self, lines: Mapping[Path, int], tables: Mapping[str, Any]) -> None:
        self._lines, self._tables = lines, tables
        self.sentences: list[str] = []

    @property
    def full(self) -> bool:
        """Whether no more are told."""
        return len(self.sentences) >= _MOST_TOLD

    def add(self, path: Path, sentence: str) -> None:
        """Add a problem at a place."""
        if not self.full:
            self.sentences.append(f"{self._place(path)}{sentence}")

    def _place(self, path: Path) -> str:
        line = next((self._lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self._lines), None)
        table = self._table(path)
        places = [f"line {line}" if line else "", table]
        return "".join(f"{place}: " for place in (", ".join(filter(None, places)),) if place)

    def _table(self, path: Path) -> str:
        kind = path[0] if path else ""
        if kind == "defaults":
            return "[defaults]"
        if len(path) < 2 or not isinstance(path[1], int):  # noqa: PLR2004 - the kind of a list, and the number in it
            return ""
        entry = self._tables[str(kind)][path[1]]
        number = entry.get("id") if isinstance(entry, dict) else None
        named = f" (id {number})" if kind == "project" and type(number) is int and number <= MAX_ID else ""
        return f"[[{kind}]] {path[1] + 1}{named}"


def _worded(problem: ErrorDetails) -> str:
    """Say in our words what pydantic found."""
    where = [part for part in problem["loc"] if isinstance(part, str)]
    last = where[-1] if where else ""
    kind = problem["type"]
    if kind == "missing":
        return f"it needs `{last}`"
    if kind == "extra_forbidden":
        known = KEYS.get(where[-2] if len(where) > 1 else "", [])
        return f"there is no key {quoted(last, _SHOWN)} here.{_meant(last, known)}"
    if kind == "list_type" and last in {"group", "project"}:
        return f"tables of this kind stand in double brackets: [[{last}]]"
    return f"`{_shown(last)}` {_TYPES.get(kind, problem['msg'] if kind == 'worded' else 'is not what it must be')}"


_TYPES: Final = {
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "greater_than_equal": "must be a number from 1",
    "less_than_equal": f"must be a number up to {MAX_ID}",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "too_long": "has too many entries",
}


def _meant(name: str, known: list[str]) -> str:
    near = get_close_matches(name[:100], known, n=1, cutoff=0.6)
    return f" Did you mean `{near[0]}`?" if near else f" Valid: {', '.join(known)}." if known else ""


def _checked(document: SettingsDocument, check: CheckValue, told: _Problems) -> SettingsDocument:
    """Return the document with each value in its strict form, and tell what is wrong with them."""
    groups = [_rules(group, ("group", at), check, told) for at, group in enumerate(document.group)]
    projects = [_rules(project, ("project", at), check, told) for at, project in enumerate(document.project)]
    defaults = _rules(document.defaults, ("defaults",), check, told)
    for at, group in enumerate(document.group):
        if group.match.name is None and not group.match.ids:
            told.add(("group", at, "match"), "`match` needs `name` or `ids`")
    first: dict[int, int] = {}
    for at, project in enumerate(document.project):
        if first.setdefault(project.id, at) != at:
            told.add(("project", at), f"the same project is in [[project]] {first[project.id] + 1} too")
    return document.model_copy(update={"defaults": defaults, "group": groups, "project": projects})


def _rules(rules: Rules, path: Path, check: CheckValue, told: _Problems) -> Any:
    strict: dict[str, Any] = {}
    for name, value in rules.settings.items():
        if told.full:
            break
        at = (*path, "settings", name)
        if sentence := _refused(name, value, rules):
            told.add(at, sentence)
            continue
        strict[name], problems = check(name, value)
        for problem in problems:
            told.add(at, problem)
    for name in rules.clear:
        sentences = [f"`{name}` is in both `settings` and `clear`"] if name in rules.settings else check(name, None)[1]
        for sentence in filter(None, [_refused(name, None, rules), *sentences]):
            told.add((*path, "clear"), sentence)
            break
    return rules.model_copy(update={"settings": strict})


def _refused(name: str, value: Any, rules: Rules) -> str:
    """Say why a file cannot hold a setting, whatever its rules are; empty if it can."""
    if name in SECRET_FIELDS:
        return f"`{name}` is a secret, and no file holds one"
    if name in _OF_ONE_PROJECT and value is not None and not isinstance(rules, Project):
        return f"`{name}` is one project's own: set it in a [[project]]"
    if _has_time(value):
        return f"`{_shown(name)}` holds a date or a time, which no setting has; write it as a text"
    return f"`{_shown(name)}` holds a secret, and no file holds one" if holds_secret(_REDACTOR, name, value) else ""


def _has_time(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_time, value.values() if isinstance(value, dict) else value))
    return isinstance(value, dt.date | dt.time)


def _shown(text: str) -> str:
    plain = on_one_line(text[: _SHOWN + 1])
    return plain if len(plain) <= _SHOWN else f"{plain[:_SHOWN]}…"
