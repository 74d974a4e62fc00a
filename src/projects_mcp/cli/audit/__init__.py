"""`projects-mcp audit`: find out whether an audit log is as it was written, and what its signatures prove."""
