"""`projects-mcp call`: run one tool from a script or a terminal. Imports no MCP."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import anyio

from projects_mcp.api.outcome import Outcome
from projects_mcp.cli.exit_codes import DONE, FAILED, USAGE
from projects_mcp.cli.terminal import say
from projects_mcp.config.settings import Settings
from projects_mcp.policy.confirmation import Approver, ConfirmationRequest, Consent
from projects_mcp.runner.build import build_runner, open_state
from projects_mcp.runner.result import ToolResult
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.json_text import indented_json
from projects_mcp.tools.catalog import CATALOG
from projects_mcp.tools.tool import Tool

__all__ = ["UsageError", "run_call"]

_TOOLS: Final[Mapping[str, Tool]] = {tool.name: tool for tool in CATALOG}


class UsageError(Exception):
    """The command line cannot be understood."""


def run_call(settings: Settings, name: str, words: Sequence[str], *, as_json: bool) -> int:
    """Run one tool. Print its result on stdout as JSON, or the reason of a refusal on stderr.

    Args:
        settings: of the server.
        name: the tool's name.
        words: arguments as `name=value`, and at most one JSON object of arguments, under which they stand; `-` reads
            that from stdin.
        as_json: print one line of JSON at a terminal too.

    Returns:
        The exit code: also 1 if PostHog ignored everything that was sent, although there is a receipt.

    Raises:
        UsageError: there is no such tool, or the arguments cannot be parsed.
    """
    if name not in _TOOLS:
        raise UsageError(f"there is no tool named {name!r:.60}; see: projects-mcp tools")
    arguments = _parse_arguments(_TOOLS[name], words)
    approver = TerminalApprover() if sys.stdin.isatty() and sys.stderr.isatty() else None
    runner = build_runner(settings, store=open_state(settings))
    result = anyio.run(_call_once, runner, name, arguments, approver)
    if result.failed:
        say(result.text, error=True)
        return USAGE if (result.error or {}).get("kind") == "invalid_argument" else FAILED
    say(indented_json(result.body) if sys.stdout.isatty() and not as_json else result.text)
    ignored = result.body is not None and result.body.get("outcome") == Outcome.NOT_APPLIED.value
    return FAILED if ignored else DONE


async def _call_once(
    runner: ToolRunner, name: str, arguments: Mapping[str, Any], approver: Approver | None
) -> ToolResult:
    try:
        return await runner.call(name, arguments, approver)
    finally:
        await runner.aclose()


class TerminalApprover:
    """Requests consent from the person at the terminal."""

    async def request_consent(self, question: ConfirmationRequest) -> Consent:
        """Print a confirmation request on stderr and read the answer from stdin. Only `yes` accepts."""
        say(question.text, error=True)
        say("Type yes to go on: ", error=True, end="")
        # Nothing else waits for the event loop of this one call, and Ctrl+C ends the process only outside a thread.
        former = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            line = sys.stdin.readline()
        finally:
            signal.signal(signal.SIGINT, former)
        if not line:
            return Consent.CLOSED
        return Consent.ACCEPTED if line.strip() == "yes" else Consent.DECLINED


def _parse_arguments(tool: Tool, words: Sequence[str]) -> dict[str, Any]:
    objects = [word for word in words if word == "-" or word.lstrip()[:1] in {"{", "["}]
    if len(objects) > 1:
        raise UsageError("the arguments are one JSON object, and there are two")
    arguments = _parse_object(sys.stdin.read() if objects[0] == "-" else objects[0]) if objects else {}
    for pair in (word for word in words if word not in objects):
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError("arguments are written as NAME=VALUE, or all together as one JSON object")
        _set_argument(arguments, tool, name, text)
    return arguments


def _set_argument(arguments: dict[str, Any], tool: Tool, name: str, text: str) -> None:
    """Store one argument. `settings.timezone` sets one field of an object."""
    outer, dot, inner = name.partition(".")
    schema = tool.arguments["properties"].get(outer, {})
    if not dot:
        arguments[name] = _parse_value(schema, text)
        return
    fields = arguments.setdefault(outer, {})
    if not isinstance(fields, dict):
        raise UsageError(f"{outer!r:.60} is given whole and in part")
    fields[inner] = _parse_value(schema.get("properties", {}).get(inner, {}), text)


def _parse_value(schema: Mapping[str, Any], text: str) -> Any:
    """Parse a value by its schema: strings as they are, lists also as `a,b,c`, everything else as JSON."""
    if schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if schema.get("type") == "array":
            return [part for part in (part.strip() for part in text.split(",")) if part]
        return text


def _parse_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError('the arguments are one JSON object, such as {"project_id": 12345}') from None
    if not isinstance(value, dict):
        raise UsageError('the arguments are one JSON object, such as {"project_id": 12345}')
    return value
