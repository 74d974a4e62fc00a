"""The protocol's Inspector on its command line: every schema judged for portability, and a real call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dev.conformance.servers import COMMAND, SANDBOX, serve_tools
from dev.gate import FailedError, run_step
from dev.toolbox import Toolbox
from projects_mcp.api.operations import OPERATIONS

__all__ = ["inspect"]

_GATE = "inspector"
_PROJECT = 12345
"""A project of the sandbox."""
_CONNECT_TIMEOUT_MS = 90_000
"""The Inspector's own 15 s can run out where other gates keep the machine busy, and say nothing of the server."""


def inspect(box: Toolbox) -> list[str]:
    """List the tools and call one, in both eras of the protocol and over both transports."""
    with _targets() as targets:
        return [_judge(box, era, name, target) for name, target in targets.items() for era in ("legacy", "modern")]


@contextmanager
def _targets() -> Iterator[dict[str, list[str]]]:
    stdio = [COMMAND, *(part for name, value in SANDBOX.items() for part in ("-e", f"{name}={value}"))]
    with serve_tools(_GATE) as address:
        yield {"stdio": stdio, "http": [address, "--transport", "http"]}


def _judge(box: Toolbox, era: str, name: str, target: list[str]) -> str:
    def ask(*method: str) -> Any:
        how = ["--protocol-era", era, "--connect-timeout", str(_CONNECT_TIMEOUT_MS), "--format", "json"]
        command = [box.program("mcp-inspector"), "--cli", *target, *how, *method]
        return json.loads(run_step(_GATE, command, environment=box.environment))

    tools = ask("--method", "tools/list", "--strict")["result"]["tools"]
    if len(tools) != len(OPERATIONS):
        raise FailedError(f"{name}, {era}: {len(tools)} tools")
    call = ["--method", "tools/call", "--tool-name", "project_get", "--tool-arg", f"project_id={_PROJECT}"]
    answer = ask(*call)["result"]
    if answer.get("isError") or answer["structuredContent"]["id"] != _PROJECT:
        raise FailedError(f"{name}, {era}: {answer}")
    return f"{name}, {era} era: {len(tools)} tools, strict finds nothing; project_get answers"
