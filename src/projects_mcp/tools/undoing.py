"""What undoes a change of settings, as far as `project_update` would take it without a confirmation."""

from __future__ import annotations

from projects_mcp.api.settings_diff import Revert, SettingsDiff
from projects_mcp.api.settings_impact import MAY_BE_IRREVERSIBLE, irreversible
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.tools.validation import fits

__all__ = ["way_back"]


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
