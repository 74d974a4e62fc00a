"""Clients that other people's programs are built on: both lines of the SDK for TypeScript, and the first for Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from dev.conformance.servers import COMMAND, serve_tools
from dev.gate import last_lines, run_step
from dev.toolbox import Toolbox
from projects_mcp.api.operations import OPERATIONS

__all__ = ["python", "typescript"]

_HERE: Final = Path(__file__).resolve().parent
_ASK_OR_REFUSE: Final = ("--confirmation", "human")
"""So that whoever cannot be asked is refused. Over HTTP, clients before 2026-07-28 cannot: there are no sessions."""


def typescript(box: Toolbox) -> list[str]:
    """List, call, be asked and walk away with each line of the SDK, over both transports."""
    node, script = str(box.node / "node"), str(_HERE / "client.mjs")
    with serve_tools("typescript", *_ASK_OR_REFUSE) as address:
        return [
            _journey(f"SDK {line}.x", "typescript", [node, script], {"modules": str(box.modules), "line": line, **plan})
            for line in (1, 2)
            for plan in _plans(address, asks_over_http=line > 1)
        ]


def python(box: Toolbox) -> list[str]:
    """List, call and be asked with the first line of the SDK, over both transports."""
    client = [str(box.sdk_1x), str(_HERE / "client_1x.py")]
    with serve_tools("python-1.x", *_ASK_OR_REFUSE) as address:
        return [_journey("SDK 1.x", "python-1.x", client, plan) for plan in _plans(address, asks_over_http=False)]


def _plans(address: str, *, asks_over_http: bool) -> list[dict[str, Any]]:
    return [
        {"command": COMMAND, "asks": True, "tools": len(OPERATIONS)},
        {"url": address, "asks": asks_over_http, "tools": len(OPERATIONS)},
    ]


def _journey(name: str, gate: str, client: list[str], plan: dict[str, Any]) -> str:
    said = last_lines(run_step(gate, [*client, json.dumps(plan)]), 1)[0]
    return f"{name}, {'http' if 'url' in plan else 'stdio'}: {said}"
