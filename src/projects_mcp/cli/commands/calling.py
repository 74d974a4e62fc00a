"""The commands that run the tools: `call` and `tools`."""

from __future__ import annotations

from typing import Final

import click

from projects_mcp.cli.command import Argument, Command, flag
from projects_mcp.cli.invocation import Invocation
from projects_mcp.sanitize.text import on_one_line

__all__ = ["CALL", "TOOLS"]


def _call(invocation: Invocation, *, tool: str, words: tuple[str, ...], as_json: bool) -> int:
    from projects_mcp.cli.call import UsageError, run_call

    try:
        return run_call(invocation.settings, tool, words, as_json=as_json)
    except UsageError as error:
        raise click.UsageError(on_one_line(str(error))) from None


class _CallCommand(Command):
    """`call`, whose `--json=OBJECT` is written `--json OBJECT` too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take an object that is glued to `--json` off it."""
        parts = [part for word in args for part in (("--json", word[7:]) if word.startswith("--json=") else (word,))]
        return super().parse_args(ctx, parts)


CALL: Final = _CallCommand(
    "call",
    "run one tool and print its answer",
    _call,
    (
        Argument("tool", "TOOL", "the tool's name; see: projects-mcp tools"),
        Argument(
            "words",
            "NAME=VALUE",
            "an argument; settings.timezone=UTC reaches inside. Or all as one JSON object, or - to read it from stdin",
            nargs=-1,
            required=False,
        ),
        flag("--json", "print one line of JSON, also at a terminal"),
    ),
    examples=(
        "call project_list limit=5",
        "call project_update project_id=12345 settings.timezone=Europe/Madrid --json",
        """call project_get --json '{"project_id": 12345, "fields": ["name"]}'""",
    ),
)


def _tools(invocation: Invocation, *, as_json: bool) -> int:
    from projects_mcp.cli.tools import run_tools

    return run_tools(invocation.settings, as_json=as_json)


TOOLS: Final = Command(
    "tools",
    "list the tools, and what is hidden and why",
    _tools,
    (flag("--json", "print those that are offered with their schemas, as a JSON list"),),
    examples=("tools", "tools --access read --json"),
)
