"""PostHog's own secret fields: what is shown of each in place of its value, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from projects_mcp.sanitize.patterns import REDACTED

__all__ = [
    "FIELDS",
    "MASKED",
    "MASKED_FIELDS",
    "PRESENCE",
    "WITHHELD_FIELDS",
    "Rule",
    "Treatment",
    "masked",
    "presence",
    "token_ending",
]

_SHORTEST_MASKED: Final = 13
"""Below this a mask of eight characters would show more than half of the secret."""
PRESENCE: Final = ("absent", "present")
"""What is shown in the place of a withheld value."""
MASKED: Final = re.compile(r"[^.]{4}\.\.\.[^.]{4}")
"""What `masked` makes of a secret."""


class Treatment(Enum):
    """What happens to the value of a field that holds a secret."""

    MASK = "mask"
    WITHHOLD = "withhold"


class Rule(NamedTuple):
    """How one of PostHog's fields is treated, and why."""

    treatment: Treatment
    reason: str


FIELDS: Final[Mapping[str, Rule]] = {
    "secret_api_token": Rule(Treatment.MASK, "Reads flag definitions and signs widgets on the customer's servers."),
    "secret_api_token_backup": Rule(Treatment.MASK, "The former server-side secret, which works until it is dropped."),
    "live_events_token": Rule(Treatment.WITHHOLD, "A bearer token for the stream of all events, valid for seven days."),
    "heatmaps_screenshot_secret": Rule(Treatment.WITHHOLD, "Lets its holder fetch pages as the screenshot service."),
    "slack_incoming_webhook": Rule(Treatment.WITHHOLD, "Anybody with the address can post into the customer's Slack."),
}
"""PostHog's own secret fields. `api_token` (`phc_`) is missing on purpose: it is public, in every web page."""

MASKED_FIELDS: Final = tuple(name for name, rule in FIELDS.items() if rule.treatment is Treatment.MASK)
WITHHELD_FIELDS: Final = tuple(name for name, rule in FIELDS.items() if rule.treatment is Treatment.WITHHOLD)


def masked(secret: str) -> str:
    """Show the first and the last four characters, as PostHog's own pages do; nothing of a short secret."""
    if MASKED.fullmatch(secret):
        return secret
    return f"{secret[:4]}...{secret[-4:]}" if len(secret) >= _SHORTEST_MASKED else REDACTED


def token_ending(token: object) -> str:
    """Name a token or secret by its kind and last four characters, or say that there is none."""
    return masked(token) if isinstance(token, str) and token else "none"


def presence(value: object) -> str:
    """Say whether a withheld field has a value."""
    return "present" if value else "absent"
