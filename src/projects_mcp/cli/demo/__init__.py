"""`projects-mcp demo`."""
