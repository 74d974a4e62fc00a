"""The exit codes of every command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = [
    "DIFFERS",
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "NOT_WRITTEN",
    "TRY_LATER",
    "UNKNOWN",
    "USAGE",
    "code_of_failure",
]

DONE: Final = 0
"""The command did what it was asked to do."""
FAILED: Final = 1
"""The command was refused, or failed."""
USAGE: Final = 2
"""The command line or a setting is wrong."""
DIFFERS: Final = 3
"""What was compared is not the same."""
TRY_LATER: Final = 4
"""Nothing was changed, and the same command can succeed later."""
UNKNOWN: Final = 5
"""It is not known whether the change was made."""
NOT_WRITTEN: Final = 6
"""The command did what it was asked to do, and stdout could not take the answer."""
INTERRUPTED: Final = 130
"""The command was ended by Ctrl+C: 128 and the number of the signal, as shells count."""
_UNTIL_SOMEBODY_ACTS: Final = frozenset({"not_configured", "tls", "proxy"})
"""Kinds of requests that never left, and that waiting does not mend: a key, a certificate or a proxy is to be set."""


def code_of_failure(error: Mapping[str, Any] | None) -> int:
    """Return the exit code for the machine-readable part of a failed call."""
    error = error or {}
    if error.get("outcome") == "unknown":
        return UNKNOWN
    if error.get("kind") == "invalid_argument":
        return USAGE
    if error.get("kind") in _UNTIL_SOMEBODY_ACTS:
        return FAILED
    later = error.get("retryable") or error.get("retry_after_s") is not None
    return TRY_LATER if later else FAILED
