"""The kinds of values of arguments and options, with their bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from projects_mcp.api.types import MAX_ID
from projects_mcp.cli.nearest import did_you_mean
from projects_mcp.config.parsers import parse_whole_number
from projects_mcp.sanitize.text import on_one_line

__all__ = ["FILE", "PORT", "PROJECTS", "PROJECT_ID", "OneOf", "WholeNumberOf"]

_MOST_DIGITS: Final = 19


class WholeNumberOf(click.ParamType):  # type: ignore[type-arg] # older versions are not generic
    """A whole number within bounds, in decimal digits."""

    def __init__(self, name: str, lowest: int, highest: int, sentence: str) -> None:
        self.name = name
        self.lowest: Final = lowest
        self.highest: Final = highest
        self.sentence: Final = sentence

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse a number, or complain."""
        if isinstance(value, int):
            return value
        number = parse_whole_number(str(value), self.lowest, self.highest, digits=_MOST_DIGITS)
        if number is None:
            self.fail(self.sentence, param, ctx)
        return number


class OneOf(click.ParamType):  # type: ignore[type-arg] # as above
    """One of some words. A wrong one is answered with the nearest."""

    def __init__(self, name: str, words: Sequence[str]) -> None:
        self.name = name
        self.words: Final = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return a word that is known, or complain."""
        if value not in self.words:
            typed = f"{on_one_line(str(value)):.60}"
            known = ", ".join(self.words)
            self.fail(f"{typed!r} is not one of {known}.{did_you_mean(typed, self.words)}", param, ctx)
        return str(value)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the words, as a usage line shows them."""
        del param, ctx
        return "|".join(self.words)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        """Complete a word."""
        del ctx, param
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete)]


FILE: Final = click.Path()
"""The path of a file, which a shell completes. Whether it is there is for the command to say."""
PORT: Final = WholeNumberOf("port", 0, 65_535, "a port is a number from 0 to 65535")
PROJECT_ID: Final = WholeNumberOf("id", 1, MAX_ID, "the id of a project is a number from 1")
PROJECTS: Final = WholeNumberOf("number", 1, 2_000, "projects are 1 to 2000")
