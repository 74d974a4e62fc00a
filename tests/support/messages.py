"""Requests of the newer protocol over HTTP, and their answers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MODERN = "2026-07-28"
ACCEPT = "application/json, text/event-stream"


@dataclass
class Answered:
    """An answer over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def result(self) -> dict[str, Any]:
        """The receipt or reading that a call has answered."""
        assert self.status == 200, (self.status, self.body)
        result = self.json["result"]
        assert not result.get("isError"), result
        value: dict[str, Any] = result["structuredContent"]
        return value

    @property
    def refusal(self) -> dict[str, Any]:
        """The machine-readable part of a refusal."""
        assert self.status == 200, (self.status, self.body)
        result = self.json["result"]
        assert result.get("isError"), result
        value: dict[str, Any] = result["_meta"]["projects-mcp/error"]
        return value

    @property
    def question(self) -> str:
        """The sealed state of the question that a call has answered."""
        assert self.status == 200, (self.status, self.body)
        result = self.json["result"]
        assert result.get("resultType") == "input_required", result
        return str(result["requestState"])


def message_of(method: str, params: Mapping[str, Any], *, asks: bool = False) -> dict[str, Any]:
    """A request of the newer protocol, from a client that can or cannot ask its person."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}} if asks else {},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}


def calling(
    tool: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    asks: bool = False,
    state: str | None = None,
    says: str = "accept",
) -> dict[str, Any]:
    """A call of a tool; with `state`, the round that brings the person's answer."""
    params: dict[str, Any] = {"name": tool, "arguments": dict(arguments or {})}
    if state is not None:
        params["requestState"] = state
        params["inputResponses"] = {"confirm": {"action": says, "content": {"confirm": True}}}
    return message_of("tools/call", params, asks=asks)
