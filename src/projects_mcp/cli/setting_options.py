"""The options that every command has: settings, over those of the environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from projects_mcp.config.parsers import Choice, SettingsError
from projects_mcp.config.profiles import PROFILE, profiles_file
from projects_mcp.config.row import Variable
from projects_mcp.config.settings import is_given
from projects_mcp.config.variables import VARIABLES

__all__ = ["SettingOption", "setting_options", "take_flags"]

_HOST: Final = "POSTHOG_HOST"


class SettingOption(click.Option):
    """The option of one setting."""

    def __init__(self, row: Variable, *names: str) -> None:
        flag = row.flag
        if flag is None:
            raise AssertionError(row.name)
        about = flag.about or row.words
        self.choices: Final = tuple(row.parse.kind) if isinstance(row.parse, Choice) else ()
        self.variable: Final = row.name
        taken: dict[str, Any] = {"flag_value": flag.constant} if flag.constant is not None else {"multiple": True}
        super().__init__(
            [row.name, *names],
            help=f"{about}  [{row.name}]",
            metavar=None if flag.constant is not None else "|".join(self.choices) or "VALUE",
            **taken,
        )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Complete a value of which there are few."""
        del ctx
        known: Iterable[str] = ("us", "eu") if self.variable == _HOST else self.choices
        if self.variable == PROFILE:
            known = _profile_names()
        return [CompletionItem(value) for value in known if value.startswith(incomplete)]


def _profile_names() -> Iterator[str]:
    """Yield the names of this user's profiles; none if their file cannot be used."""
    from projects_mcp.config.profile_file import read_profiles  # noqa: PLC0415 - only a shell that completes it needs it

    file = profiles_file()
    with suppress(SettingsError):
        if file is not None and file.exists():
            yield from (profile.name for profile in read_profiles(file))


def setting_options(taken: frozenset[str] = frozenset()) -> list[click.Parameter]:
    """Make the options of the settings.

    Args:
        taken: options of the command itself. The short name of a setting gives way to them.
    """
    rows = [row for row in VARIABLES.values() if row.flag is not None]
    rows.sort(key=lambda row: row.flag is not None and row.flag.constant is None)  # those without a value come first
    return [SettingOption(row, *_names(row, taken)) for row in rows]


def _names(row: Variable, taken: frozenset[str]) -> list[str]:
    name = row.flag.option if row.flag is not None else ""
    return [name, "--host"] if row.name == _HOST and "--host" not in taken else [name]


def take_flags(parameters: dict[str, Any]) -> Mapping[str, str]:
    """Take the settings out of the parameters of a command: of each the last value that is one, by its variable."""
    flags: dict[str, str] = {}
    for name in VARIABLES:
        given = parameters.pop(name, None) or ()
        for text in (given,) if isinstance(given, str) else given:
            if is_given(text):
                flags[name] = text
    return flags
