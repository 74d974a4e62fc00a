"""Decides what may happen and what may be shown. Does no I/O and knows nothing of MCP."""
