"""The exit codes of every command."""

from __future__ import annotations

from typing import Final

__all__ = ["DIFFERS", "DONE", "FAILED", "INTERRUPTED", "TRY_LATER", "UNKNOWN", "USAGE"]

DONE: Final = 0
"""The command did what it was asked to do."""
FAILED: Final = 1
"""The command was refused, or failed."""
USAGE: Final = 2
"""The command line or a setting is wrong."""
DIFFERS: Final = 3
"""What was compared is not the same."""
TRY_LATER: Final = 4
"""PostHog, or another process, wants more time. The same command goes on later."""
UNKNOWN: Final = 5
"""It is not known whether a change was made."""
INTERRUPTED: Final = 130
"""The command was ended by Ctrl+C: 128 and the number of the signal, as shells count."""
