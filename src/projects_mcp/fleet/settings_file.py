"""Settings of projects as a TOML document that people keep: written anew, or into a document whose comments stay.

`tomlkit` is an extra, and imported on first use. It writes; `tomllib` then reads the result, which must say of each
project exactly what was to be written, or nothing is returned.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from projects_mcp.api.json_values import canonical, same_json
from projects_mcp.api.settings_model import Merge, Setting
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.errors.kinds import Kind
from projects_mcp.fleet.values import SECRET_FIELDS
from projects_mcp.sanitize.patterns import REDACTED
from projects_mcp.sanitize.text import has_invisible, on_one_line

if TYPE_CHECKING:
    from tomlkit import TOMLDocument
    from tomlkit.items import Item, String, Table

__all__ = ["EXPORTED", "ExportedProject", "SettingsFileError", "common_settings", "write_settings"]

EXPORTED: Final = tuple(name for name in SETTINGS if name != "name" and name not in SECRET_FIELDS)
"""The settings that a document can hold. A name is only a comment there, and a secret is never exported."""
_OF_ONE_PROJECT: Final = frozenset({"primary_dashboard"})
"""Settings that say nothing about another project, even if it has the same value."""
_LARGEST: Final = 2**63
_SHORT_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_BMP: Final = 0xFFFF


class SettingsFileError(Exception):
    """The document cannot be written. The text is one sentence; `kind` says the same to programs."""

    def __init__(self, text: str, kind: Kind = "file") -> None:
        super().__init__(text)
        self.kind: Kind = kind


class ExportedProject(NamedTuple):
    """What a document says of one project.

    Attributes:
        id: of the project.
        name: of the project, for a comment.
        settings: those that have a value, and that TOML can say.
        left_out: setting -> why it is not among them.
    """

    id: int
    name: str
    settings: dict[str, Any]
    left_out: dict[str, str]

    @classmethod
    def of(cls, number: int, name: str, shown: Mapping[str, Any]) -> ExportedProject:
        """Make one of a project's settings as they are shown, without secrets. A setting that is null is not named."""
        settings: dict[str, Any] = {}
        left_out: dict[str, str] = {}
        for setting in EXPORTED:
            value = _managed(SETTINGS[setting], shown.get(setting))
            if value is None:
                continue
            if REDACTED in canonical(value):
                left_out[setting] = "it holds a secret"
            elif not _is_toml(value):
                left_out[setting] = "TOML cannot say its value"
            else:
                settings[setting] = value
        return cls(number, name, settings, left_out)


def _managed(setting: Setting, value: Any) -> Any:
    """Return a value as a document can hold it. Where PostHog merges, a key that is not named stays as it is."""
    value = setting.plain(value)
    if setting.merge is Merge.REPLACE or not isinstance(value, dict):
        return value
    return {key: item for key, item in value.items() if item is not None}


def common_settings(projects: Sequence[ExportedProject]) -> dict[str, Any]:
    """Return the settings whose value all projects have in common."""
    if not projects:
        return {}
    return {
        name: value
        for name, value in projects[0].settings.items()
        if name not in _OF_ONE_PROJECT
        and all(name in project.settings and same_json(project.settings[name], value) for project in projects)
    }


def write_settings(
    host: str, organization: str, projects: Sequence[ExportedProject], *, shared: bool, former: str = ""
) -> str:
    """Return the document.

    Args:
        host: the address of PostHog.
        organization: the UUID of the one that all projects are in.
        projects: to be written. Others that the document names stay as they are.
        shared: whether what all of them have in common is said once, as the defaults.
        former: the document to write into; empty for a new one.

    Raises:
        SettingsFileError: `tomlkit` is missing, the former document is none of this kind, or cannot be kept.
    """
    try:
        import tomlkit  # noqa: PLC0415 - an extra, and only who exports waits for it
        from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415 - as above
    except ImportError:
        raise SettingsFileError("the library tomlkit is not installed; install projects-mcp[fleet]") from None
    common = common_settings(projects) if shared and not _has_groups(former) else {}
    try:
        document = tomlkit.parse(former) if former else tomlkit.document()
        _fill(document, {"host": host, "organization": organization})
        if common or (shared and "defaults" in document):
            _fill(_table(_table(document, "defaults", is_super=True), "settings"), common, only=True)
        for project in projects:
            own = {name: value for name, value in project.settings.items() if name not in common}
            _fill(_table(_project(document, project), "settings"), own, only=True)
        text = document.as_string()
    except (TOMLKitError, AttributeError, TypeError, ValueError, KeyError):
        raise SettingsFileError("the file is no settings file, or of a form that cannot be kept") from None
    if "\r\n" in former:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    _require_right(text, host, organization, projects)
    return text


def _has_groups(text: str) -> bool:
    """Whether a document has groups: they win over the defaults, so each project then says everything itself."""
    try:
        return "group" in tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise SettingsFileError("the file is not TOML") from None


def _require_right(text: str, host: str, organization: str, projects: Iterable[ExportedProject]) -> None:
    """Read the document, and make sure that it says what was to be written.

    Raises:
        SettingsFileError: it does not.
    """
    wrong = SettingsFileError("the file is of a form that cannot be kept; export to a new one")
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise wrong from None
    defaults = read.get("defaults", {}).get("settings", {})
    tables = {table.get("id"): table for table in read.get("project", [])}
    if (read.get("host"), read.get("organization")) != (host, organization):
        raise wrong
    for project in projects:
        own = tables.get(project.id, {}).get("settings", {})
        effective = {**defaults, **own}
        if not all(
            name in effective and same_json(effective[name], project.settings[name]) for name in project.settings
        ):
            raise wrong


def _project(document: TOMLDocument, project: ExportedProject) -> Table:
    """Return the table of a project, a new one at the end if there is none."""
    import tomlkit  # noqa: PLC0415 - see the head of this module

    tables = document.get("project")
    if tables is None:
        tables = tomlkit.aot()
        document.append(None, tomlkit.ws("\n"))
        document.append("project", tables)
        tables = document["project"]
    for table in tables:
        if table.get("id") == project.id:
            found: Table = table
            return found
    new = tomlkit.table()
    number = tomlkit.item(project.id)
    number.comment(on_one_line(project.name))
    new.append("id", number)
    tables.append(new)
    last: Table = tables[-1]
    return last


def _table(parent: Any, name: str, *, is_super: bool = False) -> Any:
    import tomlkit  # noqa: PLC0415 - see the head of this module

    if name not in parent:
        parent.append(name, tomlkit.table(is_super_table=is_super))
    return parent[name]


def _fill(table: Any, values: Mapping[str, Any], *, only: bool = False) -> None:
    """Set values in a table. What is the same stays as it is spelled; with `only`, all others go."""
    if only:
        for name in [name for name in table if name not in values]:
            del table[name]
    for name, value in values.items():
        if name not in table:
            _append(table, name, _item(value))
        elif not same_json(_plain(table[name]), value):
            table[name] = _item(value)


def _plain(item: Any) -> Any:
    return item.unwrap() if hasattr(item, "unwrap") else item  # a boolean is one of Python's


def _append(table: Any, name: str, value: Item) -> None:
    """Append a value behind the last one: comments and empty lines at the end belong to what follows."""
    body = table.body if hasattr(table, "body") else table.value.body  # the document itself, or a table of it
    rest: list[Any] = []
    while body and body[-1][0] is None:
        rest.insert(0, body.pop())
    table.append(name, value)
    body.extend(rest)


def _item(value: Any) -> Item:
    """Return a value as TOML has it, objects within one line."""
    import tomlkit  # noqa: PLC0415 - see the head of this module

    if isinstance(value, str):
        return _string(value)
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        for name, item in value.items():
            table.append(name, _item(item))
        return table
    if isinstance(value, list):
        array = tomlkit.array()
        for item in value:
            array.append(_item(item))
        return array
    plain: Item = tomlkit.item(value)
    return plain


def _string(text: str) -> String:
    import tomlkit  # noqa: PLC0415 - see the head of this module

    return tomlkit.string("".join(map(_escape, text)), escape=False)


def _escape(character: str) -> str:
    """Escape what TOML wants escaped, and what nobody could see in a file that people review."""
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if character.isprintable() and not has_invisible(character):
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= _BMP else f"\\U{code:08x}"


def _is_toml(value: Any) -> bool:
    """Whether TOML has a value. It has no null, and no integer of more than 64 bits."""
    if isinstance(value, dict):
        return all(map(_is_toml, value.values()))
    if isinstance(value, list):
        return all(map(_is_toml, value))
    return value is not None and (not isinstance(value, int) or -_LARGEST <= value < _LARGEST)
