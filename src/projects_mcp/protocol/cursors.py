"""Refuse cursors: every list of this server has one page, so that it has never given out any."""

from __future__ import annotations

from typing import Any, Final

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS

__all__ = ["refuse_cursors"]

_LISTS: Final = frozenset({"tools/list", "resources/list", "resources/templates/list", "prompts/list"})
_UNKNOWN: Final = "Unknown cursor: this list has one page. Ask for it without a cursor."


async def refuse_cursors(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Handle one message. A middleware. An empty cursor is taken for none, as clients send it for the first page.

    Raises:
        MCPError: -32602, a list was asked for from a cursor.
    """
    if ctx.method in _LISTS and (ctx.params or {}).get("cursor"):
        raise MCPError(code=INVALID_PARAMS, message=_UNKNOWN)
    return await call_next(ctx)
