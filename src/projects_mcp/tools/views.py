"""From PostHog's objects to what a model reads: small, stated once, and without secrets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from projects_mcp.api.settings_model import is_usual
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.posthog.client import JSONObject
from projects_mcp.sanitize.redaction import FIELDS, Redactor, Treatment

__all__ = ["ROLES", "list_item", "select_fields", "summary"]

ROLES: Final[Mapping[int, str]] = {1: "member", 8: "admin", 15: "owner"}

_IDENTITY: Final = ("id", "name", "api_token", "created_at", "timezone", "product_description")
_MASKED: Final = [name for name, rule in FIELDS.items() if rule.treatment is Treatment.MASK]
_WITHHELD: Final = [name for name, rule in FIELDS.items() if rule.treatment is Treatment.WITHHOLD]
_GROUPED: Final = {name: row for name, row in SETTINGS.items() if name not in {*_IDENTITY, *_WITHHELD}}
_USUALLY_NULL: Final = frozenset(name for name, row in _GROUPED.items() if is_usual(row, None))
_UNUSUAL_IN_LIST: Final[Mapping[str, Any]] = {"is_demo": False, "ingested_event": True, "timezone": "UTC"}


def summary(project: Mapping[str, Any], redactor: Redactor, origin: str) -> JSONObject:
    """Identity, links, and the settings that differ from PostHog's defaults, grouped by product area."""
    result = {name: redactor.field(name, project[name]) for name in _IDENTITY if project.get(name) is not None}
    result["organization_id"] = redactor.field("organization", project.get("organization"))
    result |= _links(project, origin)
    result |= _condition(project, redactor)
    result |= {name: redactor.field(name, project[name]) for name in _MASKED if project.get(name)}
    grouped: dict[str, JSONObject] = {}
    for name, setting in _GROUPED.items():
        value = project.get(name)
        if value is None:
            if name in _USUALLY_NULL or name not in project:
                continue
        elif value == setting.default or is_usual(setting, value):
            continue
        grouped.setdefault(setting.area.value, {})[name] = redactor.field(name, value)
    result["settings"] = grouped
    if held := [name for name in _WITHHELD if project.get(name)]:
        result["withheld"] = held
    return result


def select_fields(project: Mapping[str, Any], redactor: Redactor, fields: Iterable[str] | None) -> JSONObject:
    """Return the fields that were asked for, or all; withheld ones are only said to be there or not."""
    wanted = project if fields is None else {name: project[name] for name in fields if name in project}
    shown, withheld = redactor.project(wanted)
    if withheld:
        shown["withheld"] = withheld
    if fields is not None and (missing := [name for name in fields if name not in project]):
        shown["not_returned_by_posthog"] = missing
    return shown


def list_item(
    project: Mapping[str, Any], redactor: Redactor, fields: Iterable[str], organization: object
) -> JSONObject:
    """One line of a list: id and name, what deviates from the usual, and the fields that were asked for."""
    line: JSONObject = {name: redactor.field(name, project.get(name)) for name in ("id", "name")}
    for name, usual in _UNUSUAL_IN_LIST.items():
        value = project.get(name)
        if value is not None and value != usual:
            line[name] = redactor.field(name, value)
    if project.get("organization") != organization:
        line["organization_id"] = redactor.field("organization", project.get("organization"))
    for name in fields:
        if name in project:
            line[name] = redactor.field(name, project[name])
    return line


def _links(project: Mapping[str, Any], origin: str) -> JSONObject:
    number = project.get("id")
    return {"url": f"{origin}/project/{number}"} if type(number) is int else {}


def _condition(project: Mapping[str, Any], redactor: Redactor) -> JSONObject:
    """Return what a person should know before doing anything with the project."""
    result: JSONObject = {}
    level = project.get("effective_membership_level")
    if isinstance(level, int) and level in ROLES:
        result["your_role"] = ROLES[level]
    if project.get("ingested_event") is False:
        result["ingested_event"] = False
    if project.get("is_pending_deletion"):
        result["is_pending_deletion"] = True
        if when := project.get("deletion_scheduled_at"):
            result["deletion_scheduled_at"] = redactor.field("deletion_scheduled_at", when)
    return result
