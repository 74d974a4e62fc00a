"""How a project differs from what is wanted of it, by PostHog's rules of merging and normalising."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from projects_mcp.api.settings_diff import SettingsDiff, expected_after
from projects_mcp.fleet.plan import Wanted

__all__ = ["Drift", "drift_of"]


class Drift(NamedTuple):
    """What one project has otherwise.

    Attributes:
        differs: setting -> what it `is`, and what is `wanted`.
        unknown: settings that the project does not have: this PostHog does not know them.
    """

    differs: dict[str, dict[str, Any]]
    unknown: list[str]

    def __bool__(self) -> bool:
        return bool(self.differs or self.unknown)


def drift_of(wanted: Wanted, project: Mapping[str, Any]) -> Drift:
    """Say in what a project differs: whether writing what is wanted would change anything.

    Args:
        wanted: of the project.
        project: with at least the settings that are wanted, as far as PostHog knows them.
    """
    sent = wanted.body
    diff = SettingsDiff.between(sent, project, expected_after(sent, project))
    differs = {name: {"is": both["before"], "wanted": both["after"]} for name, both in diff.changed.items()}
    return Drift(differs, diff.unknown)
