"""A group of commands, among whose options no order matters: those before the command's name are the command's too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import click
from click.shell_completion import CompletionItem

from projects_mcp.cli.command import Command, explain_option, first_word, layout, path_of, write_examples, write_options
from projects_mcp.cli.nearest import did_you_mean
from projects_mcp.cli.setting_options import setting_options
from projects_mcp.sanitize.text import on_one_line

__all__ = ["Group"]


class Group(click.Group):
    """Commands under one name.

    Args:
        name: what is typed.
        about: what they are for, in a few words that begin with a verb.
        commands: in the order of the help.
        default: runs if none of them is named; None if one must be.
        examples: command lines without the program's name.
        more: sentences for the group's own help.
    """

    def __init__(
        self,
        name: str,
        about: str,
        commands: Sequence[click.Command],
        *,
        examples: Sequence[str],
        default: Command | None = None,
        more: str = "",
    ) -> None:
        super().__init__(
            name,
            commands=commands,
            help=f"{about[0].upper()}{about[1:]}.{more and ' '}{more}",
            short_help=about,
            context_settings=layout,
            no_args_is_help=False,
            options_metavar=None,
            subcommand_metavar="COMMAND …" if default is None else "[COMMAND …]",
        )
        self.default: Final = default
        self.examples: Final = tuple(examples)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the group's own options, and those of what runs if no command is named."""
        own = super().get_params(ctx)
        if self.default is None:
            return own
        taken = {name for parameter in own for name in parameter.opts}
        inherited = [found for found in self.default.get_params(ctx) if isinstance(found, click.Option)]
        return [*own, *(found for found in inherited if taken.isdisjoint(found.opts))]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the command's name, and hand everything else to it, also what stands before it."""
        at = first_word(args, self._all_parameters())
        if at is not None and (args[at] in self.commands or not self._default_takes_words()):
            args = [args[at], *args[:at], *args[at + 1 :]]
        elif not ctx.resilient_parsing and not self._asks_the_group(ctx, args):
            if self.default is None:
                raise click.UsageError(f"A command must follow: {', '.join(self.commands)}.", ctx)
            args = [str(self.default.name), *args]
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            raise click.UsageError(explain_option(self, ctx, error.option_name), ctx) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return a command by its name, or complain and propose the nearest."""
        if self.default is not None and args[0] == self.default.name:
            return "", self.default, args[1:]
        found = self.get_command(ctx, args[0])
        if found is not None or ctx.resilient_parsing:
            return args[0] if found else None, found, args[1:]
        typed = args[0]
        known = did_you_mean(typed, self.commands) or f" There are {', '.join(self.commands)}."
        raise click.UsageError(f"There is no command {on_one_line(typed):.60}.{known}", ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        del ctx
        return list(self.commands)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name, or what the command takes that runs if none is named."""
        found = super().shell_complete(ctx, incomplete)
        if self.default is not None:
            with self.default.make_context("", [], parent=ctx, resilient_parsing=True) as inner:
                for parameter in self.default.params:
                    if isinstance(parameter, click.Argument) and not incomplete.startswith("-"):
                        found += parameter.shell_complete(inner, incomplete)
        return found

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the line with the arguments."""
        formatter.write_usage(path_of(ctx), " ".join(self.collect_usage_pieces(ctx)))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, the options and the examples."""
        rows = [(name, found.get_short_help_str()) for name, found in self.commands.items() if not found.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
        if self.default is not None:
            self.default.format_arguments(ctx, formatter)
        write_options(self, ctx, formatter)
        write_examples(formatter, self.examples)

    def _default_takes_words(self) -> bool:
        return self.default is not None and any(isinstance(found, click.Argument) for found in self.default.params)

    def _asks_the_group(self, ctx: click.Context, args: Sequence[str]) -> bool:
        """Whether an option of the group itself is given, such as `--help`."""
        names = {*ctx.help_option_names, *(name for parameter in self.params for name in parameter.opts)}
        return not names.isdisjoint(args)

    def _all_parameters(self) -> Iterator[click.Parameter]:
        """Yield the parameters of all commands."""
        yield from setting_options()
        for found in (*self.commands.values(), *([] if self.default is None else [self.default])):
            yield from found._all_parameters() if isinstance(found, Group) else found.params  # noqa: SLF001 - its own
