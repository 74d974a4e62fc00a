"""Serve the pages of approvals on this machine alone, from the first that is offered until none is open."""

from __future__ import annotations

import logging
from typing import Final

from projects_mcp.gateway.approval_page import ApprovalPage
from projects_mcp.state.approvals import Approvals

__all__ = ["serve_approvals"]

logger: Final = logging.getLogger("projects_mcp")


async def serve_approvals(page: ApprovalPage, approvals: Approvals) -> None:
    """Serve the pages whenever they are needed. Returns only by being cancelled, or if they cannot be served.

    Args:
        page: says when its listener is needed.
        approvals: what is shown and decided.
    """
    try:
        while True:
            listener = await page.wait_until_needed()
            from projects_mcp.http.approval.loopback_server import serve_while_needed  # noqa: PLC0415 - most never need it

            await serve_while_needed(listener, page, approvals)
    except Exception:
        # The calls go on: approvals are then offered without a page.
        page.give_up()
        logger.exception("projects-mcp: the page of approvals cannot be served any more")
