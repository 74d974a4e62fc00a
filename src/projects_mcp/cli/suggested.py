"""Commands that a person can run next, as they are pasted."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from projects_mcp.cli.terminal import say
from projects_mcp.sanitize.json_text import compact_json
from projects_mcp.sanitize.text import on_one_line

__all__ = ["print_call", "print_command"]


def print_command(*words: str) -> None:
    """Print a command line that can be copied whole: it is not wrapped."""
    say(f"  {shlex.join(['projects-mcp', *words])}")


def print_call(tool: str, arguments: Mapping[str, Any], options: Sequence[str]) -> None:
    """Print the command line of a call.

    Args:
        tool: its name.
        arguments: of the call.
        options: of the command line that was typed, which this one needs too.
    """
    print_command("call", on_one_line(tool), compact_json(arguments), *options)
