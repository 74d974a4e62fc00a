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
from itertools import count
from typing import Any, Final, NamedTuple

from projects_mcp.sanitize.patterns import (
    LONGEST_NAME,
    MAY_BE_ENCODED,
    PATTERNS,
    EncodedSecrets,
    replace_run,
    speaks_of_secret,
)
from projects_mcp.sanitize.text import MAX_QUOTED, quoted

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

_CHANGED_VALUES: Final = frozenset({"before", "after", "added", "removed"})
"""Parts of a change, which hold values of the field that the change is about."""
_NAMING: Final = ("field", "name", "key", "header")
_NAMED_VALUES: Final = frozenset({"value", *_CHANGED_VALUES})
"""Parts of an object that hold a value of what another part of it names."""
_PRESENCE: Final = ("absent", "present")
_MASKED: Final = re.compile(r"[^.]{4}\.\.\.[^.]{4}")

_SHORTEST_MATCH: Final = 7
_MOST_NAMES: Final = 4_096
"""Names of fields that are kept as redacted, each of 128 characters at most: half a megabyte. PostHog's are a few
hundred, and the same in every answer."""


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
        own: the credentials of this process, removed wherever they occur, whatever they look like, and also in base64
            and percent-encoding.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        self._own: list[str] = []
        self._encoded = EncodedSecrets()
        self._kept_name = lru_cache(maxsize=_MOST_NAMES)(self.text)
        self.add_secrets(own)

    def __repr__(self) -> str:
        return "Redactor()"

    def add_secrets(self, own: Iterable[str]) -> None:
        """Remove these too from now on."""
        # Longest first, so that a credential which contains another is removed whole.
        self._own = sorted({*self._own, *filter(None, own)}, key=len, reverse=True)
        self._encoded = EncodedSecrets.of(self._own)
        self._kept_name.cache_clear()

    def text(self, text: str) -> str:
        """Remove everything from a text that is, or looks like, a secret."""
        for secret in self._own:  # first, and whole: a pattern may cover only a part of one
            if secret in text:
                text = text.replace(secret, REDACTED)
        if len(text) < _SHORTEST_MATCH:
            return text
        if self._own and MAY_BE_ENCODED.search(text):
            text = self._without_encoded(text)
        folded = text.casefold()
        for marker, pattern in PATTERNS:
            if marker in folded:
                text = pattern.sub(REDACTED, text)
        return text

    def _without_encoded(self, text: str) -> str:
        for core in self._encoded.base64:
            if core in text:
                text = replace_run(text, core, REDACTED)
        if "%" in text:
            for pattern in self._encoded.percent:
                text = pattern.sub(REDACTED, text)
        return text

    def quote(self, text: object, longest: int = MAX_QUOTED) -> str:
        """Quote text that somebody else wrote: secrets are removed before it is cut, so that no part of one stays."""
        return quoted(self.text(text) if isinstance(text, str) else text, longest)

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
            speaks = len(name) <= LONGEST_NAME and speaks_of_secret(name)
            return self._value(item, secret=secret or speaks)
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
            return self._object(value, secret=secret)
        if isinstance(value, list):
            return [self._value(item, secret=secret) for item in value]
        return REDACTED if secret else value

    def _object(self, value: Mapping[str, Any], *, secret: bool) -> dict[str, Any]:
        # An entry of the activity log names its field beside the values, and a list of headers or variables each name.
        # A filter of PostHog's, which has an operator, names a property of events there.
        about = next((value[key] for key in _NAMING if isinstance(value.get(key), str)), None)
        named = (
            about is not None
            and "operator" not in value
            and len(about) <= LONGEST_NAME
            and (about in FIELDS or speaks_of_secret(about))
        )
        clean: dict[str, Any] = {}
        for name, item in value.items():
            shown = self._name(name)
            if shown != name and (shown in clean or shown in value):
                # A key that holds a secret must not take the place of another key.
                shown = next(
                    key for n in count(len(clean) + 1) if (key := f"{shown} {n}") not in value and key not in clean
                )
            clean[shown] = self._field(name, item, secret=secret or (named and name in _NAMED_VALUES))
        return clean

    def _name(self, name: str) -> str:
        return self._kept_name(name) if len(name) <= LONGEST_NAME else self.text(name)

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


def _json_inside(text: str) -> Any | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None
