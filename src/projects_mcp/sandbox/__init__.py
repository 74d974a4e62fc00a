"""An in-memory PostHog that answers the 13 operations of the Projects API as PostHog does.

It is for trying a client, for tests and for demonstrations. It imports nothing from the rest of this package, opens no
socket and keeps nothing: reach it in process with an ASGI transport, or serve it with any ASGI server.

    from projects_mcp.sandbox import READ_WRITE_KEY, seed
    from projects_mcp.sandbox.app import create_app

    world = seed()
    app = create_app(world)

`seed` makes a world with two organizations, two people and five projects. Its credentials are invented and work nowhere
else:

- `READ_ONLY_KEY`: the admin's, ``project:read``.
- `READ_WRITE_KEY`: the admin's, ``project:read`` and ``project:write``.
- `ALL_ACCESS_KEY`: the admin's, every scope (``*``).
- `NO_SCOPE_KEY`: the admin's, ``insight:read`` only, so nothing with projects.
- `ONE_PROJECT_KEY`: the admin's, reading and writing the production project only.
- `ONE_ORGANIZATION_KEY`: the admin's, reading and writing in Acme Analytics only.
- `MEMBER_KEY`: the member's, reading and writing with a plain member's role in Acme Analytics.
- `OAUTH_TOKEN`: the admin's OAuth access token, reading and writing, not throttled and not introspectable.
- `SESSION_ID` and `CSRF_TOKEN`: the admin's browser session, the cookies ``sessionid`` and ``posthog_csrftoken``.

The ids: `ACME_ID` and `NORTHWIND_ID` are organizations; `PRODUCTION_ID`, `STAGING_ID`, `MOBILE_ID` and `DEMO_ID` are
Acme's projects and `NORTHWIND_PROJECT_ID` is Northwind's; `ADMIN_ID` and `MEMBER_ID` are people. `Behaviour` makes the
world another version of PostHog. Importing this module does not import the web framework, which only
`projects_mcp.sandbox.app` needs.
"""

from __future__ import annotations

from projects_mcp.sandbox.seed import (
    ACME_ID,
    ADMIN_ID,
    ALL_ACCESS_KEY,
    CSRF_TOKEN,
    DEMO_ID,
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
    seed,
)
from projects_mcp.sandbox.world.behaviour import Behaviour, RateLimits
from projects_mcp.sandbox.world.state import World

__all__ = [
    "ACME_ID",
    "ADMIN_ID",
    "ALL_ACCESS_KEY",
    "CSRF_TOKEN",
    "DEMO_ID",
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
    "Behaviour",
    "RateLimits",
    "World",
    "seed",
]
