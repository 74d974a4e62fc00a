"""What a file of settings wants of each project: an id wins over a group, and a group over the defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.fleet.plan import Wanted
from projects_mcp.fleet.settings_tables import Rules, SettingsDocument
from projects_mcp.sanitize.text import listed, quoted

__all__ = ["GroupsDisagree", "ProjectName", "Resolved", "group_label", "resolve"]

_MOST_TOLD: Final = 8


class GroupsDisagree(Exception):
    """Two groups want different values of one setting of a project. The text has one line for each pair of groups."""


class ProjectName(NamedTuple):
    """A project of the organization, as far as a file asks which one it is."""

    id: int
    name: str


class Resolved(NamedTuple):
    """What is wanted of each project.

    Attributes:
        wanted: id -> what is wanted. A project of which nothing is wanted is not there.
        absent: ids that the file names and that no project has.
        empty: groups that no project is in, each as a text that names it.
    """

    wanted: dict[int, Wanted]
    absent: list[int]
    empty: list[str]


class _Value(NamedTuple):
    """The value that a table wants of a setting; null where it clears it."""

    value: Any


def resolve(document: SettingsDocument, projects: Sequence[ProjectName]) -> Resolved:
    """Say what a file wants of each project of its organization.

    The defaults are about every one of them, so that a new project is under the policy from its first day. A setting is
    one piece: a table that names it says all of it. Settings that nobody names are left alone.

    Args:
        document: the file.
        projects: all of the organization that this server may touch.

    Raises:
        GroupsDisagree: about a setting that the project itself does not say.
    """
    own = {project.id: project for project in document.project}
    disagreements: dict[tuple[int, int, str], list[int]] = {}
    used: set[int] = set()
    wanted: dict[int, Wanted] = {}
    for project in projects:
        inside = [at for at, group in enumerate(document.group) if group.match.holds(project.id, project.name)]
        used.update(inside)
        said = dict(_values(own[project.id])) if project.id in own else {}
        grouped: dict[str, tuple[int, _Value]] = {}
        for at in inside:
            for name, value in _values(document.group[at]):
                first, other = grouped.setdefault(name, (at, value))
                if name not in said and not SETTINGS[name].same(other.value, value.value):
                    disagreements.setdefault((first, at, name), []).append(project.id)
        merged = {
            **dict(_values(document.defaults)),
            **{name: value for name, (_, value) in grouped.items()},
            **said,
        }
        if merged:
            wanted[project.id] = _wanted(merged)
    if disagreements:
        raise GroupsDisagree("\n".join(_disagreements(document, disagreements)))
    return Resolved(wanted, _absent(document, {project.id for project in projects}), _empty(document, used))


def group_label(document: SettingsDocument, at: int) -> str:
    """Return the text that names a group: its number in the file, and what it matches."""
    match = document.group[at].match
    parts = [quoted(match.name.text, 60)] if match.name is not None else []
    parts += [f"ids {listed(match.ids)}"] if match.ids else []
    return f"[[group]] {at + 1} ({' or '.join(parts)})"


def _values(rules: Rules) -> Iterator[tuple[str, _Value]]:
    for name, value in rules.settings.items():
        yield name, _Value(value)
    for name in rules.clear:
        yield name, _Value(None)


def _wanted(merged: Mapping[str, _Value]) -> Wanted:
    settings = {name: value for name, (value,) in merged.items() if value is not None}
    return Wanted(settings, tuple(sorted(name for name in merged if name not in settings)))


def _disagreements(document: SettingsDocument, found: Mapping[tuple[int, int, str], Sequence[int]]) -> Iterator[str]:
    for (first, second, name), ids in list(found.items())[:_MOST_TOLD]:
        both = f"{group_label(document, first)} and {group_label(document, second)}"
        yield f"{both} want different values of `{name}` for project {listed(ids)}; let its [[project]] say it"
    if len(found) > _MOST_TOLD:
        yield f"and {len(found) - _MOST_TOLD} more"


def _absent(document: SettingsDocument, known: set[int]) -> list[int]:
    named = {project.id for project in document.project}
    for group in document.group:
        named.update(group.match.ids)
    return sorted(named - known)


def _empty(document: SettingsDocument, used: set[int]) -> list[str]:
    return [group_label(document, at) for at in range(len(document.group)) if at not in used]
