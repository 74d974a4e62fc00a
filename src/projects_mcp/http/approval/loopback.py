"""Serve the pages of approvals on this machine alone, from the first that is offered until none is open."""

from __future__ import annotations

from projects_mcp.gateway.approval_page import ApprovalPage
from projects_mcp.state.approvals import Approvals

__all__ = ["serve_approvals"]


async def serve_approvals(page: ApprovalPage, approvals: Approvals) -> None:
    """Serve the pages whenever they are needed. Returns only by being cancelled.

    Args:
        page: says when its listener is needed.
        approvals: what is shown and decided.
    """
    del approvals
    await page.wait_until_needed()
