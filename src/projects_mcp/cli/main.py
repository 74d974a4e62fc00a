"""The entry point of the command line. Imports a command's modules only when that command runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Final

from projects_mcp.cli.exit_codes import FAILED, INTERRUPTED, USAGE
from projects_mcp.cli.terminal import say
from projects_mcp.config.profiles import with_profile
from projects_mcp.config.settings import Settings, SettingsError, load
from projects_mcp.runner.garbage import collect_rarely
from projects_mcp.sanitize.text import on_one_line

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; without any, serve MCP over stdio.

    Args:
        arguments: without the program's name; those of the process by default.

    Returns:
        The exit code: one of `exit_codes`.
    """
    given = sys.argv[1:] if arguments is None else arguments
    options, environment = SimpleNamespace(command=None), dict(os.environ)
    if given:  # most clients give none, and do not wait for the parser
        from projects_mcp.cli.parser import apply_flags, parse

        options = parse(given)
        environment = apply_flags(environment, options)
    try:
        if options.command in _BEFORE_SETTINGS:
            return _BEFORE_SETTINGS[options.command](environment, options)
        return _COMMANDS[options.command or "stdio"](load(with_profile(environment)), options)
    except SettingsError as error:
        say(f"projects-mcp: {on_one_line(str(error))}", error=True)
        return USAGE
    except BrokenPipeError:  # the reader of our output has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _stdio(settings: Settings, _options: SimpleNamespace) -> int:
    collect_rarely()
    from projects_mcp.cli.stdio import serve_stdio

    return serve_stdio(settings)


def _demo(_settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.demo.command import run_demo

    return run_demo(color=options.color)


def _call(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.call import UsageError, run_call

    try:
        return run_call(settings, options.tool, options.pairs, options.json)
    except UsageError as error:
        say(f"projects-mcp call: {on_one_line(str(error))}", error=True)
        return USAGE


def _tools(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.tools import run_tools

    return run_tools(settings, as_json=options.json)


def _serve(settings: Settings, options: SimpleNamespace) -> int:
    collect_rarely()
    from projects_mcp.http.process import run_server

    return run_server(settings, os.environ, options.host, options.port)


def _caller(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli import caller
    from projects_mcp.cli.parser import apply_flags

    if options.action == "list":
        return caller.run_caller_list(settings, as_json=options.json)
    if options.action == "revoke":
        return caller.run_caller_revoke(settings, options.name)
    rights = caller.parse_rights(options.scopes, options.credential, settings, apply_flags({}, options).keys())
    return caller.run_caller(options.name, rights)


def _approvals(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.approve import run_approvals

    return run_approvals(settings, as_json=options.json)


def _approve(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.approve import run_approve

    return run_approve(settings, options.code, deny=options.deny, browser=options.browser)


def _passkey(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.passkey import run_passkey

    return run_passkey(settings, options.action, options.name, as_json=options.json)


def _sandbox(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.sandbox import UsageError, run_sandbox

    version = options.posthog or settings.sandbox
    try:
        return run_sandbox(
            options.port,
            version=version,
            world_file=options.world,
            slow_writes=options.slow_writes,
            projects=options.projects or 0,
        )
    except UsageError as error:
        say(f"projects-mcp sandbox: {on_one_line(str(error))}", error=True)
        return USAGE


def _compare(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.fleet.compare import run_compare

    return run_compare(settings, options.first, options.second, as_json=options.json)


def _export(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.fleet.export import run_export

    return run_export(settings, options.ids, Path(options.out) if options.out else None)


def _drift(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.fleet.drift import run_drift

    return run_drift(settings, Path(options.file), as_json=options.json)


_COMMANDS: Final = {
    "stdio": _stdio,
    "serve": _serve,
    "demo": _demo,
    "call": _call,
    "tools": _tools,
    "caller": _caller,
    "approvals": _approvals,
    "approve": _approve,
    "passkey": _passkey,
    "sandbox": _sandbox,
    "compare": _compare,
    "export": _export,
    "drift": _drift,
}


def _doctor(environment: Mapping[str, str], options: SimpleNamespace) -> int:
    from projects_mcp.cli.doctor.command import run_doctor
    from projects_mcp.cli.parser import apply_flags

    return run_doctor(environment, as_json=options.json, flags=apply_flags({}, options).keys())


def _install(_environment: Mapping[str, str], options: SimpleNamespace) -> int:
    from projects_mcp.cli.install.command import run_install
    from projects_mcp.cli.parser import apply_flags

    given = apply_flags({}, options)
    return run_install(options.client, given, write=options.write, force=options.force, entry_name=options.name)


def _login(environment: Mapping[str, str], options: SimpleNamespace) -> int:
    from projects_mcp.cli.login import run_login

    return run_login(environment, browser=options.browser)


def _logout(environment: Mapping[str, str], _options: SimpleNamespace) -> int:
    from projects_mcp.cli.profiles import run_logout

    return run_logout(environment)


def _profiles(environment: Mapping[str, str], options: SimpleNamespace) -> int:
    from projects_mcp.cli.profiles import run_profiles

    return run_profiles(environment, as_json=options.json)


def _audit(environment: Mapping[str, str], options: SimpleNamespace) -> int:
    if options.words[:1] == ["verify"]:
        from projects_mcp.cli.audit.command import run_audit_verify

        return run_audit_verify(options.words[1:], heads=options.head, passkeys=options.passkeys, as_json=options.json)
    from projects_mcp.cli.fleet.audit import run_audit

    fields = [name.strip() for name in options.fields.split(",") if name.strip()]
    return run_audit(load(with_profile(environment)), options.words, fields, as_json=options.json)


_BEFORE_SETTINGS: Final = {
    "doctor": _doctor,
    "install": _install,
    "audit": _audit,
    "login": _login,
    "logout": _logout,
    "profiles": _profiles,
}
"""Commands that run even if a setting is wrong."""
