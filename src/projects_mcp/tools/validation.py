"""Check the arguments of a call against the statement of what its tool takes.

The texts of a general validator carry the rejected value and a web address. Ours name the argument and the rule, never
the value, and propose the nearest valid name, because PostHog ignores a misspelt field silently.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from projects_mcp.api.types import MAX_ID
from projects_mcp.errors.refusals import InvalidArguments
from projects_mcp.sanitize.redaction import REDACTED
from projects_mcp.sanitize.text import quoted

__all__ = ["are_large", "fits", "unknown_name", "validate"]

_MAX_TEXT: Final = 65_536
_MAX_ITEMS: Final = 1_000
_MAX_LEVELS: Final = 16
_MAX_PROBLEMS: Final = 4
_MAX_VALUES: Final = 20_000
"""Values of one call, however they are nested: a thousand objects of twenty. More would hold the event loop."""
_MAX_CHARACTERS: Final = 1_000_000
"""Characters of all texts of one call."""
_LARGE: Final = (2_000, 65_536)
"""Values and characters from which a thread works on what a call has sent."""

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


def validate(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Check arguments against the statement of what a tool takes.

    Returns:
        A copy in which digits written as text have become numbers where the schema wants a number. Some clients send
        every argument as text, and PostHog itself answers decimals as text.

    Raises:
        InvalidArguments: with one sentence for each of the first problems. They name arguments and rules,
            and never repeat a value.
    """
    problems: list[str] = []
    _require_size(arguments)
    value = _Checker(problems).value(schema, dict(arguments), "", 0)
    if problems:
        raise InvalidArguments(problems=problems[:_MAX_PROBLEMS])
    return value if isinstance(value, dict) else {}


def fits(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a value would be taken as an argument."""
    problems: list[str] = []
    _Checker(problems).value(schema, value, "value", 1)
    return not problems


def are_large(arguments: Mapping[str, Any]) -> bool:
    """Whether arguments are so many that work on them would hold the event loop for long."""
    values, characters = _size(arguments)
    return values > _LARGE[0] or characters > _LARGE[1]


def _require_size(arguments: Mapping[str, Any]) -> None:
    """Make sure that there are not too many values, before anything is done with each of them.

    Raises:
        InvalidArguments: there are.
    """
    values, characters = _size(arguments)
    if values > _MAX_VALUES:
        raise InvalidArguments(problems=[f"The arguments hold more than {_MAX_VALUES} values."])
    if characters > _MAX_CHARACTERS:
        raise InvalidArguments(problems=[f"The texts have more than {_MAX_CHARACTERS} characters together."])


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

    def value(self, schema: Mapping[str, Any], value: Any, path: str, level: int) -> Any:
        wanted = schema.get("type")
        if wanted in {"integer", "number"} and isinstance(value, str):
            value = _number(wanted, value)
        if wanted is None:
            return self._free(value, path, level)
        if not isinstance(value, _TYPES[wanted]) or (isinstance(value, bool) and wanted != "boolean"):
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
            checked_freely: dict[str, Any] = {}
            for key, item in value.items():
                for problem in _beyond_bounds({}, key):
                    self._problem(path, problem)
                checked_freely[key] = self._free(item, f"{path}.{quoted(key, 40)}", level + 1)
            return checked_freely
        for name in schema.get("required", ()):
            if name not in value:
                self._problem(_under(path, name), "is required.")
        checked: dict[str, Any] = {}
        for name, item in value.items():
            if name in known:
                checked[name] = self.value(known[name], item, _under(path, name), level + 1)
            elif len(self._problems) < _MAX_PROBLEMS:  # the nearest name is looked for only as often as it is told
                self._problem("", unknown_name(name, path, list(known)))
        return checked

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


def _number(wanted: str, text: str) -> Any:
    """Read digits that were written as text; anything else stays what it is, and is then refused."""
    if not text.isascii() or len(text) > len(str(MAX_ID)) or not text.replace(".", "", 1).isdigit():
        return text
    if text.isdigit():
        return int(text)
    return float(text) if wanted == "number" else text


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
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake pays for it

    what = f"setting of `{path}`" if path == "settings" else f"property of `{path}`" if path else "argument"
    near = get_close_matches(name[:100], known, n=1, cutoff=0.6)
    if near:
        hint = f" Did you mean `{near[0]}`?"
    elif len(known) > 20:  # noqa: PLR2004 - longer lists help nobody
        hint = " The tool's schema lists the valid names."
    else:
        hint = f" Valid: {', '.join(known)}." if known else ""
    return f"There is no {what} named {quoted(name, 60)}.{hint}"
