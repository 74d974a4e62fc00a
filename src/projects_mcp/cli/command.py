"""A command: its arguments, its options, those of the settings, and its help."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from projects_mcp.cli.invocation import Invocation
from projects_mcp.cli.nearest import did_you_mean
from projects_mcp.cli.output import Output
from projects_mcp.cli.setting_options import SettingOption, setting_options, take_flags
from projects_mcp.sanitize.text import on_one_line

__all__ = [
    "Argument",
    "Command",
    "Complete",
    "explain_option",
    "first_word",
    "flag",
    "layout",
    "option",
    "path_of",
    "write_examples",
    "write_options",
]

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
"""Completes a value: takes the context, the parameter and what is typed so far."""

layout: Final[dict[str, Any]] = {"help_option_names": ["--help", "-h"], "max_content_width": 100}
"""What the contexts of all commands have in common."""


class Argument(click.Argument):
    """A positional argument, with words of its own in the help."""

    def __init__(self, name: str, metavar: str, about: str, complete: Complete | None = None, **more: Any) -> None:
        super().__init__([name], metavar=metavar, shell_complete=complete, **more)
        self.about: Final = about

    def make_metavar(self, ctx: click.Context) -> str:
        """Return the argument as a usage line shows it."""
        del ctx
        shown = f"{self.metavar} …" if self.nargs != 1 else f"{self.metavar}"
        return shown if self.required else f"[{shown}]"


def option(name: str, metavar: str, about: str, **more: Any) -> click.Option:
    """Make an option that takes a value."""
    return click.Option([name], metavar=metavar, help=about, **more)


def flag(name: str, about: str) -> click.Option:
    """Make an option without a value. `--json` is the parameter `as_json`, because `json` is a module."""
    field = "as_json" if name == "--json" else name.removeprefix("--").replace("-", "_")
    return click.Option([name, field], is_flag=True, help=about)


def _json_flag(about: str) -> Sequence[click.Parameter]:
    return (flag("--json", f"print one line of JSON, at a terminal too{about and '; '}{about}"),)


def first_word(words: Sequence[str], parameters: Iterable[click.Parameter]) -> int | None:
    """Return where the first word stands that is no option and no option's value; None if there is none."""
    if not words or not words[0].startswith("-"):
        return 0 if words else None
    options = [found for found in parameters if isinstance(found, click.Option) and not found.is_flag]
    taking = {name for found in options for name in found.opts}
    skipped = False
    for at, word in enumerate(words):
        if not skipped and (not word.startswith("-") or word == "-"):
            return at
        skipped = not skipped and word in taking
    return None


class Command(click.Command):
    """One command. To invoke it returns the `Invocation`, and runs nothing.

    Args:
        name: what is typed.
        about: what it does, in a few words that begin with a verb.
        function: runs it. It takes the `Invocation` and the parameters, and returns the exit code.
        parameters: its arguments and options, without those of the settings.
        examples: command lines without the program's name.
        more: sentences for its own help.
        output: what it prints. If that is an answer, the command has `--json`, and its function takes `as_json`.
        about_json: what else there is to know of its JSON.
        writes: if the output is a file, the parameter with which the command writes it and answers.
    """

    def __init__(
        self,
        name: str,
        about: str,
        function: Callable[..., int],
        parameters: Sequence[click.Parameter] = (),
        *,
        examples: Sequence[str],
        more: str = "",
        output: Output = Output.ANSWER,
        about_json: str = "",
        writes: str = "",
    ) -> None:
        super().__init__(
            name,
            params=[*parameters, *(_json_flag(about_json) if output in (Output.ANSWER, Output.FILE) else ())],
            help=f"{about[0].upper()}{about[1:]}.{more and ' '}{more}",
            short_help=about,
            context_settings=layout,
        )
        self.function: Final = function
        self.examples: Final = tuple(examples)
        self.output: Final = output
        self.writes: Final = writes
        self._settings: list[click.Parameter] | None = None

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the parameters together with those of the settings, which are made when the command is used."""
        if self._settings is None:
            own = frozenset(name for parameter in self.params for name in parameter.opts)
            self._settings = setting_options(own)
            self.params = [*self.params, *self._settings]
        return super().get_params(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and propose the nearest option for one that there is not."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise click.UsageError(explain_option(self, ctx, error.option_name), ctx) from None

    def invoke(self, ctx: click.Context) -> Invocation:
        """Return what is to be run."""
        parameters = dict(ctx.params)
        if self.output is Output.FILE and parameters["as_json"] and not parameters[self.writes]:
            raise click.UsageError(f"--json goes with --{self.writes}: the text of a file is printed as it is.", ctx)
        flags = take_flags(parameters)
        return Invocation(
            path_of(ctx).partition(" ")[2] or str(self.name), parameters, flags, self.function, self.output
        )

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the line with the arguments."""
        formatter.write_usage(path_of(ctx), " ".join(self.collect_usage_pieces(ctx)))

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments with what they mean."""
        rows = [(p.metavar or "", p.about) for p in self.get_params(ctx) if isinstance(p, Argument)]
        if rows:
            with formatter.section("Arguments"):
                formatter.write_dl(rows)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, the options, the settings and the examples."""
        write_options(self, ctx, formatter)
        write_examples(formatter, self.examples)


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the options, and then the settings."""
    sections: dict[str, list[tuple[str, str]]] = {"Options": [], "Options of every command, over the environment": []}
    own, settings = sections.values()
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None and isinstance(parameter, click.Option):
            (settings if isinstance(parameter, SettingOption) else own).append(record)
    for title, rows in sections.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)


def write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    """Write command lines, each as one that can be copied."""
    with formatter.section("Examples" if len(examples) > 1 else "Example"):
        for line in examples:
            formatter.write(f"{'':>{formatter.current_indent}}projects-mcp {line}\n")


def path_of(ctx: click.Context) -> str:
    """Return the words that lead to a command, such as `projects-mcp audit verify`."""
    return " ".join(ctx.command_path.split())


def explain_option(command: click.Command, ctx: click.Context, typed: str) -> str:
    """Return the sentence about an option that there is not."""
    above = ctx.parent.command if ctx.parent is not None and ctx.parent.parent is not None else command
    for sibling in above.commands.values() if isinstance(above, click.Group) else ():
        if any(typed in parameter.opts for parameter in sibling.params):
            return f"{typed} is for {' '.join([*path_of(ctx).split()[1:], str(sibling.name)])}."
    names = [name for parameter in command.get_params(ctx) for name in parameter.opts if name.startswith("--")]
    return f"There is no option {on_one_line(typed):.60}.{did_you_mean(typed, names)}"
