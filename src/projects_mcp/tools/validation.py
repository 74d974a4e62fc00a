"""Check the arguments of a call against the statement of what its tool takes.

The texts of a general validator carry the rejected value and a web address. Ours name the argument and the rule, never
the value, and propose the nearest valid name, because PostHog ignores a misspelt field silently.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from projects_mcp.api.own_fields import OWN_FIELDS
from projects_mcp.api.types import MAX_ID
from projects_mcp.errors.refusals import InvalidArguments
from projects_mcp.sanitize.redaction import REDACTED
from projects_mcp.sanitize.text import quoted
from projects_mcp.tools.leniency import EMPTY_IS_ABSENT, is_of_client, nothing_but_null, nulls_left_out, reread

__all__ = ["Checked", "fits", "nearest", "unknown_name", "validate"]

_MAX_TEXT: Final = 65_536
_MAX_ITEMS: Final = 1_000
_MAX_LEVELS: Final = 16
_MAX_PROBLEMS: Final = 4

_PROJECT_ID: Final = "project_id"
_WAY_TO_AN_ID: Final = " Find the id with project_list and its `search`."
_OF_SETTINGS: Final = frozenset({"settings", "expected"})

_MASKED_TOKEN: Final = re.compile(r"(?<![A-Za-z0-9])ph[a-z]_\.\.\.[A-Za-z0-9_-]{4}")
"""A token as this server shows it."""
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_WORDS: Final = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
}


class Checked(NamedTuple):
    """The arguments of a call, after the check.

    Attributes:
        values: what the tool gets: each value in its strict form.
        dropped: arguments that the client has added by itself, and that were left out.
        warnings: sentences about what else was left out.
    """

    values: dict[str, Any]
    dropped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def validate(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> Checked:
    """Check arguments against the statement of what a tool takes.

    Raises:
        InvalidArguments: with one sentence for each of the first problems. They name arguments and rules,
            and never repeat a value.
    """
    problems: list[str] = []
    checker = _Checker(problems)
    values = checker.value(schema, dict(arguments), "", 0)
    nulls = checker.nulls
    if nulls and not problems and not (values.get("settings") or values.get("clear")):
        problems.append(nothing_but_null(nulls, can_clear="clear" in schema["properties"]))
    if problems:
        raise InvalidArguments(problems=problems[:_MAX_PROBLEMS])
    return Checked(values, tuple(checker.dropped), (nulls_left_out(nulls),) if nulls else ())


def fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a value would be taken as an argument."""
    problems: list[str] = []
    _Checker(problems).value(schema, value, "value", 1)
    return not problems


class _Checker:
    def __init__(self, problems: list[str]) -> None:
        self._problems = problems
        self.dropped: list[str] = []
        """Arguments that the client has added by itself."""
        self.nulls: list[str] = []
        """Settings that were null."""
        self._required: Sequence[str] = ()

    def value(self, schema: Mapping[str, Any], value: Any, path: str, level: int) -> Any:
        """Return a value in its strict form; None where there is a problem."""
        wanted = schema.get("type")
        if wanted is None:
            return self._free(value, path, level)
        if not _is_a(wanted, value):
            value = reread(wanted, value)
        if not _is_a(wanted, value):
            if path == _PROJECT_ID:
                leave_out = "" if path in self._required else " Leave it out for the current project."
                return self._problem(path, f"must be an integer.{leave_out}{_WAY_TO_AN_ID}")
            hint = " Leave it out to have no value." if value is None else ""
            return self._problem(path, f"must be {_WORDS[wanted]}.{hint}")
        for problem in _beyond_bounds(schema, value):
            return self._problem(path, problem)
        if isinstance(value, dict):
            return self._object(schema, value, path, level)
        if isinstance(value, list):
            return self._array(schema, value, path, level)
        return value

    def _object(self, schema: Mapping[str, Any], value: dict[str, Any], path: str, level: int) -> dict[str, Any]:
        known: Mapping[str, Any] | None = schema.get("properties")
        if known is None:
            return self._free_object(value, path, level)
        if level == 0:
            self._required = schema.get("required", ())
            value = {name: item for name, item in value.items() if not self._is_left_out(name, item, known)}
        for name in schema.get("required", ()):
            if name not in value:
                self._problem(_under(path, name), "is required.")
        checked: dict[str, Any] = {}
        for name, item in value.items():
            if name in known and item is None and path == "settings":
                self.nulls.append(name)
            elif name in known:
                checked[name] = self.value(known[name], item, _under(path, name), level + 1)
            elif len(self._problems) < _MAX_PROBLEMS:  # the nearest name is looked for only as often as it is told
                self._problem("", unknown_name(name, path, list(known)))
        return checked

    def _free_object(self, value: dict[str, Any], path: str, level: int) -> dict[str, Any]:
        checked: dict[str, Any] = {}
        for key, item in value.items():
            for problem in _beyond_bounds({}, key):
                self._problem(path, problem)
            checked[key] = self._free(item, f"{path}.{quoted(key, 40)}", level + 1)
        return checked

    def _is_left_out(self, name: str, value: Any, known: Mapping[str, Any]) -> bool:
        """Whether an argument of a call counts as not given. A required one that is null is then missing."""
        if name in known:
            return value is None or (value == "" and name in EMPTY_IS_ABSENT)
        if is_of_client(name, value):
            self.dropped.append(name)
            return True
        return False

    def _array(self, schema: Mapping[str, Any], value: list[Any], path: str, level: int) -> list[Any]:
        items = schema.get("items", {})
        return [self.value(items, item, f"{path}[{at}]", level + 1) for at, item in enumerate(value)]

    def _free(self, value: Any, path: str, level: int) -> Any:
        """Check a value whose form is PostHog's business: only its size and that it is JSON."""
        if level > _MAX_LEVELS:
            return self._problem(path.partition(".")[0], f"is nested deeper than {_MAX_LEVELS} levels.")
        kind = next((name for name, types in _TYPES.items() if isinstance(value, types)), None)
        for problem in _beyond_bounds({"type": kind}, value):
            return self._problem(path, problem)
        if isinstance(value, dict):
            for key in value:
                for problem in _beyond_bounds({}, key):
                    return self._problem(path, problem)
            return {key: self._free(item, path, level + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [self._free(item, path, level + 1) for item in value]
        return value

    def _problem(self, path: str, sentence: str) -> None:
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems.append(f"`{path}` {sentence}" if path else sentence)


def _beyond_bounds(schema: Mapping[str, Any], value: Any) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        yield f"must be one of {', '.join(map(str, schema['enum']))}."
    elif isinstance(value, str):
        yield from _beyond_length(schema, value)
    elif isinstance(value, list | dict):
        if len(value) > schema.get("maxItems", _MAX_ITEMS):
            yield f"must have at most {schema.get('maxItems', _MAX_ITEMS)} items."
    elif isinstance(value, int | float) and not isinstance(value, bool):
        lowest, highest = schema.get("minimum", -MAX_ID), schema.get("maximum", MAX_ID)
        if not math.isfinite(value) or value > highest:
            yield f"must be at most {highest}."
        elif value < lowest:
            yield f"must be at least {lowest}."
        elif "decimals" in schema and round(value, schema["decimals"]) != value:
            yield f"must have at most {schema['decimals']} decimals."


def _beyond_length(schema: Mapping[str, Any], text: str) -> Iterator[str]:
    longest, shortest = schema.get("maxLength", _MAX_TEXT), schema.get("minLength", 0)
    if len(text) > longest:
        yield f"must have at most {longest} characters."
    elif "filled" in schema and not text.strip():
        yield "must not be empty."
    elif len(text) < shortest:
        yield "must not be empty." if shortest == 1 else f"must have at least {shortest} characters."
    elif REDACTED in text or _MASKED_TOKEN.search(text):
        yield "holds a placeholder for a value that is not shown; send the value itself, or leave it out."
    elif not _is_unicode(text):
        yield "must be valid Unicode: it contains half of a surrogate pair."


def _is_a(wanted: str, value: Any) -> bool:
    return isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def unknown_name(name: str, path: str, known: list[str]) -> str:
    """Say that there is no such argument, setting or property, and which one may have been meant."""
    if path in _OF_SETTINGS and name in OWN_FIELDS:
        return f"`{name}` is no setting: {OWN_FIELDS[name]}."
    what = "setting of `settings`" if path == "settings" else f"property of `{path}`" if path else "argument"
    if near := nearest(name, known):
        hint = f" Did you mean `{near}`?"
    elif len(known) > 20:  # noqa: PLR2004 - longer lists help nobody
        hint = " The tool's schema lists the valid names."
    else:
        hint = f" Valid: {', '.join(known)}." if known else ""
    return f"There is no {what} named {quoted(name, 60)}.{hint}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name that may have been meant; None if none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake pays for it

    near = get_close_matches(name[:100], known, n=1, cutoff=0.6)
    return near[0] if near else None
