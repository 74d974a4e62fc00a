"""Serves the fixtures over Streamable HTTP on this machine: `python -m conformance PORT`."""

from __future__ import annotations

import sys

import uvicorn

from conformance.events import KeptEvents
from conformance.server import ConformanceServer
from projects_mcp.assembly import assemble
from projects_mcp.config import load


def main() -> None:
    """Serve until it is stopped."""
    server = ConformanceServer(assemble(load({"PROJECTS_MCP_SANDBOX": "1"})))
    app = server.streamable_http_app(event_store=KeptEvents(), retry_interval=100)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")


main()
