"""Count the requests of a caller in its rate limit, whatever they ask."""

from __future__ import annotations

from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError

from projects_mcp.errors.refusals import TooManyCalls
from projects_mcp.protocol.caller_token import runner_of_request
from projects_mcp.runner.runner import ToolRunner

__all__ = ["RequestLimit"]

_UNCOUNTED: Final = frozenset({"initialize", "server/discover", "ping"})
"""Requests that ask nothing of this server but its presence."""
_RATE_LIMITED: Final = -32_000
"""A code that JSON-RPC leaves to servers. The data of the error say the kind."""


class RequestLimit:
    """Middleware of the SDK that counts lists, resources, prompts and completions.

    A call of a tool is counted by its tool runner, which refuses it as tools refuse, and records that.

    Args:
        default: the tool runner of requests without a caller.
    """

    def __init__(self, default: ToolRunner) -> None:
        self._default = default

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Handle one message.

        Raises:
            MCPError: -32000, the rate limit is used up; its data say the seconds to wait.
        """
        if ctx.request_id is not None and ctx.method not in _UNCOUNTED and ctx.method != "tools/call":
            self.count()
        return await call_next(ctx)

    def count(self) -> None:
        """Count the present request.

        Raises:
            MCPError: as above.
        """
        limiter = runner_of_request(self._default).rate_limiter
        if limiter is None:
            return
        try:
            limiter.take()
        except TooManyCalls as refusal:
            raise MCPError(
                code=_RATE_LIMITED,
                message=f"Too many calls: {refusal.limit}. Try again in {refusal.retry_after_s} seconds.",
                data={"kind": refusal.kind, "retry_after_s": refusal.retry_after_s, "retryable": True},
            ) from None
