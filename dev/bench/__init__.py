"""Measure this server beside two others that do the same: `python -m dev.bench`, or `make bench`.

The peers are a bare server of the `mcp` SDK, as one writes it in an afternoon, and one that FastMCP makes from an
OpenAPI document. All are processes of their own, in environments of their own, and speak to one scripted upstream.
"""
