"""Values of settings as they may be shown: what is secret only as present or absent."""

from __future__ import annotations

from typing import Any, Final

from projects_mcp.api.json_values import canonical, same_json
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.secret_fields import FIELDS, presence

__all__ = ["SECRET_FIELDS", "holds_secret", "plain", "value_text"]

SECRET_FIELDS: Final = frozenset(FIELDS)
"""Fields of a project of which only is said whether they have a value."""
_LONGEST: Final = 80
"""Characters of a value that stands for how often it was found."""


def plain(name: str, value: Any) -> Any:
    """Return a value without what PostHog adds to it, and of a secret whether there is one."""
    if name in SECRET_FIELDS:
        return presence(value)
    return SETTINGS[name].plain(value) if name in SETTINGS else value


def holds_secret(redactor: Redactor, name: str, value: Any) -> bool:
    """Whether a value of a field, or a part of it, is not to be shown."""
    return name in SECRET_FIELDS or not same_json(redactor.field(name, value), value)


def value_text(redactor: Redactor, name: str, value: Any, longest: int = _LONGEST) -> str:
    """Return the text that stands for a value: the same for values that are one to PostHog.

    A text stands for itself, unless it could be read as another value; all else is JSON. Secrets are removed before a
    long one is cut, to `longest` characters.
    """
    shown = plain(name, value)
    if name in SETTINGS and name not in SECRET_FIELDS:
        shown = SETTINGS[name].normal(shown)
    shown = shown if name in SECRET_FIELDS else redactor.field(name, shown)
    plainly = isinstance(shown, str) and shown not in {"", "null", "true", "false"}
    text = str(shown) if plainly else canonical(shown)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
