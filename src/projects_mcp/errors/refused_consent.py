"""The refusals of a call that names no project, another one, or one that is not what it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.refusal import Refusal

__all__ = ["ChangedMeanwhile", "ConfirmationNeeded", "NameMismatch"]


_ASK: Final = "Ask the user for the exact name as PostHog shows it, and call again with it."
_INVISIBLE: Final = (
    "The name holds characters that cannot be seen: let the user copy it from PostHog's settings, or rename the "
    "project first with project_update, and call again with that name."
)


class NameMismatch(Refusal):
    """`confirm_project_name` is not the name, which is not revealed, but whether it has invisible characters."""

    kind = "name_mismatch"
    invisible: bool = False

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"confirm_project_name is not the project's name, so {at.tool} was refused. {NOT_CHANGED} "
            f"{_INVISIBLE if self.invisible else _ASK}"
        )


class ConfirmationNeeded(Refusal):
    """Settings would change for good, and the call does not name the project. `consequences`: a sentence each."""

    kind = "confirmation_needed"
    consequences: Sequence[str]

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return (
            f"This change cannot be undone: {' '.join(self.consequences)} {NOT_CHANGED} Ask the user, and call again "
            "with confirm_project_name, the project's exact name from the user."
        )


class ChangedMeanwhile(Refusal):
    """The project is no longer what was confirmed."""

    kind = "changed_meanwhile"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The project changed after it was confirmed, so {at.tool} was not carried out. {NOT_CHANGED} "
            "Read the project again and let the user decide on its present state."
        )
