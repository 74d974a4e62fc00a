"""The arguments of `project_update` that are about several projects, apart from the code that takes them.

A server that starts needs the words, and not the plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["NAMES_OF_PLANS", "SEVERAL"]

SEVERAL: Final[Mapping[str, Any]] = {
    "project_ids": {
        "type": "array",
        "items": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
        "maxItems": 1_000,
        "description": "Several PostHog projects",
    },
    "where": {"type": "object", "description": "Fields to their values"},
    "plan": {"type": "string", "maxLength": 64, "description": "From dry_run"},
    "confirm_plan": {"type": "string", "maxLength": 100, "description": "Its words from user"},
}
"""The arguments. What is enforced beyond their types stands in `change_many`."""

NAMES_OF_PLANS: Final = frozenset({"plan", "project_ids", "where"})
"""Arguments of a call that can take so long that its client may want to know how far it is."""
