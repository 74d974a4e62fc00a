"""MCP as bytes, for a driver that must not be what is measured: requests rendered before, answers hardly parsed."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["LIST_TOOLS", "Failed", "answered", "call_tool", "http_request", "request"]

_VERSION: Final = "2026-07-28"
_META: Final = {
    "io.modelcontextprotocol/protocolVersion": _VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
}
LIST_TOOLS: Final = "tools/list"
_CALL_TOOL: Final = "tools/call"
_ID: Final = re.compile(rb'"id":\s*(\d+)')
_HEAD: Final = 200
"""An answer's id stands before its result, and a result may hold an `id` of its own."""


class Failed(Exception):
    """A subject did not answer, or not what it should. The measure of that subject is worth nothing."""


def request(number: int, method: str = LIST_TOOLS, params: Mapping[str, Any] | None = None) -> bytes:
    """Render one request of the protocol's revision 2026-07-28, which needs no handshake, as one line."""
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": {**(params or {}), "_meta": _META}}
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def call_tool(number: int, tool: str, arguments: Mapping[str, Any]) -> bytes:
    """Render one call of a tool."""
    return request(number, _CALL_TOOL, {"name": tool, "arguments": dict(arguments)})


def http_request(body: bytes, port: int, tool: str = "") -> bytes:
    """Wrap a request as a POST to a server on this machine, with the headers that repeat what the body says."""
    name = f"Mcp-Name: {tool}\r\n" if tool else ""
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        "Accept: application/json, text/event-stream\r\n"
        f"MCP-Protocol-Version: {_VERSION}\r\nMcp-Method: {_CALL_TOOL if tool else LIST_TOOLS}\r\n{name}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def answered(line: bytes) -> int | None:
    """Return which request an answer is for; None for a line that is no answer.

    Raises:
        Failed: it is an error, or the result of a tool that failed.
    """
    found = _ID.search(line, 0, _HEAD)
    if found is None:
        return None
    if b'"result"' not in line or b'"isError":true' in line:
        raise Failed(line[:300].decode(errors="replace"))
    return int(found[1])
