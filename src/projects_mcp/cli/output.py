"""What a command prints, and the one place that chooses its form: for a person at a terminal, or for a program."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from projects_mcp.cli.terminal import is_terminal, say
from projects_mcp.sanitize.json_text import compact_json

__all__ = ["Output", "print_answer", "program_reads"]


class Output(StrEnum):
    """What stdout of a command is."""

    ANSWER = "answer"
    """A value: tables and sentences at a terminal, one line of JSON in a pipe, and everywhere with `--json`."""
    TEXT = "text"
    """The text of a file or of a script, the same wherever it goes."""
    FILE = "file"
    """The text of a file; or an answer, if the command writes the file itself, as one of its options wants it."""
    LOG = "log"
    """Of a server or of the demonstration: sentences on stderr too, wherever it goes."""


def program_reads(*, asked: bool) -> bool:
    """Whether a program reads what a command answers.

    Args:
        asked: `--json` was given.
    """
    return asked or not is_terminal(sys.stdout)


def print_answer(value: Any, show: Callable[[], None], *, as_json: bool) -> None:
    """Print the answer of a command.

    Args:
        value: for programs.
        show: prints the same for a person.
        as_json: one line of JSON, as `program_reads` has decided.
    """
    if as_json:
        say(compact_json(value))
    else:
        show()
