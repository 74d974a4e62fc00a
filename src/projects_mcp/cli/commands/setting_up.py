"""The commands that set up: `doctor` and `install`. They run even if a setting is wrong."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import CompletionItem

from projects_mcp.cli.command import Argument, Command, flag
from projects_mcp.cli.invocation import Invocation, apply_flags

__all__ = ["DOCTOR", "INSTALL"]


def _doctor(invocation: Invocation, *, as_json: bool) -> int:
    from projects_mcp.cli.doctor.command import run_doctor

    return run_doctor(invocation.environment, as_json=as_json)


DOCTOR: Final = Command(
    "doctor",
    "find out what is wrong, and what to do about it",
    _doctor,
    (flag("--json", "print one JSON object"),),
    examples=("doctor", "doctor --sandbox --json"),
)


def _install(invocation: Invocation, *, client: str, write: bool, force: bool) -> int:
    from projects_mcp.cli.install.command import run_install

    return run_install(client, apply_flags({}, invocation.flags), write=write, force=force)


def _clients(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from projects_mcp.cli.install.entries import CLIENTS

    return [CompletionItem(name) for name in CLIENTS if name.startswith(incomplete)]


INSTALL: Final = Command(
    "install",
    "print or write the entry for a client",
    _install,
    (
        Argument("client", "CLIENT", "the client's name, such as cursor; a wrong one lists them", _clients),
        flag("--write", "put it into the client's file, and keep a backup"),
        flag("--force", "replace another entry of the same name, or rename this server's former one"),
    ),
    examples=("install cursor", "install claude-desktop --write --access read"),
)
