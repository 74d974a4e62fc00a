"""Say plainly why a call of the past has no undo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["why_no_undo"]

_BY_ITSELF: Final = "{} would be the way back, and is decided on by itself"
_TOKEN: Final = "a token that was replaced or deleted does not come back"
_NO_CALL: Final = "PostHog has no call that takes it back"
_OF_A_CHANGE: Final[Mapping[str, str]] = {
    "project_create": _BY_ITSELF.format("project_delete"),
    "project_update": "what it changed cannot be brought back by one update",
    "project_add_product_intent": _NO_CALL,
    "project_complete_product_onboarding": _NO_CALL,
    "project_delete": "PostHog has deleted the project",
    "project_cancel_deletion": _BY_ITSELF.format("project_delete"),
    "project_change_organization": _BY_ITSELF.format("another project_change_organization"),
    "project_reset_token": _TOKEN,
    "project_rotate_secret_token": _TOKEN,
    "project_delete_secret_token_backup": _TOKEN,
}


def why_no_undo(tool: str, outcome: str, of_a_change: str = "") -> str:
    """Return the reason, as part of a sentence.

    Args:
        tool: of the call.
        outcome: of it, as in the audit log.
        of_a_change: the reason if it has changed something, where that is known better.
    """
    if outcome == "unknown":
        return "it is not known whether it changed anything: look at the project first"
    if outcome != "applied":
        return "it changed nothing"
    return of_a_change or _OF_A_CHANGE.get(tool, _NO_CALL)
