"""Refuse a body that is no message. The SDK's own answer would quote it, and leave out its id."""

from __future__ import annotations

from typing import Final

from mcp_types import INVALID_REQUEST
from starlette.responses import Response

from projects_mcp.http.responses import json_response
from projects_mcp.protocol.stdio_messages import read_line

__all__ = ["refuse_unreadable"]

_SEARCHED_BYTES: Final = 65_536
"""The longest body in which an id is looked for. A longer one is answered without."""
_NO_BATCHES: Final = (
    "Invalid request: no batch is taken over HTTP. Nothing was done. Send each message in a request of its own."
)
_NO_ID: Final = "Invalid request: this is no JSON-RPC 2.0 message of MCP. Nothing was done."


def refuse_unreadable(body: bytes) -> Response:
    """Return the answer to a body that is no message: 400, with its id if that can be read (JSON-RPC 2.0, 5.1)."""
    if body.lstrip(b" \t\r\n").startswith(b"["):
        return _refusal(None, INVALID_REQUEST, _NO_BATCHES)
    searched = body if len(body) <= _SEARCHED_BYTES else b"{}"
    for error in read_line(searched.decode("utf-8", "replace"), None).errors:
        return _refusal(error.id, error.error.code, error.error.message)
    return _refusal(None, INVALID_REQUEST, _NO_ID)


def _refusal(number: int | str | None, code: int, message: str) -> Response:
    return json_response({"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}, 400)
