"""What a write did: read from what PostHog answered, never from what was wished.

PostHog answers 200 to a body whose fields it ignores, replaces lists whole, merges a few objects and rewrites some
values. A receipt compares the project before with the project after, field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from projects_mcp.api.settings_model import Merge, Setting
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.errors.posthog import ResponseLost, ServerError

__all__ = [
    "Outcome",
    "ReadbackResult",
    "SettingsDiff",
    "WriteUnresolved",
    "compare",
    "revert",
    "side_effects",
    "would_be",
]


class Outcome(StrEnum):
    """What became of a write."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    NOT_APPLIED = "not_applied"
    UNKNOWN = "unknown"
    PREVIEW = "preview"


@dataclass(frozen=True, slots=True)
class ReadbackResult:
    """What reading back has shown of a write whose answer was lost.

    Attributes:
        outcome: applied, not_applied, or unknown.
        says: the evidence, as a sentence of ours.
        project: the project as it was read; None where there is none.
    """

    outcome: Outcome
    says: str
    project: Mapping[str, Any] | None = field(default=None, repr=False)


class WriteUnresolved(Exception):
    """A write left, its answer was lost, and this is what reading back has shown."""

    def __init__(self, error: ResponseLost | ServerError, evidence: ReadbackResult) -> None:
        super().__init__(evidence.outcome.value)
        self.error = error
        self.evidence = evidence


@dataclass(slots=True)
class SettingsDiff:
    """How each field that was sent fared.

    Attributes:
        changed: field -> its value before and after.
        ignored: fields whose value is what it was, although another one was sent.
        unchanged: fields that already had the value that was sent.
        adjusted: fields that changed, to a value other than the one that was sent.
    """

    changed: dict[str, dict[str, Any]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    adjusted: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """One word for all of it: applied as soon as anything changed."""
        if self.changed:
            return Outcome.APPLIED
        return Outcome.NOT_APPLIED if self.ignored else Outcome.UNCHANGED


def compare(sent: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> SettingsDiff:
    """Compare a project before and after a write of settings.

    Args:
        sent: setting -> value as it was sent; null clears.
        before: the project as it was read before.
        after: the project as PostHog answered, or as it is expected to be for a preview.
    """
    result = SettingsDiff()
    for name, value in sent.items():
        setting = SETTINGS[name]
        old, new = setting.normal(before.get(name)), setting.normal(after.get(name))
        wished = setting.combined(before.get(name), value)
        if new != old:
            result.changed[name] = {"before": before.get(name), "after": after.get(name)}
            if new != wished:
                result.adjusted.append(name)
        elif wished == old:
            result.unchanged.append(name)
        else:
            result.ignored.append(name)
    return result


def would_be(sent: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the project as it should be after a write, by PostHog's rules of merging and normalising."""
    return {**before, **{name: SETTINGS[name].combined(before.get(name), value) for name, value in sent.items()}}


def side_effects(
    sent: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return settings that nobody sent, and that changed all the same: setting -> its value before and after."""
    return {
        name: {"before": before[name], "after": after[name]}
        for name in SETTINGS
        if name not in sent and name in before and name in after and before[name] != after[name]
    }


def revert(comparison: SettingsDiff) -> tuple[dict[str, Any], list[str], list[str]]:
    """Work out the arguments that undo a change.

    Returns:
        `settings` and `clear` for `project_update`, and the names of fields that no single update can restore.
    """
    settings: dict[str, Any] = {}
    clear: list[str] = []
    lost: list[str] = []
    for name, values in comparison.changed.items():
        setting = SETTINGS[name]
        old = values["before"]
        if old is None:
            (clear if setting.nullable else lost).append(name)
        elif _restorable(setting, old, values["after"], merged=name in comparison.adjusted):
            settings[name] = old
        else:
            lost.append(name)
    return settings, clear, lost


def _restorable(setting: Setting, old: Any, new: Any, *, merged: bool) -> bool:
    """Whether writing `old` over `new` gives `old` again: merging cannot take away a key that was added.

    Args:
        setting: the setting.
        old: its value before.
        new: its value after.
        merged: whether PostHog has stored something other than what was sent, as it does where it merges by itself.
    """
    if setting.merge is Merge.REPLACE and not (merged and isinstance(old, dict) and isinstance(new, dict)):
        return True
    together = {**new, **old} if setting.merge is Merge.REPLACE else setting.combined(new, old)
    return bool(together == old)
