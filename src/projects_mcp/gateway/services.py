"""What all calls of one runner share."""

from __future__ import annotations

from dataclasses import dataclass, field

from projects_mcp.errors.refusals import StateUnavailable
from projects_mcp.gateway.approval_page import ApprovalPage
from projects_mcp.gateway.key_access import KeyAccess
from projects_mcp.gateway.project_locks import ProjectLocks
from projects_mcp.gateway.secret_file import SecretFolder
from projects_mcp.policy.authorization import CallerGrant, Policy
from projects_mcp.policy.confirmation import Confirmation
from projects_mcp.policy.denials import RememberedDenials
from projects_mcp.policy.standing import CallerStanding, Standing
from projects_mcp.posthog.client import PostHog
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.state.approvals import Approvals
from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.sliding_windows import SlidingWindows
from projects_mcp.state.store import StoreError

__all__ = ["ToolServices"]


@dataclass(frozen=True, slots=True)
class ToolServices:
    """What all calls of one runner share.

    Attributes:
        posthog: the client.
        key_access: what its credential may do.
        redactor: removes secrets from whatever is shown.
        policy: what the operator allows.
        confirmation: whom a destructive call must convince.
        secret_folder: where new secrets are written; None if the operator set no folder.
        caller: what a caller over HTTP was given; None for whoever has started the process.
        standing: whether what that caller was given still holds.
        project_locks: let the writers of one project take turns.
        approvals: what waits for a person's decision, in the state store.
        approval_page: where it is opened in a browser; None if this process serves no page.
        denials: what PostHog has refused.
        fleet_requests: how many requests work on many projects may send, over all processes that share the store.
    """

    posthog: PostHog
    key_access: KeyAccess
    redactor: Redactor
    policy: Policy
    confirmation: Confirmation
    secret_folder: SecretFolder | None = None
    caller: CallerGrant | None = None
    standing: Standing = field(default_factory=CallerStanding, repr=False)
    project_locks: ProjectLocks = field(default_factory=ProjectLocks, repr=False)
    approvals: Approvals = field(default_factory=lambda: Approvals(MemoryStore()), repr=False)
    approval_page: ApprovalPage | None = field(default=None, repr=False)
    denials: RememberedDenials = field(default_factory=RememberedDenials, repr=False)
    fleet_requests: SlidingWindows = field(default_factory=lambda: SlidingWindows(MemoryStore()), repr=False)

    async def require_store(self) -> None:
        """Make sure that what must be remembered of a change can be.

        Raises:
            StateUnavailable: it cannot, so nothing may be changed.
        """
        try:
            await self.approvals.store.probe()
        except StoreError as error:
            raise StateUnavailable(reason=str(error)) from None
