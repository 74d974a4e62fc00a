"""An in-memory PostHog that responds to the operations of the Projects API as PostHog does.

It is for trying a client, for tests and for demonstrations. It imports nothing else of this package, stores nothing,
and opens no socket: send requests through an ASGI transport, or serve it with any ASGI server.

    from projects_mcp.sandbox import READ_WRITE_KEY, seed
    from projects_mcp.sandbox.app import create_app

    app = create_app(seed())

The ids and credentials of the initial world are documented in `projects_mcp.sandbox.seed`;
`projects_mcp.sandbox.world_file` builds a chosen one. `VERSIONS` holds the versions of PostHog, as sets of switches of
`Behaviour`. Only `projects_mcp.sandbox.app` imports the web framework.
"""

from __future__ import annotations

from projects_mcp.sandbox.seed import (
    ACME_ID,
    ADMIN_ID,
    ALL_ACCESS_KEY,
    CSRF_TOKEN,
    DEMO_ID,
    LEGACY_KEY,
    MEMBER_ID,
    MEMBER_KEY,
    MOBILE_ID,
    NO_SCOPE_KEY,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    OAUTH_TOKEN,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    READ_ONLY_KEY,
    READ_WRITE_KEY,
    SESSION_ID,
    STAGING_ID,
    TEAM_READ_KEY,
    seed,
)
from projects_mcp.sandbox.versions import CURRENT, VERSIONS
from projects_mcp.sandbox.world.behaviour import Behaviour, RateLimits
from projects_mcp.sandbox.world.slow_writes import SlowWrites
from projects_mcp.sandbox.world.state import World

__all__ = [
    "ACME_ID",
    "ADMIN_ID",
    "ALL_ACCESS_KEY",
    "CSRF_TOKEN",
    "CURRENT",
    "DEMO_ID",
    "LEGACY_KEY",
    "MEMBER_ID",
    "MEMBER_KEY",
    "MOBILE_ID",
    "NORTHWIND_ID",
    "NORTHWIND_PROJECT_ID",
    "NO_SCOPE_KEY",
    "OAUTH_TOKEN",
    "ONE_ORGANIZATION_KEY",
    "ONE_PROJECT_KEY",
    "PRODUCTION_ID",
    "READ_ONLY_KEY",
    "READ_WRITE_KEY",
    "SESSION_ID",
    "STAGING_ID",
    "TEAM_READ_KEY",
    "VERSIONS",
    "Behaviour",
    "RateLimits",
    "SlowWrites",
    "World",
    "seed",
]
