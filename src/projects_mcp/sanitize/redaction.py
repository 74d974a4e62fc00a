"""Remove what must not enter a model's context, a log or an error, and say why it must not.

Three filters, from exact to general: a table of PostHog's own fields, names that speak of a secret anywhere inside a
value, and patterns of secrets in any text. A result is redacted once, as an object, after it has its shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple

__all__ = [
    "FIELDS",
    "MASKED_FIELDS",
    "REDACTED",
    "WITHHELD_FIELDS",
    "Redactor",
    "Rule",
    "Treatment",
    "masked",
    "presence",
]

REDACTED: Final = "[redacted]"

_SHORTEST_MASKED: Final = 13
"""Below this a mask of eight characters would show more than half of the secret."""


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
    "slack_incoming_webhook": Rule(Treatment.WITHHOLD, "Whoever has the address can post into the customer's Slack."),
}
"""PostHog's own secret fields. `api_token` (`phc_`) is missing on purpose: it is public, in every web page."""

MASKED_FIELDS: Final = tuple(name for name, rule in FIELDS.items() if rule.treatment is Treatment.MASK)
WITHHELD_FIELDS: Final = tuple(name for name, rule in FIELDS.items() if rule.treatment is Treatment.WITHHOLD)

_PUBLIC_NAMES: Final = frozenset({"api_token", "secret_file", "secret_file_problem"})
"""Names that speak of a secret and hold none: PostHog's public token, and what a rotation says of its file."""
_NAME: Final = re.compile(
    r"(?:^|_|-|\b)(?:token|secret|webhook|password|passwd|credential|authorization|cookie)s?(?:$|_|-|\b)"
    r"|[aA]pi_?[kK]ey|[pP]rivate_?[kK]ey|(?:Token|Secret|Webhook|Password)s?(?:$|[A-Z_])",
)
_CHANGED_VALUES: Final = frozenset({"before", "after", "added", "removed"})
"""Parts of a change, which hold values of the field that the change is about."""
_PRESENCE: Final = ("absent", "present")
_MASKED: Final = re.compile(r"[^.]{4}\.\.\.[^.]{4}")

_PATTERNS: Final = tuple(
    (marker, re.compile(pattern))
    for marker, pattern in (
        ("ph", r"ph[aersx]_[A-Za-z0-9_-]{3,}"),  # personal, OAuth and project secret keys; `phc_` is public
        ("eyj", r"eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){1,4}"),  # JSON Web Tokens
        ("hooks.", r"https?://hooks\.[a-z0-9.-]+/[^\s\"'<>]+"),  # incoming webhooks
        ("xox", r"xox[a-z]-[A-Za-z0-9-]{6,}"),  # Slack tokens
        (
            "authorization",
            r"(?i:\b(?:proxy-)?authorization[\"']?\s*[:=]\s*[\"']?)(?:[A-Za-z]+\s+)?[^\s\"',;]+",
        ),
        ("bearer", r"(?i:\bbearer\s+)[A-Za-z0-9._~+/=-]{6,}"),
        ("sessionid", r"(?i:\bsessionid[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]+"),
        ("csrftoken", r"(?i:\b(?:posthog_|x-)?csrftoken[\"']?\s*[:=]\s*[\"']?)[^\s\"',;]+"),
    )
)
"""Patterns of secrets. Before each stands a marker that every match has in it, whatever the case: looking for that is
far cheaper, and nearly every text has none of them."""
_SHORTEST_MATCH: Final = 7
_MOST_NAMES: Final = 4_096
"""Names of fields whose judgement is kept. PostHog's are a few hundred, and the same in every answer."""


def masked(secret: str) -> str:
    """Show the first and the last four characters, as PostHog's own pages do; nothing of a short secret."""
    if _MASKED.fullmatch(secret):
        return secret
    return f"{secret[:4]}...{secret[-4:]}" if len(secret) >= _SHORTEST_MASKED else REDACTED


def presence(value: object) -> str:
    """Say whether a withheld field has a value."""
    return "present" if value else "absent"


class Redactor:
    """Removes secrets from values and texts.

    Args:
        own: the credentials of this process, removed wherever they occur and whatever they look like.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        # Longest first, so that a credential which contains another is removed whole.
        self._own = sorted({secret for secret in own if secret}, key=len, reverse=True)
        self._name = lru_cache(maxsize=_MOST_NAMES)(self.text)

    def __repr__(self) -> str:
        return "Redactor()"

    def learn(self, own: Iterable[str]) -> None:
        """Remove these too from now on."""
        self._own = sorted({*self._own, *filter(None, own)}, key=len, reverse=True)
        self._name.cache_clear()

    def text(self, text: str) -> str:
        """Remove everything from a text that is, or looks like, a secret."""
        for secret in self._own:  # first, and whole: a pattern may cover only a part of one
            if secret in text:
                text = text.replace(secret, REDACTED)
        if len(text) < _SHORTEST_MATCH:
            return text
        folded = text.casefold()
        for marker, pattern in _PATTERNS:
            if marker in folded:
                text = pattern.sub(REDACTED, text)
        return text

    def value(self, value: Any) -> Any:
        """Return a JSON value without secrets. The argument is not changed."""
        return self._value(value, secret=False)

    def field(self, name: str, value: Any) -> Any:
        """Return the value of one of PostHog's fields as it may be shown; of a withheld one, whether it is there."""
        rule = FIELDS.get(name)
        if rule is not None and rule.treatment is Treatment.WITHHOLD:
            return presence(value)
        return self._field(name, value, secret=False)

    def _field(self, name: str, item: Any, *, secret: bool) -> Any:
        rule = FIELDS.get(name)
        if rule is None:
            return self._value(item, secret=secret or _speaks_of_secret(name))
        if isinstance(item, dict) and not item.keys() - _CHANGED_VALUES:  # a change of the field
            return {side: self.field(name, value) for side, value in item.items()}
        if rule.treatment is Treatment.MASK and isinstance(item, str):
            return masked(item) if item and not self._is_own(item) else item and REDACTED
        return self._value(item, secret=True)

    def _value(self, value: Any, *, secret: bool) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            if secret and value not in _PRESENCE and not _MASKED.fullmatch(value):
                return value and REDACTED
            return self._string(value)
        if isinstance(value, dict):
            about = value.get("field")  # an entry of the activity log names its field beside the values
            changed = isinstance(about, str) and (about in FIELDS or _speaks_of_secret(about))
            return {
                self._name(name): self._field(name, item, secret=secret or (changed and name in _CHANGED_VALUES))
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._value(item, secret=secret) for item in value]
        return REDACTED if secret else value

    def _string(self, text: str) -> str:
        if text[:1] in "{[" and len(text) > 1 and (inside := _json_inside(text)) is not None:
            try:
                clean = self._value(inside, secret=False)
            except RecursionError:
                return REDACTED
            text = text if clean == inside else json.dumps(clean, ensure_ascii=False)
        return self.text(text)

    def _is_own(self, text: str) -> bool:
        return any(secret in text for secret in self._own)


@lru_cache(maxsize=_MOST_NAMES)
def _speaks_of_secret(name: str) -> bool:
    return name not in _PUBLIC_NAMES and _NAME.search(name) is not None


def _json_inside(text: str) -> Any | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None
