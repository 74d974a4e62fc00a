"""Clients that answer a server's questions wrongly, and what the server makes of it. README.md says how to run them."""
