"""What every message passes before the SDK: the rate limit, the identity in results, and the cursors of lists."""

from __future__ import annotations

from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from projects_mcp.errors.refusals import TooManyCalls
from projects_mcp.protocol.caller_token import runner_of_request
from projects_mcp.runner.runner import ToolRunner

__all__ = ["RequestLimit", "complete_identity", "refuse_cursors"]

_UNCOUNTED: Final = frozenset({"initialize", "server/discover", "ping"})
"""Requests that ask nothing of this server but its presence."""
_RATE_LIMITED: Final = -32_000
"""A code that JSON-RPC leaves to servers. The data of the error say the kind."""
_LISTS: Final = frozenset({"tools/list", "resources/list", "resources/templates/list", "prompts/list"})
_UNKNOWN_CURSOR: Final = "Unknown cursor: this list has one page. Ask for it without a cursor."
_SERVER_INFO: Final = "io.modelcontextprotocol/serverInfo"
_LARGE: Final = ("icons", "websiteUrl")
"""Parts of the identity that `server/discover` and `initialize` tell; the other results leave them out."""


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
            await self.count()
        return await call_next(ctx)

    async def count(self) -> None:
        """Count the present request.

        Raises:
            MCPError: as above.
        """
        limiter = runner_of_request(self._default).rate_limiter
        if limiter is None:
            return
        try:
            await limiter.take()
        except TooManyCalls as refusal:
            raise MCPError(
                code=_RATE_LIMITED,
                message=f"Too many calls: {refusal.limit}. Try again in {refusal.retry_after_s} seconds.",
                data={"kind": refusal.kind, "retry_after_s": refusal.retry_after_s, "retryable": True},
            ) from None


async def complete_identity(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Handle one message: name every revision if a client asks for them, and keep the other results small.

    Revision 2026-07-28 puts the identity into each result, and there the picture would be most of it.
    """
    result = await call_next(ctx)
    if not isinstance(result, dict):
        return result
    if ctx.method == "server/discover":
        return {**result, "supportedVersions": [*MODERN_PROTOCOL_VERSIONS, *reversed(HANDSHAKE_PROTOCOL_VERSIONS)]}
    meta = result.get("_meta")
    identity = meta.get(_SERVER_INFO) if isinstance(meta, dict) else None
    if isinstance(identity, dict):
        for name in _LARGE:
            identity.pop(name, None)  # the SDK makes a new one for each result
    return result


async def refuse_cursors(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Handle one message: every list has one page, so that this server has never given out a cursor.

    An empty cursor is taken for none, as clients send it for the first page.

    Raises:
        MCPError: -32602, a list was asked for from a cursor.
    """
    if ctx.method in _LISTS and (ctx.params or {}).get("cursor"):
        raise MCPError(code=INVALID_PARAMS, message=_UNKNOWN_CURSOR)
    return await call_next(ctx)
