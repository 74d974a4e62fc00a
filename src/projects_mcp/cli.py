"""The command line. Imports nothing heavy before it knows which command it is."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Final

from projects_mcp.config import Settings, SettingsError, load

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
        from projects_mcp.arguments import over, parse

        options = parse(given)
        environment = over(environment, options)
    try:
        settings = load(environment)
    except SettingsError as error:
        print(f"projects-mcp: {error}", file=sys.stderr)
        return USAGE
    try:
        return _COMMANDS[options.command or "stdio"](settings, options)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return 130


def _stdio(settings: Settings, _options: SimpleNamespace) -> int:
    gc.disable()  # until everything is imported: collecting finds nothing then, and takes a tenth of the start
    from projects_mcp.stdio import serve_stdio

    return serve_stdio(settings)


def _demo(_settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.demo import run_demo

    return run_demo(color=options.color)


def _call(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.script import UsageError, run_call

    try:
        return run_call(settings, options.tool, options.pairs, options.json)
    except UsageError as error:
        print(f"projects-mcp call: {error}", file=sys.stderr)
        return USAGE


def _tools(settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.script import run_tools

    return run_tools(settings, as_json=options.json)


def _sandbox(_settings: Settings, options: SimpleNamespace) -> int:
    from projects_mcp.sandbox.serving import serve

    return serve(options.port)


_COMMANDS: Final = {"stdio": _stdio, "demo": _demo, "call": _call, "tools": _tools, "sandbox": _sandbox}
