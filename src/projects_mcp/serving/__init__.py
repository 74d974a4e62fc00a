"""Serving over HTTP: who comes in, and what happens before anything of MCP is read. Knows nothing of MCP."""
