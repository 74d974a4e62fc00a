"""The difference that one step of a plan makes, in lines for a person, without secrets and each of bounded length."""

from __future__ import annotations

from typing import Any, Final

from projects_mcp.api.json_values import list_difference, same_json
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.fleet.plan import Step
from projects_mcp.fleet.values import SECRET_FIELDS, value_text
from projects_mcp.sanitize.redaction import Redactor

__all__ = ["difference_lines"]

_LONGEST: Final = 300
"""Characters of one value."""
_MOST_PARTS: Final = 8
"""Items of a list, or keys of an object, that are shown of one setting."""


def difference_lines(redactor: Redactor, step: Step) -> list[str]:
    """Return what changes: a line for each setting, or for each part of a list or an object that changes.

    Args:
        redactor: removes secrets.
        step: of a plan.
    """
    lines: list[str] = []
    for name, both in step.changed.items():
        before, after = both["before"], both["after"]
        if name not in SECRET_FIELDS and isinstance(before, list) and isinstance(after, list):
            parts = _of_lists(redactor, name, before, after)
        elif name not in SECRET_FIELDS and isinstance(before, dict) and isinstance(after, dict):
            parts = _of_objects(redactor, name, before, after)
        else:
            parts = []
        lines += _first(parts) or [f"{name}: {_both(redactor, name, before, after)}"]
    return lines


def _of_lists(redactor: Redactor, name: str, before: list[Any], after: list[Any]) -> list[str]:
    """Say which items come and go; nothing if none does, as where only their order changes."""
    setting = SETTINGS[name]
    difference = list_difference(setting.normal(before), setting.normal(after))
    removed = [f"{name}: without {_item(redactor, name, item)}" for item in difference.removed]
    return removed + [f"{name}: with {_item(redactor, name, item)}" for item in difference.added]


def _of_objects(redactor: Redactor, name: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    old, new = redactor.field(name, before), redactor.field(name, after)
    if not isinstance(old, dict) or not isinstance(new, dict):
        return []
    keys = [key for key in {**old, **new} if (key in old) != (key in new) or not same_json(old.get(key), new.get(key))]
    return [f"{name}.{key}: {_part(redactor, old, key)} → {_part(redactor, new, key)}" for key in keys]


def _part(redactor: Redactor, value: dict[str, Any], key: str) -> str:
    return value_text(redactor, "", value[key], _LONGEST) if key in value else "(nothing)"


def _item(redactor: Redactor, name: str, item: Any) -> str:
    shown = redactor.field(name, [item])
    return value_text(redactor, "", shown[0] if isinstance(shown, list) and shown else shown, _LONGEST)


def _both(redactor: Redactor, name: str, before: Any, after: Any) -> str:
    old, new = (value_text(redactor, name, value, _LONGEST) for value in (before, after))
    return f"{old} → {new}"


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - _MOST_PARTS
    return [*lines[:_MOST_PARTS], *([f"and {more} more of the same setting"] if more > 0 else [])]
