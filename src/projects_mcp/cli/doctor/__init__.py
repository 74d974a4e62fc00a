"""`projects-mcp doctor`."""
