"""The tables of docs/settings.md: one for each area of PostHog's settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from dev.docs.markdown import markdown_table, replace_between
from projects_mcp.api.settings_model import NO_DEFAULT, Area, AtCreation, Merge, Setting
from projects_mcp.api.settings_table import SETTINGS

__all__ = ["project_settings"]


def project_settings(text: str) -> str:
    """Return docs/settings.md with a table for each area of PostHog."""
    return replace_between(text, "project-settings", "\n\n".join(_area(area) for area in Area))


def _area(area: Area) -> str:
    rows = [row for row in SETTINGS.values() if row.area is area]
    head = ("Setting", "Type", "Default", "Clear", "Who", "What it is")
    return f"## {area.value.replace('_', ' ').capitalize()}\n\n" + markdown_table(head, (_setting(row) for row in rows))


def _setting(row: Setting) -> tuple[str, ...]:
    default = "" if row.default is NO_DEFAULT else f"`{json.dumps(row.default, ensure_ascii=False)}`"
    about = [f"{row.about}."]
    about.append(_MERGE[row.merge])
    if row.at_creation is not AtCreation.TAKEN:
        about.append(_AT_CREATION[row.at_creation])
    about.append("*Live on sites.*" if row.impact.startswith("Takes effect on every site") else row.impact)
    return (
        f"`{row.name}`",
        _type(row.schema),
        default,
        "yes" if row.nullable else "no",
        row.who.value,
        " ".join(filter(None, about)),
    )


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = str(schema["type"])
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    if "properties" in schema:
        return f"object of {', '.join(f'`{name}`' for name in schema['properties'])}"
    if "maximum" in schema:
        return f"{kind}, {schema['minimum']} to {schema['maximum']}"
    text = {"string": "text", "object": "object"}.get(kind, kind)
    return f"{text}, at most {schema['maxLength']} characters" if "maxLength" in schema else text


_MERGE: Final[Mapping[Merge, str]] = {
    Merge.REPLACE: "",
    Merge.SHALLOW: "Keys that are sent join those that are stored.",
    Merge.TWO_LEVELS: "Keys that are sent join those that are stored, and so one level down.",
    Merge.SOURCES: "Keys that are sent join those that are stored, and so in `sources_map`; null removes a source.",
}
_AT_CREATION: Final[Mapping[AtCreation, str]] = {
    AtCreation.REFUSED: "PostHog refuses it in `project_create`.",
    AtCreation.DROPPED: "PostHog drops it in `project_create`; write it afterwards.",
    AtCreation.OVERWRITTEN: "PostHog overwrites it in `project_create`; write it afterwards.",
}
