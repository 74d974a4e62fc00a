"""Checks by the protocol's own tools and clients, and by those that publish a package: `python -m dev.conformance`."""
