"""A call that this server refuses by itself, before or instead of a request to PostHog.

A refusal holds its facts as typed fields, never a secret and never a rejected value, and words itself.
"""

from __future__ import annotations

from typing import Any, ClassVar, dataclass_transform

from projects_mcp.errors.approval_offer import ApprovalOffer
from projects_mcp.errors.context import FailureContext
from projects_mcp.errors.kinds import Kind

__all__ = ["Refusal"]


@dataclass_transform(kw_only_default=True, eq_default=False)
class Refusal(Exception):
    """The call is refused, and no request that changes anything has left.

    The fields of each class are its facts, given by name. (They are set by hand: making twenty data classes would cost
    more at the start of every process than all refusals of its life.)
    """

    kind: ClassVar[Kind]
    """A stable word for programs."""

    approval: ApprovalOffer | None = None
    """How a person can approve the same call by another way; None if no approval would help."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.kind)
        self.__dict__.update(facts)

    @property
    def wait_s(self) -> int | None:
        """Seconds after which the same call may succeed; None if waiting does not help."""
        return None

    def message(self, at: FailureContext) -> str:
        """Word the refusal: what happened, that nothing was changed, what to do."""
        raise AssertionError(f"a refusal of {at.tool} has no words of its own")
