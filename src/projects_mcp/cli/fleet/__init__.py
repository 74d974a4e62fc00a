"""`projects-mcp audit`, `compare` and `export`: the settings of many projects, for people and for scripts."""
