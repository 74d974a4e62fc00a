"""Who is kept from which projects, for the tests of calls and of commands about many of them."""

from collections.abc import Mapping
from typing import NamedTuple

from projects_mcp.sandbox import ACME_ID, DEMO_ID, MOBILE_ID, PRODUCTION_ID, STAGING_ID

OPEN = [PRODUCTION_ID, STAGING_ID]
CLOSED = [MOBILE_ID, DEMO_ID]
ZONE = "Pacific/Apia"
"""By which what is closed is known wherever it is shown."""


class Restriction(NamedTuple):
    """Who calls, and which projects are closed to them.

    Attributes:
        closed: those projects.
        settings: of the server.
        organizations: of the caller; None for whoever has started the server.
        organization: that the calls name, or that a file is about.
    """

    closed: list[int]
    settings: Mapping[str, str] = {}
    organizations: tuple[str, ...] | None = None
    organization: str = ACME_ID
