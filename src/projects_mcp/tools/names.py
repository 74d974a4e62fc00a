"""What is said of a name that is none: which one may have been meant, or who sets that field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from projects_mcp.api.own_fields import OWN_FIELDS
from projects_mcp.sanitize.text import quoted

__all__ = ["nearest", "unknown_name"]

_OF_SETTINGS: Final = frozenset({"settings", "expected", "where"})
"""Arguments whose keys are fields of a project."""


def unknown_name(name: str, path: str, known: list[str]) -> str:
    """Say that there is no such argument, setting or property, and which one may have been meant."""
    if path in _OF_SETTINGS and name in OWN_FIELDS:
        return f"`{name}` is no setting: {OWN_FIELDS[name]}."
    what = "setting of `settings`" if path == "settings" else f"property of `{path}`" if path else "argument"
    if near := nearest(name, known):
        hint = f" Did you mean `{near}`?"
    elif len(known) > 20:  # noqa: PLR2004 - longer lists help nobody
        hint = " The tool's schema lists the valid names."
    else:
        hint = f" Valid: {', '.join(known)}." if known else ""
    return f"There is no {what} named {quoted(name, 60)}.{hint}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the name that may have been meant; None if none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake pays for it

    near = get_close_matches(name[:100], known, n=1, cutoff=0.6)
    return near[0] if near else None
