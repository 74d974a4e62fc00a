"""The entry point of the command line. Imports a command's modules only when that command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from projects_mcp.cli.complaints import as_json_errors, complain, complain_as, end_notes, log_as_notes
from projects_mcp.cli.exit_codes import INTERRUPTED, NOT_WRITTEN, USAGE
from projects_mcp.cli.output import Output
from projects_mcp.cli.terminal import (
    AnswerNotWrittenError,
    end_answer,
    erase_progress,
    is_terminal,
    keep_streams_open,
    prepare_streams,
    say,
    silence_stdout,
)
from projects_mcp.config.profiles import with_profile
from projects_mcp.config.settings import SettingsError, load
from projects_mcp.runner.garbage import collect_rarely

if TYPE_CHECKING:
    import click

__all__ = ["main"]

_COMPLETION: Final = "_PROJECTS_MCP_COMPLETE"
"""By this variable, a shell asks for completions."""
_ALONE: Final = """\
projects-mcp is an MCP server: a client starts it and speaks to it over stdin and
stdout, and here is a terminal.

  projects-mcp demo                          shows each tool at work, on made-up projects
  projects-mcp call project_list --sandbox   calls one tool
  projects-mcp login                         keeps your region and key for what follows
  projects-mcp install cursor                prints the entry for a client
  projects-mcp --help                        lists all commands"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; without any, serve MCP over stdio.

    Args:
        arguments: without the program's name; those of the process by default.

    Returns:
        The exit code: one of `exit_codes`.
    """
    keep_streams_open()  # before anything else is opened
    given = [_as_utf8(word) for word in sys.argv[1:]] if arguments is None else arguments
    try:
        return _run(given) if given or _COMPLETION in os.environ else _serve()
    except SettingsError as error:
        return complain("", str(error), USAGE, "settings")
    except AnswerNotWrittenError as error:
        silence_stdout()
        if not error.reader_left:
            complain("", f"The answer could not be written: {error}.", NOT_WRITTEN, "answer_not_written")
        return NOT_WRITTEN
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        erase_progress()


def _as_utf8(word: str) -> str:
    """Read an argument as UTF-8 if the locale, such as C, could not read it."""
    return word if word.isascii() else os.fsencode(word).decode("utf-8", "surrogateescape")


def _serve() -> int:
    """Serve over stdio. Most clients give no arguments, and do not wait for the parser."""
    if is_terminal(sys.stdin) and is_terminal(sys.stdout):
        say(_ALONE, error=True)
        return USAGE
    complain_as(json=False)
    settings = load(with_profile(os.environ))
    collect_rarely()
    from projects_mcp.cli.stdio import serve_stdio

    return serve_stdio(settings)


def _run(arguments: Sequence[str]) -> int:
    prepare_streams()
    import click

    from projects_mcp.cli.parser import parse

    asked = any(word == "--json" or word.startswith("--json=") for word in arguments)
    complain_as(json=as_json_errors(asked=asked, logs=False))
    try:
        invocation = parse(arguments)
    except click.UsageError as error:
        output = None if error.ctx is None else getattr(error.ctx.command, "output", None)
        complain_as(json=as_json_errors(asked=asked, logs=output is Output.LOG))
        return _complain(error, "" if error.ctx is None else " ".join(error.ctx.command_path.split()[1:]))
    complain_as(json=as_json_errors(asked=asked, logs=invocation.output is Output.LOG), worded=invocation.worded)
    if invocation.output is not Output.LOG:
        log_as_notes()
    try:
        code = invocation.run(os.environ)
    except click.UsageError as error:
        code = _complain(error, invocation.command)
    except (KeyboardInterrupt, BaseExceptionGroup) as stopped:
        # Tasks that run beside each other put it into a group.
        if not isinstance(stopped, KeyboardInterrupt) and stopped.subgroup(KeyboardInterrupt) is None:
            raise
        from projects_mcp.cli.interruption import tell_interrupted

        return tell_interrupted(invocation.command)
    end_answer()
    end_notes()
    return code


def _complain(error: click.UsageError, command: str) -> int:
    see = f"See: {' '.join(['projects-mcp', *command.split()])} --help"
    return complain(command, error.format_message(), USAGE, "usage", more=see)
