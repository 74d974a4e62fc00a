"""Speaks HTTP to PostHog's Projects API. Knows nothing of MCP, and decides nothing."""
