"""What differs between the settings of two projects, and what would make one equal to the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from projects_mcp.api.settings_diff import SettingsDiff
from projects_mcp.api.settings_impact import irreversible
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import JSONObject
from projects_mcp.fleet.values import SECRET_FIELDS, holds_secret, plain
from projects_mcp.sanitize.redaction import Redactor

__all__ = ["Comparison", "Equalizing", "compare"]

_OWN: Final[Mapping[str, str]] = {
    "name": "Each project has its own name.",
    "primary_dashboard": "It is the id of a dashboard of the other project.",
    "is_demo": "It says what the project is.",
    "completed_snippet_onboarding": "It says how far the project's people have come.",
    "has_completed_onboarding_for": "It says how far the project's people have come.",
    "onboarding_tasks": "It says how far the project's people have come.",
}
"""Settings that belong to one project, and why they are not carried over to another one."""
_SECRET: Final = "It is, or holds, a secret, which this server does not carry over."
_COHORTS: Final = "It names cohorts of the other project."
_NOT_IN_ONE: Final = "One update cannot make it equal: PostHog merges it with what is there, or takes no null."
_NEEDS_YES: Final = "{} Change it by itself: project_update asks for a confirmation."


class Equalizing(NamedTuple):
    """What one `project_update` can make equal, and the rest with the reasons.

    Attributes:
        settings: setting -> value to write.
        clear: settings to set to null.
        left_out: setting -> why it is not among them.
    """

    settings: dict[str, Any]
    clear: list[str]
    left_out: dict[str, str]


class Comparison(NamedTuple):
    """The settings of two projects beside each other.

    Attributes:
        this: the first project.
        other: the second one.
        differing: settings whose values are not one to PostHog. Of a secret: it is there in one of them only.
        equal: how many settings have one value.
        not_compared: secrets that both have. Whether they are the same is not told.
    """

    this: Mapping[str, Any]
    other: Mapping[str, Any]
    differing: list[str]
    equal: int
    not_compared: list[str]

    def by_area(self) -> dict[str, JSONObject]:
        """Return what differs, grouped by product area: setting -> its value in this project and in the other."""
        grouped: dict[str, JSONObject] = {}
        for name in self.differing:
            both = [plain(name, project[name]) for project in (self.this, self.other)]
            grouped.setdefault(SETTINGS[name].area.value, {})[name] = both
        return grouped

    def equalizing(self, redactor: Redactor) -> Equalizing:
        """Return what makes this project equal to the other one, as far as one update without a confirmation can."""
        left_out = {name: why for name in self.differing if (why := self._why_not(redactor, name))}
        changes = {
            name: {"before": self.this[name], "after": self.other[name]}
            for name in self.differing
            if name not in left_out
        }
        for name, lost in irreversible(changes).items():
            left_out[name] = _NEEDS_YES.format(lost)
            del changes[name]
        # What undoes the change from the other project to this one is what makes this one equal to it.
        undone = {name: {"before": both["after"], "after": both["before"]} for name, both in changes.items()}
        settings, clear, lost_names = SettingsDiff(changed=undone).revert
        return Equalizing(settings, clear, left_out | dict.fromkeys(lost_names, _NOT_IN_ONE))

    def _why_not(self, redactor: Redactor, name: str) -> str:
        value = self.other[name]
        if name in _OWN:
            return _OWN[name]
        if any(holds_secret(redactor, name, project[name]) for project in (self.this, self.other)):
            return _SECRET
        if name == "test_account_filters" and _names_cohorts(value):
            return _COHORTS
        return ""


def compare(this: Mapping[str, Any], other: Mapping[str, Any], names: Collection[str] = ()) -> Comparison:
    """Compare the settings of two projects, as PostHog compares them.

    Args:
        this: the first project, whole.
        other: the second one.
        names: settings to compare; all that both have by default.
    """
    differing: list[str] = []
    not_compared: list[str] = []
    equal = 0
    for name in SETTINGS:
        if (names and name not in names) or name not in this or name not in other:
            continue
        if name in SECRET_FIELDS and this[name] and other[name]:
            not_compared.append(name)
        elif _same(name, this[name], other[name]):
            equal += 1
        else:
            differing.append(name)
    return Comparison(this, other, differing, equal, not_compared)


def _same(name: str, first: Any, second: Any) -> bool:
    return bool(first) == bool(second) if name in SECRET_FIELDS else SETTINGS[name].same(first, second)


def _names_cohorts(filters: Any) -> bool:
    parts = filters if isinstance(filters, list) else []
    return any(isinstance(part, dict) and part.get("type") == "cohort" for part in parts)
