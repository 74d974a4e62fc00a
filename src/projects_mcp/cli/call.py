"""The tools for scripts and terminals: `projects-mcp call` and `projects-mcp tools`. Needs no MCP."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import anyio
import anyio.to_thread

from projects_mcp.config.settings import Settings
from projects_mcp.gateway.context import Approver, Consent
from projects_mcp.policy.confirmation import ConfirmationRequest
from projects_mcp.runner.build import build_runner
from projects_mcp.runner.runner import Result, ToolRunner
from projects_mcp.tools.catalog import CATALOG
from projects_mcp.tools.tool import Tool

__all__ = ["UsageError", "described", "run_call", "run_tools"]

DONE, FAILED, USAGE = 0, 1, 2

_BY_NAME: Final[Mapping[str, Tool]] = {tool.name: tool for tool in CATALOG}


class UsageError(Exception):
    """The command line cannot be understood."""


def run_call(settings: Settings, tool: str, pairs: Sequence[str], json_text: str | None) -> int:
    """Run one tool, print its answer on stdout as JSON or the reason of a refusal on stderr.

    Raises:
        UsageError: there is no such tool, or the arguments cannot be parsed.
    """
    if tool not in _BY_NAME:
        raise UsageError(f"there is no tool named {tool!r:.60}; see: projects-mcp tools")
    arguments = _arguments(_BY_NAME[tool], pairs, json_text)
    person = TerminalApprover() if sys.stdin.isatty() and sys.stderr.isatty() else None
    result = anyio.run(_once, build_runner(settings), tool, arguments, person)
    if result.failed:
        print(result.text, file=sys.stderr)
        return USAGE if (result.error or {}).get("kind") == "invalid_argument" else FAILED
    print(json.dumps(result.body, ensure_ascii=False, indent=2) if sys.stdout.isatty() else result.text)
    return DONE


def run_tools(settings: Settings, *, as_json: bool) -> int:
    """List the tools: all, with the reason why some are hidden, or as JSON those that are offered."""
    hidden = anyio.run(_hidden, build_runner(settings))
    if as_json:
        print(json.dumps([described(tool) for tool in CATALOG if tool.name not in hidden], indent=2))
        return DONE
    width = max(map(len, _BY_NAME))
    for tool in CATALOG:
        state = "hidden" if tool.name in hidden else tool.effect.value
        print(f"{tool.name:{width}}  {state:8}{hidden.get(tool.name, tool.title)}")
    return DONE


def described(tool: Tool) -> dict[str, Any]:
    """Return a tool as MCP publishes it."""
    hints = tool.effect.hints
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": {
            "readOnlyHint": hints.read_only,
            "destructiveHint": hints.destructive,
            "idempotentHint": hints.idempotent,
            "openWorldHint": hints.open_world,
        },
    }


async def _hidden(dispatcher: ToolRunner) -> dict[str, str]:
    try:
        return await dispatcher.hidden_tools()
    finally:
        await dispatcher.aclose()


async def _once(dispatcher: ToolRunner, tool: str, arguments: Mapping[str, Any], person: Approver | None) -> Result:
    try:
        return await dispatcher.call(tool, arguments, person)
    finally:
        await dispatcher.aclose()


class TerminalApprover:
    """Asks whoever sits at the terminal."""

    async def request_consent(self, question: ConfirmationRequest) -> Consent:
        print(question.text, file=sys.stderr)
        print("Type yes to go on: ", end="", file=sys.stderr, flush=True)
        line = await anyio.to_thread.run_sync(sys.stdin.readline)
        if not line:
            return Consent.NOT_CHANGED
        return Consent.ACCEPTED if line.strip() == "yes" else Consent.DECLINED


def _arguments(tool: Tool, pairs: Sequence[str], json_text: str | None) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if json_text is not None:
        arguments = _object(sys.stdin.read() if json_text == "-" else json_text)
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError("arguments are written as key=value, or all together as --json OBJECT")
        _put(arguments, tool, name, text)
    return arguments


def _put(arguments: dict[str, Any], tool: Tool, name: str, text: str) -> None:
    """Store one argument. `settings.timezone` reaches inside an object."""
    outer, dot, inner = name.partition(".")
    schema = tool.arguments["properties"].get(outer, {})
    if not dot:
        arguments[name] = _value(schema, text)
        return
    place = arguments.setdefault(outer, {})
    if not isinstance(place, dict):
        raise UsageError(f"{outer} is given whole and in part")
    place[inner] = _value(schema.get("properties", {}).get(inner, {}), text)


def _value(schema: Mapping[str, Any], text: str) -> Any:
    """Read a value as the schema means it: texts as they are, lists also as a,b,c, the rest as JSON."""
    if schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if schema.get("type") == "array":
            return [part for part in (part.strip() for part in text.split(",")) if part]
        return text


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError("--json takes one JSON object") from None
    if not isinstance(value, dict):
        raise UsageError("--json takes one JSON object")
    return value
