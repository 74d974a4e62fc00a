"""Which projects are meant: conditions on their settings, compared as PostHog compares them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from projects_mcp.api.json_values import same_json
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.fleet.values import SECRET_FIELDS

__all__ = ["Condition", "Where"]


class Condition(NamedTuple):
    """One setting has one of some values.

    Attributes:
        name: of the setting.
        values: in the form in which equal ones are equal. Of a secret there is only null: it has no value.
    """

    name: str
    values: Sequence[Any]

    @classmethod
    def of(cls, name: str, values: Sequence[Any]) -> Condition:
        """Make one of values as a caller spells them."""
        return cls(name, SETTINGS[name].forms(*values))

    def holds(self, project: Mapping[str, Any]) -> bool:
        """Whether a project has one of the values. One that lacks the setting has none, not even null."""
        if self.name not in project:
            return False
        value = project[self.name]
        if self.name in SECRET_FIELDS:
            return not value
        (form,) = SETTINGS[self.name].forms(value)
        return any(same_json(form, wanted) for wanted in self.values)


class Where(NamedTuple):
    """All conditions, each of which must hold."""

    conditions: Sequence[Condition] = ()

    @property
    def names(self) -> list[str]:
        """The settings that it is about."""
        return [condition.name for condition in self.conditions]

    @property
    def open_names(self) -> list[str]:
        """The settings whose value is not the same in all projects that are meant."""
        return [condition.name for condition in self.conditions if len(condition.values) > 1]

    def holds(self, project: Mapping[str, Any]) -> bool:
        """Whether a project is meant."""
        return all(condition.holds(project) for condition in self.conditions)
