"""From PostHog's objects to what a model reads: small, and stated once. Secrets are removed from the whole later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from projects_mcp.api.ingestion import ingestion_host
from projects_mcp.api.settings_model import is_usual
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import JSONObject
from projects_mcp.sanitize.secret_fields import MASKED_FIELDS, WITHHELD_FIELDS, presence
from projects_mcp.sanitize.text import has_invisible

__all__ = ["ROLES", "list_items", "select_fields", "summary"]

ROLES: Final[Mapping[int, str]] = {1: "member", 8: "admin", 15: "owner"}
_IDENTITY: Final = ("id", "name", "api_token", "created_at", "timezone", "product_description")
_GROUPED: Final = {name: row for name, row in SETTINGS.items() if name not in {*_IDENTITY, *WITHHELD_FIELDS}}
_USUALLY_NULL: Final = frozenset(name for name, row in _GROUPED.items() if is_usual(row, None))
_INVISIBLE: Final = (
    "The name holds characters that cannot be seen, shown here as \N{REPLACEMENT CHARACTER}. To confirm it, let the "
    "user copy it from PostHog, or rename the project first with project_update."
)
_UNUSUAL_IN_LIST: Final[Mapping[str, Any]] = {"is_demo": False, "ingested_event": True, "timezone": "UTC"}


def summary(project: Mapping[str, Any], origin: str) -> JSONObject:
    """Return identity, links, and the settings that differ from PostHog's defaults, grouped by product area."""
    result = {name: project[name] for name in _IDENTITY if project.get(name) is not None}
    result |= _note_on_name(project)
    result["organization_id"] = project.get("organization")
    result |= _links(project, origin)
    result["ingestion_host"] = ingestion_host(origin)
    result |= _condition(project)
    result |= {name: project[name] for name in MASKED_FIELDS if project.get(name)}
    grouped: dict[str, JSONObject] = {}
    for name, setting in _GROUPED.items():
        value = project.get(name)
        if value is None:
            if name in _USUALLY_NULL or name not in project:
                continue
        elif value == setting.default or is_usual(setting, value):
            continue
        grouped.setdefault(setting.area.value, {})[name] = value
    result["settings"] = grouped
    if held := [name for name in WITHHELD_FIELDS if project.get(name)]:
        result["withheld"] = held
    return result


def select_fields(project: Mapping[str, Any], fields: Iterable[str] | None) -> JSONObject:
    """Return the fields that were asked for, or all; of withheld ones only whether there is a value."""
    wanted = project if fields is None else {name: project[name] for name in fields if name in project}
    shown = {name: value for name, value in wanted.items() if name not in WITHHELD_FIELDS}
    shown |= _note_on_name(wanted)
    if withheld := {name: presence(wanted[name]) for name in wanted if name in WITHHELD_FIELDS}:
        shown["withheld"] = withheld
    if fields is not None and (missing := [name for name in fields if name not in project]):
        shown["not_returned_by_posthog"] = missing
    return shown


def list_items(projects: Sequence[Mapping[str, Any]], fields: Sequence[str], organization: object) -> list[JSONObject]:
    """Return one row for each project: id and name, what deviates from the usual, and the fields that were asked for.

    Args:
        projects: as PostHog answered them.
        fields: asked for by the caller.
        organization: is stated once for the whole list, so a row names its own only if that is another one.
    """
    rows: list[JSONObject] = []
    invisible = has_invisible(*(project.get("name") for project in projects))  # asked once: nearly no list has any
    for project in projects:
        row: JSONObject = {"id": project.get("id"), "name": project.get("name")}
        if invisible:
            row |= _note_on_name(project)
        for name, usual in _UNUSUAL_IN_LIST.items():
            value = project.get(name)
            if value is not None and value != usual:
                row[name] = value
        if project.get("organization") != organization:
            row["organization_id"] = project.get("organization")
        for name in fields:
            if name in project:
                row[name] = presence(project[name]) if name in WITHHELD_FIELDS else project[name]
        rows.append(row)
    return rows


def _note_on_name(project: Mapping[str, Any]) -> JSONObject:
    return {"name_note": _INVISIBLE} if has_invisible(project.get("name")) else {}


def _links(project: Mapping[str, Any], origin: str) -> JSONObject:
    number = project.get("id")
    return {"url": f"{origin}/project/{number}"} if type(number) is int else {}


def _condition(project: Mapping[str, Any]) -> JSONObject:
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
            result["deletion_scheduled_at"] = when
    return result
