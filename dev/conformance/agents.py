"""Libraries that agents are built with: each makes its own tools of ours, and works with them. No model is needed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from dev.conformance.servers import COMMAND, serve_tools
from dev.environments import CACHE, ROOT
from dev.gate import FailedError, last_lines, run_step
from dev.toolbox import Toolbox
from projects_mcp.api.operations import OPERATIONS

__all__ = ["agents", "converters", "crewai", "node"]

_SCRIPTS: Final = ROOT / "dev" / "conformance" / "libraries"
_EXPECTED: Final[Mapping[str, str]] = {}
"""What fails, and why. It must leave this table when it passes."""
_LONGEST: Final = 300
"""Characters of what a script says last."""
_AGENTS: Final[Mapping[str, str]] = {
    "sdk_1x": "agents",
    "sdk_2x": "second-line",
    "fastmcp": "second-line",
    "langchain": "agents",
    "openai_agents": "agents",
    "pydantic_ai": "agents",
    "mcp_use": "agents",
    "google_adk": "agents",
}
"""The scripts, in the order in which they run, and the environment of each."""


def converters(box: Toolbox) -> list[str]:
    """Have every converter make its schemas of those that we publish."""
    return _run_all("converters", [_python(box, name, "converters", _stdio()) for name in ("agents", "second-line")])


def agents(box: Toolbox) -> list[str]:
    """List, create, read, change and delete with each library for Python, over both transports."""
    with serve_tools("agents") as address:
        plans = (_stdio(), _http(address))
        return _run_all(
            "agents", [_python(box, where, script, plan) for script, where in _AGENTS.items() for plan in plans]
        )


def crewai(box: Toolbox) -> list[str]:
    """Do the same with CrewAI, which needs an environment of its own."""
    with serve_tools("crewai") as address:
        return _run_all("crewai", [_python(box, "crewai", "crewai", plan) for plan in (_stdio(), _http(address))])


def node(box: Toolbox) -> list[str]:
    """Do the same with both lines of the SDK for TypeScript, the AI SDK, and mcp-remote."""
    program = str(box.node / "node")
    environment = {**box.environment, "MCP_REMOTE_CONFIG_DIR": str(CACHE / "mcp-remote")}
    with serve_tools("node-libraries") as address:
        commands = [
            [program, str(_SCRIPTS / script), json.dumps({**plan, "modules": str(box.modules)})]
            for script, plan in _node_plans(box, address)
        ]
        return _run_all("node-libraries", commands, environment)


def _node_plans(box: Toolbox, address: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for plan in (_stdio(), _http(address)):
        yield from (("sdk.mjs", {**plan, "line": 1}), ("sdk.mjs", {**plan, "line": 2}), ("ai_sdk.mjs", plan))
    proxy = str(box.modules / "mcp-remote" / "dist" / "proxy.js")
    for spelling in (address, f"{address}/"):
        how = f"mcp-remote to {'/'.join(['', *spelling.split('/')[3:]])}"
        yield "sdk.mjs", {**_stdio(str(box.node / "node"), proxy, spelling), "line": 1, "how": how}


def _stdio(command: str = COMMAND, *arguments: str) -> dict[str, Any]:
    return {"command": command, "args": list(arguments), "tools": len(OPERATIONS)}


def _http(address: str) -> dict[str, Any]:
    return {"url": address, "tools": len(OPERATIONS)}


def _python(box: Toolbox, environment: str, script: str, plan: Mapping[str, Any]) -> list[str]:
    return [str(box.libraries(environment)), "-m", f"dev.conformance.libraries.{script}", json.dumps(plan)]


def _run_all(gate: str, commands: list[list[str]], environment: Mapping[str, str] | None = None) -> list[str]:
    """Run all scripts, two at a time, and return what they said.

    Raises:
        FailedError: with what each said that failed, after all have run.
    """
    # They were installed without bytecode. What one process compiles, the next one need not.
    given = {name: value for name, value in (environment or os.environ).items() if name != "PYTHONDONTWRITEBYTECODE"}

    def run(command: list[str]) -> tuple[list[str], list[str]]:
        plan = json.loads(command[-1])
        name = f"{Path(command[-2]).name}, {plan.get('how', 'http' if 'url' in plan else 'stdio')}"
        try:
            said = last_lines(run_step(gate, command, environment=given), 20)
        except FailedError as error:
            if name in _EXPECTED:
                return [f"{name}: fails as expected: {_EXPECTED[name]}"], []
            return [], [f"{name}: {last_lines(str(error), 1)[0][:_LONGEST]}"]
        return said, [f"{name}: passes now, so it must leave the table of what fails"] if name in _EXPECTED else []

    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(run, commands))
    if wrong := [line for _, failed in ended for line in failed]:
        raise FailedError("\n".join(wrong))
    return [line for said, _ in ended for line in said if " tools" in line or line.endswith(tuple(_EXPECTED.values()))]
