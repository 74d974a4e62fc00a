"""The name that somebody meant who typed another one."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest"]

_LONGEST = 64
"""Characters of a typed name that is compared: nothing longer is a slip of the finger."""


def nearest(typed: str, names: Iterable[str]) -> str | None:
    """Return the name that is most like a typed one; None if none is like it."""
    from difflib import get_close_matches  # noqa: PLC0415 - only after a mistake

    if len(typed) > _LONGEST:
        return None
    known = {name.lower(): name for name in names}
    found = get_close_matches(typed.lower(), known, n=1, cutoff=0.6)
    return known[found[0]] if found else None


def did_you_mean(typed: str, names: Iterable[str]) -> str:
    """Return the sentence that proposes the nearest name, with a space before it; empty if there is none."""
    name = nearest(typed, names)
    return "" if name is None else f" Did you mean {name}?"
