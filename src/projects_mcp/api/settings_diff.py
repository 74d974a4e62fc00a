"""The difference between a project before and after a write of settings: read from two states, never from a wish.

PostHog answers 200 to a body whose fields it ignores, replaces lists whole, merges a few objects and rewrites some
values. So each field that was sent is compared before and after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from projects_mcp.api.json_values import same_json
from projects_mcp.api.outcome import Outcome
from projects_mcp.api.settings_model import Merge, Setting
from projects_mcp.api.settings_table import SETTINGS

__all__ = ["Revert", "SettingsDiff", "expected_after"]

_EMPTY: tuple[Any, ...] = (None, {}, [], "")


class Revert(NamedTuple):
    """The arguments of `project_update` that undo a change, and the settings that no single update can restore."""

    settings: dict[str, Any]
    clear: list[str]
    not_revertible: list[str]


@dataclass(slots=True)
class SettingsDiff:
    """What became of each setting.

    Attributes:
        changed: setting -> its value before and after.
        ignored: settings whose value is what it was, although another one was sent.
        unchanged: settings that already had the value that was sent.
        adjusted: settings that changed, to a value other than the one that was sent.
        normalised: settings that PostHog stored in its own spelling of what was sent, such as a trimmed name.
        also_changed: settings that nobody sent, and that changed all the same: setting -> its value before and after.
    """

    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    adjusted: list[str] = field(default_factory=list)
    normalised: list[str] = field(default_factory=list)
    also_changed: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def between(
        cls, sent: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any], *, created: bool = False
    ) -> SettingsDiff:
        """Compare a project before and after a write of settings.

        Args:
            sent: setting -> value as it was sent; null clears.
            before: the project as it was read before; empty if there was none.
            after: the project as PostHog answered, or as it is expected to be for a preview.
            created: whether the project is new, so that no setting can have changed by itself.
        """
        diff = cls()
        for name, value in sent.items():
            diff._add(SETTINGS[name], value, before.get(name), after.get(name))
        if not created:
            diff.also_changed = {
                name: {"before": before[name], "after": after[name]}
                for name in SETTINGS
                if name not in sent and name in before and name in after and not same_json(before[name], after[name])
            }
        return diff

    @property
    def outcome(self) -> Outcome:
        """One word for all of it: applied as soon as anything changed."""
        if self.changed:
            return Outcome.APPLIED
        return Outcome.NOT_APPLIED if self.ignored else Outcome.UNCHANGED

    @property
    def revert(self) -> Revert:
        """The arguments that undo the change, as far as one call can."""
        settings: dict[str, Any] = {}
        clear: list[str] = []
        lost: list[str] = []
        for name, values in self.changed.items():
            setting, old = SETTINGS[name], values["before"]
            if old is None:
                (clear if setting.nullable else lost).append(name)
            elif _restorable(setting, old, values["after"], merged=name in self.adjusted):
                settings[name] = old
            else:
                lost.append(name)
        # What PostHog changed by itself comes back by itself only if there was nothing before.
        lost += [name for name, values in self.also_changed.items() if values["before"] not in _EMPTY]
        return Revert(settings, clear, lost)

    def _add(self, setting: Setting, sent: Any, before: Any, after: Any) -> None:
        old, new = setting.normal(before), setting.normal(after)
        wished = setting.combined(before, sent)
        if not same_json(new, old):
            self.changed[setting.name] = {"before": before, "after": after}
            if not same_json(new, wished):
                self.adjusted.append(setting.name)
            elif setting.stored is not None and not same_json(sent, after):
                self.normalised.append(setting.name)
        elif same_json(wished, old):
            self.unchanged.append(setting.name)
        else:
            self.ignored.append(setting.name)


def expected_after(sent: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the project as it should be after a write, by PostHog's rules of merging and normalising."""
    return {**before, **{name: SETTINGS[name].combined(before.get(name), value) for name, value in sent.items()}}


def _restorable(setting: Setting, old: Any, new: Any, *, merged: bool) -> bool:
    """Whether writing `old` over `new` gives `old` again: merging cannot take away a key that was added.

    Args:
        setting: the setting.
        old: its value before.
        new: its value after.
        merged: whether PostHog has stored something other than what was sent, as it does if it merges by itself.
    """
    if setting.merge is Merge.REPLACE and not (merged and isinstance(old, dict) and isinstance(new, dict)):
        return True
    together = {**new, **old} if setting.merge is Merge.REPLACE else setting.combined(new, old)
    return same_json(together, old)
