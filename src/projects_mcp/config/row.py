"""Describe one setting of the operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from projects_mcp.config.parsers import WholeNumber

__all__ = ["Flag", "FormField", "Parser", "Variable"]

Parser: TypeAlias = Callable[[str, str], Any]
"""Takes the name of a setting and its text, and returns its value or raises `SettingsError`."""


class Flag(NamedTuple):
    """How a setting is given on the command line.

    Attributes:
        option: the option, such as `--access`.
        constant: the text that the option stands for; None if it takes a value.
        about: its help; None for one that names the variable.
    """

    option: str
    constant: str | None = None
    about: str | None = None


class FormField(NamedTuple):
    """How a setting is asked for in the form of a desktop client.

    Attributes:
        title: the name of the field.
        type: its type in the manifest.
        required: whether a person must fill it in.
        about: what it means; None for the row's own words.
    """

    title: str
    type: str = "string"
    required: bool = False
    about: str | None = None


class Variable(NamedTuple):
    """One setting.

    Attributes:
        name: its variable in the environment.
        field: the field of `Settings` that it sets, with dots between the levels.
        parse: turns its text into the value, within bounds.
        about: what it means; of a number without its bounds and default, which `words` adds.
        form: its field in the form of a desktop client; None if it is not asked for there.
        default: the text that stands for an unset one; None if nothing does.
        flag: its option on the command line; None if it has none. Secrets never have one: every user of the machine can
            read a command line.
        secret: whether its text must never be shown.
    """

    name: str
    field: str
    parse: Parser
    about: str
    form: FormField | None
    default: str | None = None
    flag: Flag | None = None
    secret: bool = False

    @property
    def words(self) -> str:
        """What the setting means, in one line."""
        if isinstance(self.parse, WholeNumber):
            return f"{self.about}, {self.parse.lowest} to {self.parse.highest}; default {self.default}"
        return self.about
