"""Where an SDK sends events to, which on PostHog's Cloud is another host than that of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["ingestion_host"]

_OF_CLOUD: Final[Mapping[str, str]] = {
    "https://us.posthog.com": "https://us.i.posthog.com",
    "https://app.posthog.com": "https://us.i.posthog.com",
    "https://eu.posthog.com": "https://eu.i.posthog.com",
}


def ingestion_host(origin: str) -> str:
    """Return the address that an SDK is given as its host: of a self-hosted PostHog the same one."""
    return _OF_CLOUD.get(origin, origin)
