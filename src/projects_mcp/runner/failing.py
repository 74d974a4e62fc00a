"""The result of a call that was refused or failed."""

from __future__ import annotations

from projects_mcp.errors.context import FailureContext
from projects_mcp.errors.explain import Explanation
from projects_mcp.gateway.context import ToolContext
from projects_mcp.runner.result import ToolResult
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.tools.tool import Tool

__all__ = ["failed", "failure_context"]


def failure_context(tool: Tool, context: ToolContext | None, origin: str, redactor: Redactor) -> FailureContext:
    """Return what the words of a failure depend on.

    Args:
        tool: what was called.
        context: of the call, if it came so far.
        origin: where PostHog is.
        redactor: removes secrets.
    """
    at = FailureContext(tool.name, tool.effect, origin, redactor)
    if context is None:
        return at
    organizations = sorted(map(str, context.authorization.key_organizations))
    return at._replace(write_left=context.write_left, key_organizations=organizations)


def failed(explanation: Explanation, redactor: Redactor) -> ToolResult:
    """Return the words of a failure, and its part for programs, as a result."""
    return ToolResult(redactor.text(explanation.text), error=redactor.value(dict(explanation.detail)))
