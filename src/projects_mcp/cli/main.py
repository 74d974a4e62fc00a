"""The entry point of the command line. Imports a command's modules only when that command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from projects_mcp.cli.exit_codes import FAILED, INTERRUPTED, USAGE
from projects_mcp.cli.terminal import say
from projects_mcp.config.profiles import with_profile
from projects_mcp.config.settings import SettingsError, load
from projects_mcp.runner.garbage import collect_rarely
from projects_mcp.sanitize.text import on_one_line

if TYPE_CHECKING:
    import click

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; without any, serve MCP over stdio.

    Args:
        arguments: without the program's name; those of the process by default.

    Returns:
        The exit code: one of `exit_codes`.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        return _run(given) if given else _serve()
    except SettingsError as error:
        say(f"projects-mcp: {on_one_line(str(error))}", error=True)
        return USAGE
    except BrokenPipeError:  # the reader of our output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _serve() -> int:
    """Serve over stdio. Most clients give no arguments, and do not wait for the parser."""
    settings = load(with_profile(os.environ))
    collect_rarely()
    from projects_mcp.cli.stdio import serve_stdio

    return serve_stdio(settings)


def _run(arguments: Sequence[str]) -> int:
    import click

    from projects_mcp.cli.parser import parse

    try:
        invocation = parse(arguments)
    except click.UsageError as error:
        return _complain(error, "projects-mcp" if error.ctx is None else " ".join(error.ctx.command_path.split()))
    try:
        return invocation.run(os.environ)
    except click.UsageError as error:
        return _complain(error, f"projects-mcp {invocation.command}")


def _complain(error: click.UsageError, path: str) -> int:
    say(f"{path}: {on_one_line(error.format_message())}\nSee: {path} --help", error=True)
    return USAGE
