"""The commands that run the tools: `call` and `tools`."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import CompletionItem

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.cli.command import Argument, Command, first_word, path_of, write_examples, write_options
from projects_mcp.cli.invocation import Invocation
from projects_mcp.cli.nearest import did_you_mean
from projects_mcp.sanitize.text import on_one_line

__all__ = ["CALL", "TOOLS"]

_TOOL: Final = "projects_mcp.tool"
"""The tool whose help is asked for, in the context of `call`."""


def _call(invocation: Invocation, *, tool: str, words: tuple[str, ...], as_json: bool) -> int:
    from projects_mcp.cli.call.command import run_call

    return run_call(invocation, tool, words, as_json=as_json)


def _complete_tool(_ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in OPERATIONS if name.startswith(typed)]


def _complete_argument(ctx: click.Context, _parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    from projects_mcp.cli.call.notation import complete_word
    from projects_mcp.tools.catalog import TOOLS as KNOWN

    tool = KNOWN.get(str(ctx.params.get("tool")))
    given = {word.partition("=")[0] for word in ctx.params.get("words") or ()}
    found = () if tool is None else complete_word(tool, typed)
    return [CompletionItem(word, help=about) for word, about in found if word.partition("=")[0] not in given]


class _CallCommand(Command):
    """`call`, whose help is that of a tool if one is named, and whose `--json=OBJECT` is `--json OBJECT` too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take an object that is glued to `--json` off it, and note the tool whose help is asked for."""
        parts = [part for word in args for part in (("--json", word[7:]) if word.startswith("--json=") else (word,))]
        at = first_word(parts, self.get_params(ctx))
        if at is not None and not ctx.resilient_parsing and not set(ctx.help_option_names).isdisjoint(parts):
            ctx.meta[_TOOL] = parts[at]
        return super().parse_args(ctx, parts)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help of the tool that is named, or of the command."""
        name = ctx.meta.get(_TOOL)
        if name is None:
            super().format_help(ctx, formatter)
            return
        from projects_mcp.cli.call.tool_help import arguments_of, description_of, examples_of, settings_rows
        from projects_mcp.tools.catalog import TOOLS as KNOWN

        tool = KNOWN.get(name)
        if tool is None:
            near = did_you_mean(name, KNOWN) or " See: projects-mcp tools"
            raise click.UsageError(f"There is no tool {on_one_line(name):.60}.{near}", ctx)
        formatter.write_usage(f"{path_of(ctx)} {name}", "[OPTIONS] NAME=VALUE …")
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(description_of(tool))
        if rows := arguments_of(tool):
            with formatter.section("Arguments"):
                formatter.write_dl(rows)
        if rows := settings_rows(tool):
            with formatter.section("Settings, each as settings.NAME=VALUE"):
                formatter.write_dl(rows)
        write_options(self, ctx, formatter)
        write_examples(formatter, examples_of(tool))


CALL: Final = _CallCommand(
    "call",
    "run one tool and print its answer",
    _call,
    (
        Argument("tool", "TOOL", "the tool's name; see: projects-mcp tools", _complete_tool),
        Argument(
            "words",
            "NAME=VALUE",
            "an argument; settings.timezone=UTC reaches inside. Or all as one JSON object, or - to read it from stdin",
            _complete_argument,
            nargs=-1,
            required=False,
        ),
    ),
    examples=(
        "call project_list limit=5",
        "call project_update project_id=12345 settings.timezone=Europe/Madrid --json",
        """call project_get --json '{"project_id": 12345, "fields": ["name"]}'""",
        "call project_update --help",
    ),
    more="projects-mcp call TOOL --help shows the arguments of a tool.",
)


def _tools(invocation: Invocation, *, as_json: bool) -> int:
    from projects_mcp.cli.tools import run_tools

    return run_tools(invocation.settings, as_json=as_json)


TOOLS: Final = Command(
    "tools",
    "list the tools, and what is hidden and why",
    _tools,
    examples=("tools", "tools --access read --json"),
    about_json="each tool with its schemas",
)
