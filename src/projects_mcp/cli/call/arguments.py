"""Read the arguments of a call from the words of a command line, by the schema of its tool."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.strict_json import unique_keys
from projects_mcp.sanitize.text import on_one_line
from projects_mcp.tools.tool import Tool

__all__ = ["ArgumentsError", "read_arguments"]

_SETTINGS: Final = "settings"
_LONGEST: Final = 4_194_304
"""Characters that are read from stdin at the most."""
_EMPTY: Final = {"array": "[]", "object": "{}"}


class ArgumentsError(Exception):
    """The words cannot be understood. The text is one sentence."""


def read_arguments(tool: Tool, words: Sequence[str]) -> dict[str, Any]:
    """Read arguments. A word is `name=value`, or the one JSON object under which these stand; `-` reads it from stdin.

    Raises:
        ArgumentsError: a word is neither, an argument comes twice, or one has no value.
    """
    objects = [word for word in words if word == "-" or word.lstrip()[:1] in {"{", "["}]
    if len(objects) > 1:
        raise ArgumentsError("The arguments are one JSON object, and here are two.")
    arguments = _parse_object(_read_stdin() if objects[0] == "-" else objects[0]) if objects else {}
    given: set[str] = set()
    for pair in (word for word in words if word not in objects):
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise ArgumentsError(
                f"{on_one_line(pair)!r:.60} is no argument: write NAME=VALUE, or all together as one JSON object."
            )
        if name in given:
            raise ArgumentsError(f"{_shown(name)} is given twice.")
        given.add(name)
        _set_argument(arguments, tool, name, text)
    return arguments


def _set_argument(arguments: dict[str, Any], tool: Tool, name: str, text: str) -> None:
    """Store one argument. `settings.timezone` sets one field of an object."""
    outer, dot, inner = name.partition(".")
    schema = tool.arguments["properties"].get(outer, {})
    if not dot:
        arguments[name] = _parse_value(name, schema, text)
        return
    fields = arguments.setdefault(outer, {})
    if not isinstance(fields, dict):
        raise ArgumentsError(f"{_shown(outer)} is given whole and in part.")
    if outer == _SETTINGS and text == "null" and inner in SETTINGS:
        raise ArgumentsError(_explain_null(inner, can_clear="clear" in tool.arguments["properties"]))
    fields[inner] = _parse_value(name, schema.get("properties", {}).get(inner, {}), text)


def _parse_value(name: str, schema: Mapping[str, Any], text: str) -> Any:
    """Parse a value by its schema: strings as they are, lists also as `a,b,c`, everything else as JSON."""
    kind = schema.get("type")
    if kind == "string":
        return text
    if kind is not None and not text.strip():
        raise ArgumentsError(_explain_empty(name, kind))
    try:
        return json.loads(text, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError):
        if kind == "array":
            return [part for part in (part.strip() for part in text.split(",")) if part]
        return text


def _explain_empty(name: str, kind: str) -> str:
    """Say that an argument has no value: an unset variable of the shell must not empty a list."""
    empty = _EMPTY.get(kind)
    how = (
        f"Write {_shown(name)}={empty} if it is to be empty, or leave it out." if empty else "Leave it out to keep it."
    )
    return f"{_shown(name)} has no value. {how}"


def _explain_null(setting: str, *, can_clear: bool) -> str:
    if not SETTINGS[setting].nullable:
        return f"{setting} cannot be null. Leave it out to keep it."
    if can_clear:
        return f"A setting is not given as null: clear={setting} sets {setting} to null."
    return f"A setting is not given as null: leave {setting} out, and the new project has PostHog's default."


def _read_stdin() -> str:
    try:
        text = "" if sys.stdin is None else sys.stdin.read(_LONGEST + 1)
    except (OSError, ValueError):  # closed, or no UTF-8
        text = ""
    if len(text) > _LONGEST:
        raise ArgumentsError(f"The object on stdin has more than {_LONGEST} characters.")
    return text


def _parse_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ArgumentsError('The arguments are no JSON object with each key once, such as {"project_id": 12345}.')
    return value


def _shown(name: str) -> str:
    return f"{on_one_line(name):.80}"
