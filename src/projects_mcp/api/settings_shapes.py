"""Shapes of values, as fragments of JSON Schema, from which the table of settings is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

__all__ = ["BOOLEAN", "INTEGER", "OBJECT", "OBJECTS", "STRING", "STRINGS", "keys", "one_of", "text", "texts"]

BOOLEAN: Final = {"type": "boolean"}
INTEGER: Final = {"type": "integer"}
STRING: Final = {"type": "string"}
OBJECT: Final = {"type": "object"}
STRINGS: Final = {"type": "array", "items": STRING}
OBJECTS: Final = {"type": "array", "items": OBJECT}


def text(longest: int | None = None, *, filled: bool = False) -> dict[str, Any]:
    """Return the schema of a text. `filled` is no word of JSON Schema: PostHog refuses one of nothing but space."""
    schema: dict[str, Any] = {"type": "string"}
    if filled:
        schema["filled"] = True
    return schema if longest is None else {**schema, "maxLength": longest}


def texts(longest: int | None = None, *, filled: bool = False) -> dict[str, Any]:
    """Return the schema of a list of texts."""
    return {"type": "array", "items": text(longest, filled=filled)}


def one_of(*values: str | int) -> dict[str, Any]:
    """Return the schema of a choice."""
    return {"type": "integer" if isinstance(values[0], int) else "string", "enum": list(values)}


def keys(required: Iterable[str] = (), **properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that takes these keys and no others."""
    closed: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required := list(required):
        closed["required"] = required
    return closed
