"""The tables of a file of settings, as pydantic models. Their types are exact, and no table has other keys."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from projects_mcp.api.types import MAX_ID, organization_uuid
from projects_mcp.fleet.name_pattern import MOST_CHARACTERS, NamePattern

__all__ = ["KEYS", "Defaults", "Group", "Match", "Project", "Rules", "SettingsDocument"]

_MOST_PROJECTS: Final = 5_000
_MOST_GROUPS: Final = 200
_MOST_PATTERNS: Final = 20
"""Patterns of one `except`: each is held against the name of every project of the group."""


def _organization(value: object) -> UUID:
    found = organization_uuid(value) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("worded", "must be the UUID of an organization")
    return found


def _pattern(value: object) -> NamePattern:
    if not isinstance(value, str):
        raise PydanticCustomError("worded", "must be a text")
    try:
        return NamePattern(value)
    except ValueError:
        raise PydanticCustomError("worded", f"must have at most {MOST_CHARACTERS} characters") from None


def _id_or_pattern(value: object) -> int | NamePattern:
    if isinstance(value, str):
        return _pattern(value)
    if type(value) is not int or not 1 <= value <= MAX_ID:
        raise PydanticCustomError("worded", "must be the id of a project, or a pattern of names")
    return value


def _few_patterns(entries: list[int | NamePattern]) -> list[int | NamePattern]:
    if sum(isinstance(one, NamePattern) for one in entries) > _MOST_PATTERNS:
        raise PydanticCustomError("worded", f"must have at most {_MOST_PATTERNS} patterns of names")
    return entries


_ProjectId: TypeAlias = Annotated[int, Field(ge=1, le=MAX_ID)]
_Pattern: TypeAlias = Annotated[NamePattern, BeforeValidator(_pattern)]


class _Table(BaseModel):
    """A table of the file. Its types are exact, and it has no other keys."""

    model_config = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True, frozen=True)


class Rules(_Table):
    """What is wanted of the projects that a table is about: `settings` have these values, those of `clear` are null."""

    settings: dict[str, Any] = {}
    clear: Annotated[list[str], Field(max_length=100)] = []


class Defaults(Rules):
    """`[defaults]`: about every project of the organization that this server may touch."""


class Match(_Table):
    """Which projects a group is about: those of a name or of these ids, but not those of `except`."""

    name: _Pattern | None = None
    ids: Annotated[list[_ProjectId], Field(max_length=_MOST_PROJECTS)] = []
    excluded: Annotated[
        list[Annotated[int | NamePattern, BeforeValidator(_id_or_pattern)]],
        Field(alias="except", max_length=_MOST_PROJECTS),
        AfterValidator(_few_patterns),
    ] = []

    def holds(self, number: int, name: str) -> bool:
        """Whether a project is meant."""
        meant = number in self._ids or (self.name is not None and self.name.matches(name))
        return meant and number not in self._excluded_ids and not any(one.matches(name) for one in self._patterns)

    @cached_property
    def _ids(self) -> frozenset[int]:
        return frozenset(self.ids)

    @cached_property
    def _excluded_ids(self) -> frozenset[int]:
        return frozenset(one for one in self.excluded if isinstance(one, int))

    @cached_property
    def _patterns(self) -> list[NamePattern]:
        return [one for one in self.excluded if isinstance(one, NamePattern)]


class Group(Rules):
    """`[[group]]`."""

    match: Match


class Project(Rules):
    """`[[project]]`."""

    id: _ProjectId


class SettingsDocument(_Table):
    """The whole file.

    Attributes:
        host: the address of PostHog, or `us` or `eu`.
        organization: the one that all projects are in.
        defaults: about all of its projects.
        group: win over the defaults.
        project: win over the groups.
    """

    host: str
    organization: Annotated[UUID, BeforeValidator(_organization)]
    defaults: Defaults = Defaults()
    group: Annotated[list[Group], Field(max_length=_MOST_GROUPS)] = []
    project: Annotated[list[Project], Field(max_length=_MOST_PROJECTS)] = []


KEYS: Final[dict[str, list[str]]] = {
    "": ["host", "organization", "defaults", "group", "project"],
    "defaults": ["settings", "clear"],
    "group": ["match", "settings", "clear"],
    "project": ["id", "settings", "clear"],
    "match": ["name", "ids", "except"],
}
"""What each kind of table can hold, for who has misspelt one."""
