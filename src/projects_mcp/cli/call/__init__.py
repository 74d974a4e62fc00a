"""`projects-mcp call`: one tool from a script or a terminal."""
