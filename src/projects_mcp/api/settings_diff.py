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
        unknown: those of `ignored` that the project has neither before nor after: this PostHog does not know them.
        lost_keys: settings that PostHog has replaced where a newer version merges: setting -> the keys that are gone.
        beside: merged settings in which a part changed that nobody sent: somebody else has written it meanwhile.
    """

    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    adjusted: list[str] = field(default_factory=list)
    normalised: list[str] = field(default_factory=list)
    also_changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    lost_keys: dict[str, list[str]] = field(default_factory=dict)
    beside: list[str] = field(default_factory=list)

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
            if name in before or name in after:
                diff._add(SETTINGS[name], value, before.get(name), after.get(name))
            else:
                diff.unknown.append(name)
        diff.ignored += diff.unknown
        if not created:
            diff.also_changed = {
                name: _both(setting, before[name], after[name])
                for name, setting in SETTINGS.items()
                if name not in sent and name in before and name in after
                if not same_json(before[name], after[name]) and not setting.same(before[name], after[name])
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
            if name in self.beside:
                lost.append(name)  # what was there before would replace what others have written
            elif old is None:
                (clear if setting.nullable else lost).append(name)
            elif name in self.lost_keys:  # it is replaced whole, so this replaces it again
                settings[name] = old
            elif _restorable(setting, old, values["after"], merged=name in self.adjusted):
                settings[name] = setting.undoing(old, values["after"])
            else:
                lost.append(name)
        # What PostHog changed by itself comes back by itself only if there was nothing before.
        lost += [name for name, values in self.also_changed.items() if values["before"] not in _EMPTY]
        return Revert(settings, clear, lost)

    def _add(self, setting: Setting, sent: Any, before: Any, after: Any) -> None:
        merged = setting.combined(before, sent)
        old, new, wished = setting.forms(before, after, merged)
        changed, as_wished = not same_json(new, old), same_json(new, wished)
        if changed:
            self.changed[setting.name] = _both(setting, before, after)
            if not as_wished:
                self.adjusted.append(setting.name)
                if setting.merge is not Merge.REPLACE and (lost := _lost_keys(before, merged, after)):
                    self.lost_keys[setting.name] = lost
                if _changed_beside(setting, before, sent, after):
                    self.beside.append(setting.name)
            elif setting.stored is not None and not same_json(sent, after):
                self.normalised.append(setting.name)
        elif same_json(wished, old):
            self.unchanged.append(setting.name)
        else:
            self.ignored.append(setting.name)


def expected_after(sent: Mapping[str, Any], before: Mapping[str, Any], *, all_known: bool = False) -> dict[str, Any]:
    """Return the project as it should be after a write, by PostHog's rules of merging and normalising.

    Args:
        sent: setting -> value; null clears.
        before: the project as it was read before.
        all_known: whether to expect a value also for a setting that the project does not have, which a version of
            PostHog that does not know it ignores.
    """
    expected = {
        name: SETTINGS[name].combined(before.get(name), value)
        for name, value in sent.items()
        if all_known or name in before
    }
    return {**before, **expected}


def _both(setting: Setting, before: Any, after: Any) -> dict[str, Any]:
    if setting.bare is None:
        return {"before": before, "after": after}
    return {"before": setting.bare(before), "after": setting.bare(after)}


def _lost_keys(before: Any, wished: Any, after: Any) -> list[str]:
    """Return the keys that should have stayed and are gone, also those one level down, with a dot."""
    if not (isinstance(before, dict) and isinstance(wished, dict) and isinstance(after, dict)):
        return []
    lost: list[str] = []
    for key, value in wished.items():
        if key not in before:
            continue
        if key not in after:
            lost.append(key)
        elif isinstance(value, dict) and isinstance(before[key], dict) and isinstance(after[key], dict):
            lost += [f"{key}.{inner}" for inner in value if inner in before[key] and inner not in after[key]]
    return lost


def _changed_beside(setting: Setting, before: Any, sent: Any, after: Any) -> bool:
    """Whether a part of a merged setting has another value now, and was not sent.

    A part that is gone proves nothing: a PostHog that replaces the setting whole takes away what was not sent. What
    PostHog alone writes does not count.
    """
    if setting.merge is Merge.REPLACE or not (isinstance(sent, dict) and isinstance(after, dict)):
        return False
    stored = before if isinstance(before, dict) else {}
    for key, new in after.items():
        if key in setting.managed:
            continue
        if key not in sent:
            if not same_json(stored.get(key), new):
                return True
        elif setting.merge is not Merge.SHALLOW and isinstance(new, dict) and isinstance(sent[key], dict):
            inner = old if isinstance(old := stored.get(key), dict) else {}
            if any(part not in sent[key] and not same_json(inner.get(part), value) for part, value in new.items()):
                return True
    return False


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
    replaces = setting.merge is Merge.REPLACE
    together = {**new, **old} if replaces else setting.combined(new, setting.undoing(old, new))
    return same_json(together, old)
