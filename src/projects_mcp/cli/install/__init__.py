"""`projects-mcp install`."""
