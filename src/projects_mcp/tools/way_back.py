"""The arguments of `project_update` that undo a change of settings: of this server's own, or one in PostHog's log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from projects_mcp.api.own_fields import OWN_FIELDS
from projects_mcp.api.settings_diff import Revert, SettingsDiff
from projects_mcp.api.settings_impact import MAY_BE_IRREVERSIBLE, irreversible
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import JSONObject
from projects_mcp.gateway.context import ToolContext
from projects_mcp.sanitize.secret_fields import WITHHELD_FIELDS
from projects_mcp.sanitize.text import strip_invisible_throughout
from projects_mcp.tools.validation import fits

__all__ = ["logged_field", "undo_of_entry", "way_back"]

_LOGGED_AS: Final[Mapping[str, str]] = {"primary_dashboard_id": "primary_dashboard"}
"""Names of PostHog's own columns in its log -> the setting."""
_NOT_SHOWN: Final = "its value is not shown"
_NO_SETTING: Final = "it is no setting"
_NOT_IN_ONE: Final = "no single update restores it, or one that needs a person's confirmation"
_NO_VALUE_HERE: Final = "the log does not say both values"


def way_back(diff: SettingsDiff) -> Revert:
    """Return the arguments that undo a change, as far as this tool would take them without a confirmation."""
    settings, clear, lost = diff.revert
    for_good: set[str] = set()
    if not MAY_BE_IRREVERSIBLE.isdisjoint(diff.changed):
        # Neither a change that cannot be undone is offered a way back, nor one whose way back cannot be undone.
        backwards = {name: {"before": both["after"], "after": both["before"]} for name, both in diff.changed.items()}
        for_good = {*irreversible(diff.changed), *irreversible(backwards)}
    for name, value in list(settings.items()):
        # Older versions have stored values that no version takes; their normal form is the same to PostHog.
        setting = SETTINGS[name]
        taken = fits(setting.schema, value)
        if not taken and fits(setting.schema, normal := setting.normal(value)):
            settings[name], taken = normal, True
        if name in for_good or not taken:
            del settings[name]
            lost.append(name)
    for name in for_good.intersection(clear):
        clear.remove(name)
        lost.append(name)
    return Revert(settings, clear, lost)


def logged_field(change: Mapping[str, Any]) -> str:
    """Return the name of the setting that a change in PostHog's log is about."""
    name = str(change.get("field"))
    return _LOGGED_AS.get(name, name)


def undo_of_entry(context: ToolContext, changes: Sequence[Mapping[str, Any]]) -> JSONObject:
    """Return the call that takes back the changes of one entry of PostHog's log, as far as one update can.

    What the log says was stored then is what must still be there: so a later change is never overwritten unseen.

    Args:
        context: of the call that reads the log.
        changes: each with `field`, `before` and `after`.

    Returns:
        `revert`: the arguments of project_update; `not_revertible`: field -> why not. Each only if there is any.
    """
    lost: dict[str, str] = {}
    diff = SettingsDiff()
    for change in changes:
        name = logged_field(change)
        if (why := _why_not(context, name, change)) is not None:
            lost[name] = why
        else:
            plain = SETTINGS[name].plain
            diff.changed[name] = {"before": plain(change["before"]), "after": plain(change["after"])}
    settings, clear, not_restored = way_back(diff)
    lost |= dict.fromkeys(not_restored, _NOT_IN_ONE)
    expected = {name: diff.changed[name]["after"] for name in [*settings, *clear]}
    for name in list(expected):
        expected[name] = _as_taken(name, expected[name])
        if expected[name] is not None and not fits(SETTINGS[name].schema, expected[name]):
            settings.pop(name, None)
            clear = [other for other in clear if other != name]
            lost[name] = _NOT_IN_ONE
            del expected[name]
    result: JSONObject = {}
    if expected:
        result["revert"] = _arguments(context, settings, clear, expected)
    if lost:
        result["not_revertible"] = lost
    return result


def _why_not(context: ToolContext, name: str, change: Mapping[str, Any]) -> str | None:
    if name not in SETTINGS:
        return OWN_FIELDS.get(name, _NO_SETTING)
    if name in WITHHELD_FIELDS:
        return _NOT_SHOWN
    if "before" not in change or "after" not in change:
        return _NO_VALUE_HERE
    if SETTINGS[name].same(change["before"], change["after"]):  # a mask in the place of both
        return _NOT_SHOWN
    both = [{name: change["before"]}, {name: change["after"]}]
    exact = context.services.redactor.value(both) == both == strip_invisible_throughout(both)
    return None if exact else _NOT_SHOWN


def _as_taken(name: str, value: Any) -> Any:
    """Return a value as an update takes it: of some that PostHog has stored, only the normal form is taken."""
    setting = SETTINGS[name]
    return value if value is None or fits(setting.schema, value) else setting.normal(value)


def _arguments(
    context: ToolContext, settings: Mapping[str, Any], clear: Sequence[str], expected: Mapping[str, Any]
) -> JSONObject:
    arguments: JSONObject = {"project_id": context.project, "settings": settings, "clear": clear, "expected": expected}
    if isinstance(context.organization, UUID):
        arguments["organization_id"] = str(context.organization)
    return {name: value for name, value in arguments.items() if value}
