"""How the arguments of a tool are written as words of a command line: made from its schema."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import MAX_ID
from projects_mcp.tools.tool import Tool

__all__ = ["complete_word", "example_of", "settings_of", "value_of"]

_SETTINGS: Final = "settings"
_OF_SETTINGS: Final = frozenset({"fields", "clear"})
"""Lists of names of settings."""
_WORDS: Final = {"integer": "NUMBER", "number": "NUMBER", "string": "TEXT", "array": "A,B", "object": "JSON"}
_SAMPLES: Final[Mapping[str, str]] = {
    "confirm_project_name": "Acme web",
    "limit": "5",
    "name": "Acme shop",
    "product_type": "session_replay",
    "project_id": "12345",
    "settings": "timezone=Europe/Madrid",
    "target_organization_id": "018f0000-0000-7000-8000-000000000001",
}
"""Values that examples show."""


def value_of(schema: Mapping[str, Any]) -> str:
    """Return how a value is written: `compact|full`, `true|false`, `1..500`, or what kind it is."""
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    kind = schema.get("type")
    if kind == "boolean":
        return "true|false"
    if kind in {"integer", "number"} and schema.get("maximum", MAX_ID) < MAX_ID:
        return f"{schema.get('minimum', 0)}..{schema['maximum']}"
    if kind == "array" and schema.get("items", {}).get("type") != "string":
        return "JSON"
    return _WORDS.get(str(kind), "JSON")


def settings_of(tool: Tool) -> Mapping[str, Mapping[str, Any]]:
    """Return the settings that a tool takes, each with its schema."""
    found: Mapping[str, Mapping[str, Any]] = tool.arguments["properties"].get(_SETTINGS, {}).get("properties", {})
    return found


def example_of(tool: Tool) -> str:
    """Return a command line that the tool takes: what it needs, and the first of the rest that has a sample.

    Settings are those of one project: a tool that can change many at a time needs no id by its schema.
    """
    known: Mapping[str, Mapping[str, Any]] = tool.arguments["properties"]
    needed = list(tool.arguments.get("required", ()))
    more = [name for name in ("settings", "limit", "project_id") if name in known and name not in needed]
    one = [name for name in ("project_id",) if "settings" in known and name in known and name not in needed]
    names = [*one, *needed, *more[:1]]
    return " ".join(["call", tool.name, *(_pair(name, known[name]) for name in names)])


def _pair(name: str, schema: Mapping[str, Any]) -> str:
    sample = _SAMPLES.get(name, "1" if schema.get("type") == "integer" else "a")
    return f"settings.{sample}" if name == _SETTINGS else f"{name}={shlex.quote(sample)}"


def complete_word(tool: Tool, typed: str) -> Iterator[tuple[str, str]]:
    """Yield the words that begin as what is typed, each with what it means: a name with `=`, or with its value."""
    outer, dot, _ = typed.partition(".")
    inside = dot and outer == _SETTINGS
    known = settings_of(tool) if inside else tool.arguments["properties"]
    for name, schema in known.items():
        word = f"{_SETTINGS}.{name}" if inside else name
        about = SETTINGS[name].about if inside and name in SETTINGS else str(schema.get("description", ""))
        for one in _words(word, name, schema, typed):
            if one.startswith(typed):
                yield one, about


def _words(word: str, name: str, schema: Mapping[str, Any], typed: str) -> Iterator[str]:
    if schema.get("properties") and name == _SETTINGS:
        yield f"{word}."
    elif name in _OF_SETTINGS and typed.startswith(f"{word}="):
        before, comma, _ = typed.rpartition(",")
        taken = before.partition("=")[2].split(",")
        start = f"{before}," if comma else f"{word}="
        yield from (f"{start}{setting}" for setting in SETTINGS if setting not in taken)
    elif "enum" in schema:
        yield from (f"{word}={value}" for value in schema["enum"])
    elif schema.get("type") == "boolean":
        yield from (f"{word}={value}" for value in ("true", "false"))
    else:
        yield f"{word}="
