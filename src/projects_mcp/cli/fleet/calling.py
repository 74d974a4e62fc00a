"""Call tools one after the other, and wait where the limits of a key want it. Imports no MCP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import anyio

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.complaints import tell_failure
from projects_mcp.cli.exit_codes import code_of_failure
from projects_mcp.cli.interruption import watch
from projects_mcp.cli.terminal import erase_progress, show_progress
from projects_mcp.config.settings import Settings
from projects_mcp.runner.build import build_runner, open_state
from projects_mcp.runner.result import ToolResult
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.tools.tool import Tool

__all__ = ["CallError", "call", "pause", "run_with_runner"]

_MOST_WAITS: Final = 10
"""Waits for one call, after which its refusal stands."""


class CallError(Exception):
    """A call was refused or failed. `result` says why."""

    def __init__(self, result: ToolResult) -> None:
        super().__init__(result.text)
        self.result = result

    @property
    def exit_code(self) -> int:
        """The code of the command that made the call."""
        return code_of_failure(self.result.error)


def run_with_runner(settings: Settings, work: Callable[[ToolRunner], Awaitable[int]]) -> int:
    """Run a command that makes calls. Print why one was refused on stderr.

    Args:
        settings: of the server.
        work: makes the calls, prints, and returns the exit code.
    """
    runner = build_runner(settings, store=open_state(settings))
    watch(runner.writes)

    async def run() -> int:
        try:
            return await work(runner)
        finally:
            await runner.aclose()

    try:
        return anyio.run(run)
    except CallError as error:
        tell_failure(error.result.text, error.result.error or {})
        return error.exit_code


async def call(runner: ToolRunner, name: str | Tool, arguments: Mapping[str, Any]) -> JSONObject:
    """Make a call that reads, and again where the limits of the key want it later.

    Raises:
        CallError: it was refused or failed.
    """
    for waits in range(_MOST_WAITS + 1):
        result = await runner.call(name, arguments)
        if result.body is not None:
            return result.body
        wait_s = (result.error or {}).get("retry_after_s")
        if wait_s is None or waits == _MOST_WAITS:
            raise CallError(result)
        await pause(wait_s)
    raise AssertionError("the last refusal was raised")


async def pause(seconds: float, why: str = "so as not to use up what PostHog allows the key") -> None:
    """Wait, and say at a terminal how long and why. Several that wait at a time share the one line."""
    show_progress(f"Waiting {seconds:.0f} s, {why}.")
    try:
        await anyio.sleep(seconds)
    finally:
        erase_progress()
