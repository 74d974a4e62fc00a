"""The name that somebody meant who typed another one."""

from __future__ import annotations

from collections.abc import Iterable

from projects_mcp.tools.names import nearest

__all__ = ["did_you_mean"]


def did_you_mean(typed: str, names: Iterable[str]) -> str:
    """Return the sentence that proposes the nearest name, with a space before it; empty if there is none."""
    name = nearest(typed, list(names))
    return "" if name is None else f" Did you mean {name}?"
