"""Remove what must not enter a model's context, a log or an error, and say why it must not.

Three filters, from exact to general: a table of PostHog's own fields, names that speak of a secret anywhere inside a
value, and patterns of secrets in any text. A result is redacted once, as an object, after it has its shape.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from projects_mcp.sanitize.assignments import MAY_BE_ASSIGNED, without_assigned
from projects_mcp.sanitize.encodings import MAY_BE_ENCODED, EncodedSecrets
from projects_mcp.sanitize.names import LONGEST_NAME, measures, speaks_of_secret
from projects_mcp.sanitize.patterns import PATTERNS, REDACTED, compiled
from projects_mcp.sanitize.secret_fields import FIELDS, MASKED, PRESENCE, Treatment, masked, presence
from projects_mcp.sanitize.text import MAX_QUOTED, quoted, unused_key

__all__ = ["Redactor"]

_CHANGED_VALUES: Final = frozenset({"before", "after", "added", "removed"})
"""Parts of a change, which hold values of the field that the change is about."""
_NAMING: Final = frozenset(
    form
    for name in ("field", "name", "key", "header", "variable", "var", "param", "parameter", "property", "id", "k", "n")
    for form in (name, name.capitalize(), name.upper())
)
_NAMED_VALUES: Final = frozenset(
    {
        *("value", "values", "val", "v", "content", "contents", "data", "default", "defaultvalue", "current", "from"),
        *("to", "old", "new", "oldvalue", "newvalue", *_CHANGED_VALUES),
    }
)
"""Parts of an object that hold a value of what another part of it names, in lower case and without hyphens."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ][0-9:.]{5,15}(?:Z|[+-]\d\d:?\d\d)?)?")
_DIGITS_OF_A_NUMBER: Final = 4_000
"""Digits of an integer from which Python refuses to read it."""
_OPENS_JSON: Final = frozenset("{[ \t\r\n")
_SHORTEST_MATCH: Final = 7
_LONGEST_TEXT: Final = 500_000
"""Characters beyond which a text is withheld: looking through it would hold all else up, and no result has room."""
_MOST_HARMLESS: Final = 4_096
"""Texts that are kept as harmless: half a megabyte at most. PostHog's names of fields are a few hundred, and the same
in every answer, and so are most values of settings."""
_LONGEST_KEPT: Final = 128
"""Characters of such a text."""


class _Secrets:
    """The credentials of this process at one time, and the texts in which nothing had to be removed.

    Only what is harmless is kept, so no secret stays in memory for it. With other credentials, nothing is kept yet.
    """

    def __init__(self, own: Iterable[str]) -> None:
        # Longest first, so that a credential which contains another is removed whole.
        self.own: Final = sorted(set(filter(None, own)), key=len, reverse=True)
        self._encoded: Final = EncodedSecrets.of(self.own)
        self._harmless: Final[set[str]] = set()
        self._plain_names: Final[set[str]] = set()

    def remove_from(self, text: str) -> str:
        if len(text) > _LONGEST_KEPT:
            return self._removed(text) if len(text) <= _LONGEST_TEXT else REDACTED
        if text in self._harmless:
            return text
        clean = self._removed(text)
        if clean == text:
            _keep(text, self._harmless)
        return clean

    def is_plain(self, name: str) -> bool:
        """Whether a name holds nothing that is removed, and is of no secret."""
        if name in self._plain_names:
            return True
        plain = name not in FIELDS and not _speaks(name) and self.remove_from(name) == name
        if plain and len(name) <= _LONGEST_KEPT:
            _keep(name, self._plain_names)
        return plain

    def _removed(self, text: str) -> str:
        for secret in self.own:  # first, and whole: a pattern may cover only a part of one
            if secret in text:
                text = text.replace(secret, REDACTED)
        if len(text) < _SHORTEST_MATCH:
            return text
        if self.own and MAY_BE_ENCODED.search(text) and self._may_hold_encoded(text):
            text = self._encoded.redact(text, REDACTED)
        folded = text.casefold()
        for marker, expression, replacement in PATTERNS:
            if marker in folded:
                text = compiled(expression).sub(replacement, text)
        # A name, and behind it a sign: both have to be there, so nearly every text is done with here.
        assigns = ("=" in text or ":" in text or "%" in text) and MAY_BE_ASSIGNED.search(text)
        return without_assigned(text) if assigns else text

    def _may_hold_encoded(self, text: str) -> bool:
        if "%" in text or "\n" in text or "\\n" in text or not text.isascii():
            return True
        return any(core in text for core in self._encoded.cores)


class Redactor:
    """Removes secrets from values and texts.

    Args:
        own: the credentials of this process, removed wherever they occur, whatever they look like, and also in base64
            and percent-encoding.
    """

    def __init__(self, own: Iterable[str] = ()) -> None:
        self._secrets = _Secrets(own)

    def __repr__(self) -> str:
        return "Redactor()"

    def add_secrets(self, own: Iterable[str]) -> None:
        """Remove these too from now on."""
        self._secrets = _Secrets([*self._secrets.own, *own])

    def text(self, text: str) -> str:
        """Remove everything from a text that is, or looks like, a secret."""
        return self._secrets.remove_from(text)

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
            speaks = _speaks(name)
            if speaks and not secret and _is_measure(name, item):
                return item
            return self._value(item, secret=secret or speaks)
        if isinstance(item, dict) and not item.keys() - _CHANGED_VALUES:  # a change of the field
            return {side: self.field(name, value) for side, value in item.items()}
        if rule.treatment is Treatment.MASK and isinstance(item, str) and item not in PRESENCE:
            return masked(item) if item and not self._is_own(item) else item and REDACTED
        return self._value(item, secret=True)

    def _value(self, value: Any, *, secret: bool) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            if secret and value not in PRESENCE and not MASKED.fullmatch(value):
                return value and REDACTED
            return self._string(value)
        if isinstance(value, dict):
            return self._object(value, secret=secret)
        if isinstance(value, list):
            return self._list(value, secret=secret)
        return REDACTED if secret else value

    def _list(self, value: list[Any], *, secret: bool) -> list[Any]:
        if value and not secret and all(map(_is_pair, value)):  # of headers, say
            return [[self._value(name, secret=False), self._field(name, item, secret=False)] for name, item in value]
        return [self._value(item, secret=secret) for item in value]

    def _object(self, value: Mapping[str, Any], *, secret: bool) -> dict[str, Any]:
        named = not secret and not _NAMING.isdisjoint(value) and _names_a_secret(value)
        clean: dict[str, Any] = {}
        for name, item in value.items():
            if not secret and not named and self._secrets.is_plain(name):  # as nearly all are
                clean[name] = self._value(item, secret=False)
                continue
            shown = self.text(name)
            if shown != name:  # a key that holds a secret must not take the place of another key
                shown = unused_key(shown, clean, value)
            inner = secret or (named and name.lower().replace("_", "").replace("-", "") in _NAMED_VALUES)
            clean[shown] = self._field(name, item, secret=inner)
        return clean

    def _string(self, text: str) -> str:
        if text[:1] in _OPENS_JSON and text.lstrip()[:1] in "{[" and (inside := _json_inside(text)) is not None:
            try:
                clean = self._value(inside, secret=False)
            except RecursionError:
                return REDACTED
            text = text if clean == inside else json.dumps(clean, ensure_ascii=False)
        return self.text(text)

    def _is_own(self, text: str) -> bool:
        return any(secret in text for secret in self._secrets.own)


def _keep(text: str, texts: set[str]) -> None:
    if len(texts) >= _MOST_HARMLESS:
        texts.clear()
    texts.add(text)


def _speaks(name: str) -> bool:
    return len(name) <= LONGEST_NAME and speaks_of_secret(name)


def _names_a_secret(value: Mapping[str, Any]) -> bool:
    """Whether one part of an object names what another part holds a value of, and that is a secret.

    An entry of the activity log names its field so, and a list of headers or variables each name. A filter of
    PostHog's, which has an operator, names a property of events there.
    """
    if "operator" in value:
        return False
    names = (name for key in _NAMING.intersection(value) if isinstance(name := value[key], str))
    return any(name in FIELDS or _speaks(name) for name in names)


def _is_measure(name: str, item: Any) -> bool:
    """Whether a value is a quantity or a time that a name speaks of, such as `max_tokens` or `token_expires_at`."""
    number = isinstance(item, int | float) or (isinstance(item, str) and _TIME.fullmatch(item) is not None)
    return number and measures(name)


def _is_pair(item: Any) -> bool:
    return isinstance(item, list) and len(item) == 2 and all(isinstance(part, str) for part in item)  # noqa: PLR2004


def _json_inside(text: str) -> Any | None:
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_float)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS_OF_A_NUMBER else digits


def _float(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits
