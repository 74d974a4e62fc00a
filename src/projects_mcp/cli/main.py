"""The command line. Imports nothing heavy before it knows which command it is."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Final

from projects_mcp.config.settings import Settings, SettingsError, load

__all__ = ["main"]

DONE, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; the process's own by default.

    Returns:
        0 done, 1 refused or failed, 2 wrong usage or settings.
    """
    given = sys.argv[1:] if arguments is None else arguments
    options, environment = SimpleNamespace(command=None), dict(os.environ)
    if given:  # most clients give none, and need not wait for what reads them
        from projects_mcp.cli.parser import apply_flags, parse

        options = parse(given)
        environment = apply_flags(environment, options)
    try:
        if options.command in _BEFORE_SETTINGS:
            return _BEFORE_SETTINGS[options.command](environment, options)
        return _COMMANDS[options.command or "stdio"](load(environment), options)
    except SettingsError as error:
        print(f"projects-mcp: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return 130


def _stdio(settings: Settings, _options: SimpleNamespace) -> int:
    gc.disable()  # until everything is imported: collecting finds nothing then, and takes a tenth of the start
    from projects_mcp.protocol.stdio import serve_stdio

    return serve_stdio(settings)


def _demo(_settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.demo.command import run_demo

    return run_demo(color=options.color)


def _call(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.call import UsageError, run_call

    try:
        return run_call(settings, options.tool, options.pairs, options.json)
    except UsageError as error:
        print(f"projects-mcp call: {error}", file=sys.stderr)
        return USAGE


def _tools(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.cli.call import run_tools

    return run_tools(settings, as_json=options.json)


def _serve(settings: Settings, options: SimpleNamespace) -> int:
    gc.disable()  # as above
    from projects_mcp.http.process import run_server

    return run_server(settings, os.environ, options.host, options.port)


def _caller(_settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.http.callers import new_entry

    token, entry = new_entry(options.name)
    print(f"The token of {options.name}, which is shown this once: {token}", file=sys.stderr)
    print(entry, end="")
    return DONE


def _sandbox(_settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.sandbox.process import serve

    return serve(options.port)


_COMMANDS: Final = {
    "stdio": _stdio,
    "serve": _serve,
    "demo": _demo,
    "call": _call,
    "tools": _tools,
    "caller": _caller,
    "sandbox": _sandbox,
}


def _doctor(environment: Mapping[str, str], options: SimpleNamespace) -> int:
    from projects_mcp.cli.doctor.command import run_doctor

    return run_doctor(environment, as_json=options.json)


def _install(_environment: Mapping[str, str], options: SimpleNamespace) -> int:
    from projects_mcp.cli.install.command import run_install
    from projects_mcp.cli.parser import apply_flags

    return run_install(options.client, apply_flags({}, options), write=options.write, force=options.force)


_BEFORE_SETTINGS: Final = {"doctor": _doctor, "install": _install}
"""Commands that work, or help, where the settings are wrong."""
