"""The Model Context Protocol: the server, and its transport over stdio."""
