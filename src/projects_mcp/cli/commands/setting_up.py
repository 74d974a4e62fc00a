"""The commands that set up: `login`, `logout`, `profiles`, `doctor`, `install`. They run even if a setting is wrong."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import CompletionItem

from projects_mcp.cli.command import Argument, Command, flag, option
from projects_mcp.cli.completion import SHELLS, script_for
from projects_mcp.cli.exit_codes import DONE
from projects_mcp.cli.invocation import Invocation, apply_flags
from projects_mcp.cli.output import Output
from projects_mcp.cli.terminal import say
from projects_mcp.cli.values import OneOf

__all__ = ["COMPLETION", "DOCTOR", "INSTALL", "LOGIN", "LOGOUT", "PROFILES"]


def _doctor(invocation: Invocation, *, as_json: bool) -> int:
    from projects_mcp.cli.doctor.command import run_doctor

    return run_doctor(invocation.environment, as_json=as_json, flags=invocation.flags.keys())


DOCTOR: Final = Command(
    "doctor",
    "find out what is wrong, and what to do about it",
    _doctor,
    examples=("doctor", "doctor --sandbox --json"),
)


def _install(invocation: Invocation, *, client: str, name: str, write: bool, force: bool, as_json: bool) -> int:
    from projects_mcp.cli.install.command import run_install

    given = apply_flags({}, invocation.flags)
    return run_install(client, given, write=write, force=force, entry_name=name, as_json=as_json)


def _clients(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from projects_mcp.cli.install.entries import CLIENTS

    return [CompletionItem(name) for name in CLIENTS if name.startswith(incomplete)]


INSTALL: Final = Command(
    "install",
    "print or write the entry for a client",
    _install,
    (
        Argument("client", "CLIENT", "the client's name, such as cursor; a wrong one lists them", _clients),
        option("--name", "NAME", "of the entry; default: posthog-projects", default="posthog-projects"),
        flag("--write", "put it into the client's file, and keep a backup"),
        flag("--force", "replace another entry of the same name, or rename this server's former one"),
    ),
    examples=(
        "install cursor",
        "install claude-desktop --write --access read",
        "install cursor --write --name posthog-eu --profile eu",
    ),
    output=Output.FILE,
    writes="write",
    about_json="with --write",
)


def _login(invocation: Invocation, *, no_browser: bool, as_json: bool) -> int:
    from projects_mcp.cli.login import run_login

    return run_login(invocation.environment, browser=not no_browser, as_json=as_json)


LOGIN: Final = Command(
    "login",
    "keep a region and a key in a profile",
    _login,
    (flag("--no-browser", "only name the page where keys are made"),),
    examples=("login", "login --profile staging --no-browser"),
)


def _logout(invocation: Invocation, *, as_json: bool) -> int:
    from projects_mcp.cli.profiles import run_logout

    return run_logout(invocation.environment, as_json=as_json)


LOGOUT: Final = Command("logout", "take the key out of a profile", _logout, examples=("logout --profile staging",))


def _profiles(invocation: Invocation, *, as_json: bool) -> int:
    from projects_mcp.cli.profiles import run_profiles

    return run_profiles(invocation.environment, as_json=as_json)


PROFILES: Final = Command(
    "profiles",
    "list the profiles, without their keys",
    _profiles,
    examples=("profiles",),
)


def _completion(_invocation: Invocation, *, shell: str) -> int:
    say(script_for(shell), end="")
    return DONE


COMPLETION: Final = Command(
    "completion",
    "print the script that completes commands, tools and arguments in a shell",
    _completion,
    (Argument("shell", "SHELL", "bash, zsh or fish", type=OneOf("shell", SHELLS)),),
    examples=(
        "completion bash > ~/.local/share/bash-completion/completions/projects-mcp",
        "completion zsh > ~/.zfunc/_projects-mcp",
        "completion fish > ~/.config/fish/completions/projects-mcp.fish",
    ),
    more="Make the folder first if it is missing; zsh wants it in fpath before compinit runs. Or let the shell read it "
    'at each start: eval "$(projects-mcp completion zsh)", also for bash, and for fish '
    "projects-mcp completion fish | source.",
    output=Output.TEXT,
)
