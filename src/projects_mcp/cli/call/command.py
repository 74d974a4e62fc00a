"""`projects-mcp call`: run one tool from a script or a terminal. Imports no MCP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import anyio

from projects_mcp.api.outcome import Outcome
from projects_mcp.cli.call.approver import TerminalApprover
from projects_mcp.cli.call.arguments import ArgumentsError, read_arguments
from projects_mcp.cli.complaints import complain, complains_in_json, tell_failure
from projects_mcp.cli.exit_codes import DONE, FAILED, NOT_WRITTEN, UNKNOWN, USAGE, code_of_failure
from projects_mcp.cli.interruption import watch
from projects_mcp.cli.invocation import Invocation
from projects_mcp.cli.nearest import did_you_mean
from projects_mcp.cli.terminal import AnswerNotWrittenError, end_answer, say, silence_stdout
from projects_mcp.policy.confirmation import Approver
from projects_mcp.runner.build import build_runner, open_state
from projects_mcp.runner.result import ToolResult
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.text import on_one_line
from projects_mcp.tools.catalog import TOOLS

__all__ = ["run_call"]

_CODES: Final = {Outcome.NOT_APPLIED.value: FAILED, Outcome.UNKNOWN.value: UNKNOWN}
"""Exit codes of receipts: PostHog ignored all that was sent, or what became of it is not known."""


def run_call(invocation: Invocation, name: str, words: Sequence[str], *, as_json: bool) -> int:
    """Run one tool. Print its result on stdout, or the reason of a refusal on stderr.

    Args:
        invocation: has the settings.
        name: the tool's name.
        words: arguments as `name=value`, and at most one JSON object of arguments, under which they stand; `-` reads
            that from stdin.
        as_json: print one line of JSON.

    Returns:
        The exit code: also 1 if PostHog ignored everything that was sent, although there is a receipt.
    """
    settings = invocation.settings
    tool = TOOLS.get(name)
    if tool is None:
        near = did_you_mean(name, TOOLS) or " See: projects-mcp tools"
        return complain("call", f"There is no tool {on_one_line(name):.60}.{near}", USAGE, "usage")
    try:
        arguments = read_arguments(tool, words)
    except ArgumentsError as error:
        return complain("call", str(error), USAGE, "usage", more=f"See: projects-mcp call {name} --help")
    runner = build_runner(settings, store=open_state(settings))
    watch(runner.writes)
    result = anyio.run(_call_once, runner, name, arguments, TerminalApprover.find())
    if result.body is None:
        tell_failure(result.text, result.error or {})
        return code_of_failure(result.error)
    try:
        if as_json:
            say(result.text)
        else:
            from projects_mcp.cli.call.people import print_answer  # noqa: PLC0415 - a script does not wait for it

            print_answer(result.body, invocation.options)
        end_answer()
    except AnswerNotWrittenError as error:
        silence_stdout()
        tell_failure(f"The call was made, and its answer could not be written: {error}.", _unwritten(result))
        if not complains_in_json():
            say(result.text, error=True)
        return NOT_WRITTEN
    return _CODES.get(result.body.get("outcome", ""), DONE)


async def _call_once(
    runner: ToolRunner, name: str, arguments: Mapping[str, Any], approver: Approver | None
) -> ToolResult:
    try:
        return await runner.call(name, arguments, approver)
    finally:
        await runner.aclose()


def _unwritten(result: ToolResult) -> Mapping[str, Any]:
    body = result.body or {}
    return {"kind": "answer_not_written", "outcome": body.get("outcome"), "request_sent": True, "answer": body}
