"""Serving over Streamable HTTP."""
