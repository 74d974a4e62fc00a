"""Manage PostHog projects safely from an AI assistant, over the Model Context Protocol."""

from __future__ import annotations

from projects_mcp._version import __version__

__all__ = ["__version__"]
