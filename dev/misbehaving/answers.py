"""Answers to a question, right and wrong, made from the form that the server asks to be filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["CANCEL", "DECLINE", "accept_empty", "accept_unticked", "accept_wrong_types", "yes"]

Answer = dict[str, Any]

DECLINE: Final[Answer] = {"action": "decline"}
CANCEL: Final[Answer] = {"action": "cancel"}


def yes(form: Mapping[str, Any]) -> Answer:
    """Return the answer of a person who agrees: accepted, and every field filled in."""
    return {"action": "accept", "content": _fill(form, _agree)}


def accept_empty(form: Mapping[str, Any]) -> Answer | None:
    """Return an acceptance without the form; None if the form asks for nothing, so that this is a yes."""
    return {"action": "accept"} if form.get("required") else None


def accept_unticked(form: Mapping[str, Any]) -> Answer | None:
    """Return an acceptance whose boxes are all not ticked; None if the form has no box."""
    if not any(field.get("type") == "boolean" for field in _fields(form).values()):
        return None
    return {"action": "accept", "content": _fill(form, lambda field: _agree(field) if not _is_box(field) else False)}


def accept_wrong_types(form: Mapping[str, Any]) -> Answer | None:
    """Return an acceptance whose fields are of other types than the form says; None if the form has no field."""
    return {"action": "accept", "content": _fill(form, _confuse)} if _fields(form) else None


def _fields(form: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    fields = form.get("properties")
    return fields if isinstance(fields, dict) else {}


def _fill(form: Mapping[str, Any], value: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
    return {name: value(field) for name, field in _fields(form).items()}


def _is_box(field: Mapping[str, Any]) -> bool:
    return field.get("type") == "boolean"


def _agree(field: Mapping[str, Any]) -> Any:
    kind = field.get("type")
    if _is_box(field):
        return True
    if "enum" in field:
        return field["enum"][0]
    if "oneOf" in field:
        return field["oneOf"][0].get("const")
    if kind == "array":
        return [_agree(field.get("items", {}))]
    if kind in {"integer", "number"}:
        return field.get("minimum", 1)
    return field.get("default", "yes")


def _confuse(field: Mapping[str, Any]) -> Any:
    """Return what a careless reader takes for agreement, and the form does not allow."""
    if _is_box(field):
        return "true"
    return "1" if field.get("type") in {"integer", "number"} else 1
