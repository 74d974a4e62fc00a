"""The arguments of the tools: one statement of what a tool takes, which is enforced, and an extract that is published.

The extract is made from the statement, so the two cannot contradict each other: whatever is published is enforced.
Every conversation pays for every word of it, so it leaves out what a caller does not need to write a right call, and
what a clear refusal tells better. It uses a small part of JSON Schema that every client and every converter of a
client library understands: no references, no unions, no null, no choice of integers, no closed objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from projects_mcp.api.settings_table import SETTINGS

__all__ = ["closed_object", "public_schema", "settings_schema"]

_LENGTHS: Final = frozenset({"minLength", "maxLength", "maxItems", "decimals", "filled"})
"""Bounds of length, which nobody meets by accident, and two that are no words of JSON Schema."""
_FAR: Final = 100_000
"""A range that ends beyond this is as wide as nobody needs."""
_RANGE: Final = frozenset({"minimum", "maximum"})
_CLOSED: Final = "additionalProperties"
"""Some converters refuse it, others write their own; an unknown name is refused here in any case."""
_SETTINGS_AT_CREATION: Final[Mapping[str, Any]] = {
    "type": "object",
    "description": "As in project_update",
}
_OF_AN_OBJECT: Final = frozenset({"properties", "required"})


def closed_object(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """Return the schema of an object that takes these properties and no others."""
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required:
        schema["required"] = list(required)
    return schema


def settings_schema() -> dict[str, Any]:
    """Return the schema of `settings`: every writable setting with its real type."""
    return closed_object(
        {row.name: {**row.schema, "description": row.about} if row.hinted else row.schema for row in SETTINGS.values()}
    )


def public_schema(arguments: Mapping[str, Any], *, at_creation: bool = False) -> dict[str, Any]:
    """Return the extract of a tool's arguments that clients see.

    Args:
        arguments: the whole statement, as `closed_object` makes it.
        at_creation: point to the tool that updates for the names of the settings. All are taken and checked; but a
            second list of them makes a search find the tool that creates for every wish to change one.
    """
    schema = {key: value for key, value in arguments.items() if key != _CLOSED}
    schema["properties"] = {
        name: _SETTINGS_AT_CREATION
        if at_creation and name == "settings"
        else {**_extract(inner), "properties": _settings(inner)}
        if "properties" in inner
        else _extract(inner)
        for name, inner in arguments["properties"].items()
    }
    return schema


def _settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with their types. What is inside an object of PostHog's is told by the refusal of another."""
    return {name: _without(_extract(inner), _OF_AN_OBJECT) for name, inner in settings["properties"].items()}


def _extract(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    wide = _RANGE if schema.get("maximum", _FAR) >= _FAR else frozenset()
    extract = _as_range(_without(schema, _LENGTHS | {_CLOSED} | wide))
    return {**extract, "items": _extract(extract["items"])} if "items" in extract else extract


def _as_range(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a choice of integers as a range: Gemini takes choices of texts only, and refuses the whole request.

    What lies between the choices and is none of them is told in words.
    """
    choices = schema.get("enum", ())
    if schema.get("type") != "integer" or not choices:
        return schema
    lowest, highest = min(choices), max(choices)
    extract = {**_without(schema, frozenset({"enum"})), "minimum": lowest, "maximum": highest}
    if set(choices) != set(range(lowest, highest + 1)):
        words = [schema["description"]] if "description" in schema else []
        extract["description"] = "; ".join([*words, f"one of {', '.join(map(str, choices))}"])
    return extract


def _without(schema: Mapping[str, Any], hidden: AbstractSet[str]) -> Mapping[str, Any]:
    """Return a schema without some of its keys: the same object where it has none of them."""
    return schema if hidden.isdisjoint(schema) else {key: schema[key] for key in schema if key not in hidden}
