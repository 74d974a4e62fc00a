"""The commands that serve: over stdio, over HTTP, the sandbox; and the demonstration."""

from __future__ import annotations

import os
from typing import Final

import click

from projects_mcp.cli.command import Command, flag, option
from projects_mcp.cli.invocation import Invocation
from projects_mcp.cli.output import Output
from projects_mcp.cli.values import FILE, PORT, PROJECTS, OneOf
from projects_mcp.runner.garbage import collect_rarely
from projects_mcp.sanitize.text import on_one_line

__all__ = ["DEMO", "SANDBOX", "SERVE", "STDIO"]


def _stdio(invocation: Invocation) -> int:
    settings = invocation.settings
    collect_rarely()
    from projects_mcp.cli.stdio import serve_stdio

    return serve_stdio(settings)


STDIO: Final = Command("stdio", "serve over stdio", _stdio, examples=("--sandbox",), output=Output.LOG)


def _serve(invocation: Invocation, *, host: str, port: int) -> int:
    settings = invocation.settings
    collect_rarely()
    from projects_mcp.http.process import run_server

    return run_server(settings, os.environ, host, port)


SERVE: Final = Command(
    "serve",
    "serve over Streamable HTTP, for one or for many",
    _serve,
    (
        option("--host", "ADDRESS", "address to listen on; default: 127.0.0.1", default="127.0.0.1"),
        option("--port", "PORT", "0 to 65535; default: 8787; 0 takes a free one", type=PORT, default=8787),
    ),
    examples=("serve --sandbox --port 8787", "serve --host 0.0.0.0 --access write"),
    output=Output.LOG,
)


def _demo(invocation: Invocation, *, color: str, step: bool) -> int:
    _ = invocation.settings  # a wrong one is complained of
    from projects_mcp.cli.demo.command import run_demo

    return run_demo(color=color, step=step)


DEMO: Final = Command(
    "demo",
    "show an assistant and a person at work, on a sandbox",
    _demo,
    (
        option(
            "--color",
            "auto|always|never",
            "default: auto, as the terminal",
            type=OneOf("color", ("auto", "always", "never")),
            default="auto",
        ),
        flag("--step", "wait for the Enter key before each scene"),
    ),
    examples=("demo", "demo --step", "demo --color always | less -R"),
    output=Output.LOG,
)


def _sandbox(
    invocation: Invocation,
    *,
    port: int,
    projects: int | None,
    posthog: str | None,
    world: str | None,
    slow_writes: str | None,
) -> int:
    settings = invocation.settings
    from projects_mcp.cli.sandbox import UsageError, run_sandbox

    version = posthog or settings.sandbox
    try:
        return run_sandbox(port, version=version, world_file=world, slow_writes=slow_writes, projects=projects or 0)
    except UsageError as error:
        raise click.UsageError(on_one_line(str(error))) from None


SANDBOX: Final = Command(
    "sandbox",
    "serve the sandbox on this machine",
    _sandbox,
    (
        option("--port", "PORT", "0 to 65535; default: 8786; 0 takes a free one", type=PORT, default=8786),
        option("--projects", "N", "so many projects more, as of many customers: 1 to 2000", type=PROJECTS),
        option("--posthog", "VERSION", "the PostHog that it plays: current (default) or 2025-08"),
        option("--world", "FILE", "a JSON document of the organizations, users, keys and projects", type=FILE),
        option(
            "--slow-writes",
            "ANSWER:SECONDS",
            "lose the answer of each write (late, cut, 502, 503 or 504), which takes effect later or never: 504:8",
        ),
    ),
    examples=("sandbox --projects 60", "sandbox --posthog 2025-08 --slow-writes 504:8"),
    output=Output.LOG,
)
