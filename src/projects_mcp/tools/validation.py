"""Check the arguments of a call against the statement of what its tool takes.

The texts of a general validator carry the rejected value and a web address. Ours name the argument and the rule, never
the value, and propose the nearest valid name, because PostHog ignores a misspelt field silently.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from projects_mcp.api.types import MAX_ID
from projects_mcp.errors.refusals import InvalidArguments
from projects_mcp.sanitize.patterns import REDACTED
from projects_mcp.sanitize.text import quoted
from projects_mcp.tools.leniency import EMPTY_IS_ABSENT, is_of_client, nothing_but_null, nulls_left_out, reread
from projects_mcp.tools.names import unknown_name

__all__ = ["Checked", "fits", "validate"]

_MAX_TEXT: Final = 65_536
_MAX_ITEMS: Final = 1_000
_MAX_LEVELS: Final = 16
_MAX_PROBLEMS: Final = 4
_MAX_VALUES: Final = 20_000
"""Values of one call, however they are nested: a thousand objects of twenty. More would hold the event loop."""
_MAX_CHARACTERS: Final = 1_000_000
"""Characters of all texts of one call."""
_MAX_REREAD: Final = 65_536
"""Characters of one call that may be text where something else is wanted."""
_LARGE: Final = (2_000, 65_536)
"""Values and characters from which a thread works on what a call has sent."""

_PROJECT_ID: Final = "project_id"
_PROJECT_IDS: Final = "project_ids"
_WAY_TO_AN_ID: Final = " Find the id with project_list and its `search`."

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
        large: whether they are so many that work on them would hold the event loop for long.
    """

    values: dict[str, Any]
    dropped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    large: bool = False


def validate(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> Checked:
    """Check arguments against the statement of what a tool takes.

    Raises:
        InvalidArguments: with one sentence for each of the first problems. They name arguments and rules,
            and never repeat a value.
    """
    problems: list[str] = []
    large = _require_size(arguments)
    checker = _Checker(problems)
    values = checker.value(schema, dict(arguments), "", 0)
    nulls = checker.nulls
    if nulls and not problems and not (values.get("settings") or values.get("clear")):
        problems.append(nothing_but_null(nulls, can_clear="clear" in schema["properties"]))
    if problems:
        raise InvalidArguments(problems=problems[:_MAX_PROBLEMS])
    if checker.reread_characters:
        large = _require_size(values)
    return Checked(values, tuple(checker.dropped), (nulls_left_out(nulls),) if nulls else (), large)


def fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a value would be taken as an argument."""
    problems: list[str] = []
    _Checker(problems).value(schema, value, "value", 1)
    return not problems


def _require_size(arguments: Mapping[str, Any]) -> bool:
    """Make sure that there are not too many values, before anything is done with each of them.

    Returns:
        Whether they are so many that a thread should work on them.

    Raises:
        InvalidArguments: there are too many.
    """
    values, characters = _size(arguments)
    if values > _MAX_VALUES:
        raise InvalidArguments(problems=[f"The arguments hold more than {_MAX_VALUES} values."])
    if characters > _MAX_CHARACTERS:
        raise InvalidArguments(problems=[f"The texts have more than {_MAX_CHARACTERS} characters together."])
    return values > _LARGE[0] or characters > _LARGE[1]


def _size(arguments: Mapping[str, Any]) -> tuple[int, int]:
    """Count values, up to one more than are allowed, and the characters of their texts."""
    values = characters = 0
    layer: list[Any] = [arguments]
    while layer and values <= _MAX_VALUES:
        inner: list[Any] = []
        for item in layer:
            if isinstance(item, str):
                characters += min(len(item), _MAX_TEXT)  # a longer one is refused by its own name
            elif isinstance(item, dict):
                characters += sum(map(len, item))
                values += len(item)
                inner += item.values()
            elif isinstance(item, list):
                values += len(item)
                inner += item
        layer = inner
    return values, characters


class _Checker:
    def __init__(self, problems: list[str]) -> None:
        self._problems = problems
        self.dropped: list[str] = []
        """Arguments that the client has added by itself."""
        self.nulls: list[str] = []
        """Settings that were null."""
        self.reread_characters = 0
        """How much text was taken for something else than a text, or was tried to."""
        self._needs_id = False
        """Whether a call that leaves `project_id` out is not about the current project."""

    def value(self, schema: Mapping[str, Any], value: Any, path: str, level: int) -> Any:
        """Return a value in its strict form; None where there is a problem."""
        wanted = schema.get("type")
        if wanted is None:
            return self._free(value, path, level)
        if not _is_a(wanted, value):
            value = self._read_otherwise(wanted, value)
        if not _is_a(wanted, value):
            return self._problem(path, f"must be {_WORDS[wanted]}.{self._way_on(path, value)}")
        for problem in _beyond_bounds(schema, value):
            return self._problem(path, problem)
        if isinstance(value, dict):
            return self._object(schema, value, path, level)
        if isinstance(value, list):
            return self._array(schema, value, path, level)
        return value

    def _read_otherwise(self, wanted: str, value: Any) -> Any:
        """Read a value in another form. What is read of one call is bounded, however it is spread over arguments."""
        if isinstance(value, str):
            self.reread_characters += len(value)
        return value if self.reread_characters > _MAX_REREAD else reread(wanted, value)

    def _way_on(self, path: str, value: Any) -> str:
        if path == _PROJECT_ID:
            return f"{'' if self._needs_id else ' Leave it out for the current project.'}{_WAY_TO_AN_ID}"
        return " Leave it out to have no value." if value is None else ""

    def _object(self, schema: Mapping[str, Any], value: dict[str, Any], path: str, level: int) -> dict[str, Any]:
        known: Mapping[str, Any] | None = schema.get("properties")
        if known is None:
            return self._free_object(value, path, level)
        if level == 0:
            self._needs_id = _PROJECT_ID in schema.get("required", ()) or _PROJECT_IDS in known
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
        if (isinstance(value, float) and not math.isfinite(value)) or value > highest:  # an integer may be no float
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
