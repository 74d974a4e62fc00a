"""Check the values of settings that a file holds, or is to hold."""

from __future__ import annotations

from typing import Any, Final

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.errors.refusals import InvalidArguments
from projects_mcp.fleet.settings_file import ExportedProject
from projects_mcp.tools.names import unknown_name
from projects_mcp.tools.schema import closed_object, settings_schema
from projects_mcp.tools.validation import validate

__all__ = ["check_value", "without_unreadable"]

_SCHEMA: Final = closed_object({"settings": settings_schema()})
_NOT_TAKEN: Final = "no file is read with its value: PostHog takes it no more"


def check_value(name: str, value: Any) -> tuple[Any, list[str]]:
    """Check a value by the rules of its setting, as a call of `project_update` would be.

    Args:
        name: of the setting.
        value: of the file; null where it clears the setting.

    Returns:
        The value in its strict form, and what is wrong with it.
    """
    if name not in SETTINGS:
        return value, [unknown_name(name, "settings", list(SETTINGS)).removesuffix(".")]
    setting = SETTINGS[name]
    if value is None:
        return None, [] if setting.nullable else [f"`{name}` cannot be cleared: PostHog wants a value for it"]
    problems: list[str] = []
    for form in (value, setting.normal(value)):  # older versions have stored what no version takes
        try:
            return validate(_SCHEMA, {"settings": {name: form}}).values["settings"][name], []
        except InvalidArguments as error:
            problems = problems or [problem.removesuffix(".") for problem in error.problems]
    return value, problems


def without_unreadable(project: ExportedProject) -> ExportedProject:
    """Leave out what could not be read again: older versions of PostHog have stored what none takes any more."""
    wrong = [name for name, value in project.settings.items() if check_value(name, value)[1]]
    kept = {name: value for name, value in project.settings.items() if name not in wrong}
    return project._replace(settings=kept, left_out=project.left_out | dict.fromkeys(wrong, _NOT_TAKEN))
