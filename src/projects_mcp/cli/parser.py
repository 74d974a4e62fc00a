"""Parse the arguments of the command line. Most clients start the server without any and never import this."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, cast

import click

from projects_mcp._version import __version__
from projects_mcp.cli.commands.approving import APPROVALS, APPROVE, CALLER, PASSKEY
from projects_mcp.cli.commands.calling import CALL, TOOLS
from projects_mcp.cli.commands.fleets import APPLY, AUDIT, COMPARE, DRIFT, EXPORT, PLAN
from projects_mcp.cli.commands.serving import DEMO, SANDBOX, SERVE, STDIO
from projects_mcp.cli.commands.setting_up import COMPLETION, DOCTOR, INSTALL, LOGIN, LOGOUT, PROFILES
from projects_mcp.cli.completion import PROGRAM, VARIABLE, prepare_completion
from projects_mcp.cli.group import Group
from projects_mcp.cli.invocation import Invocation

__all__ = ["ROOT", "parse"]

ROOT: Final = Group(
    PROGRAM,
    "manage PostHog projects safely, as an MCP server and at the terminal",
    (
        CALL,
        TOOLS,
        AUDIT,
        COMPARE,
        EXPORT,
        PLAN,
        APPLY,
        DRIFT,
        LOGIN,
        LOGOUT,
        PROFILES,
        DOCTOR,
        INSTALL,
        DEMO,
        SANDBOX,
        SERVE,
        CALLER,
        APPROVALS,
        APPROVE,
        PASSKEY,
        COMPLETION,
    ),
    default=STDIO,
    more="Without a command it serves over stdio: a client starts it so.",
    examples=("demo", "call project_list --sandbox", "doctor"),
)
ROOT.params.append(
    click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        help="Show the version and exit.",
        callback=lambda ctx, _option, given: _show_version(ctx) if given else None,
    )
)


def _show_version(ctx: click.Context) -> None:
    click.echo(f"{PROGRAM} {__version__}")
    ctx.exit()


def parse(arguments: Sequence[str]) -> Invocation:
    """Parse the arguments of the command line.

    Args:
        arguments: without the program's name.

    Raises:
        SystemExit: after `--help` and `--version`, and after a shell has asked for completions, with code 0.
        click.UsageError: there is an error in the arguments.
    """
    if VARIABLE in os.environ:  # a shell asks
        prepare_completion()
    parsed = ROOT.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
    if isinstance(parsed, int):  # of an option that shows something and ends
        raise SystemExit(parsed)
    return cast("Invocation", parsed)
