"""How the version of August 2025 checked and stored some settings: hardly at all."""

from __future__ import annotations

from typing import Any, Final

from projects_mcp.sandbox.errors import server_error
from projects_mcp.sandbox.validation import field_types
from projects_mcp.sandbox.validation.validators import check_flag_keys, validate_dictionary

FORMER_URLS: Final = field_types.list_of(field_types.text(max_length=200), null_items=True)
"""Empty items are refused, and null ones are kept."""


def validate_former_linked_flag(value: Any) -> dict[str, Any]:
    """Validate the keys of a linked flag, and nothing of its id."""
    return check_flag_keys(validate_dictionary(value))


def merge_former_survey(stored: Any, sent: Any) -> Any:
    """Return the survey configuration to store.

    PostHog's behaviour: it is written before anything looks at its type, so what cannot be merged, or compared for the
    activity log, is a 500. From then on what is stored decides: only objects fit together.

    Raises:
        ApiError: 500.
    """
    if sent is None:
        return None
    if stored is None:
        if sent and not isinstance(sent, dict):
            raise server_error()
        return sent
    if not isinstance(stored, dict) or not isinstance(sent, dict):
        raise server_error()
    return {**stored, **sent}
