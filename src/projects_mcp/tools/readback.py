"""Send a write once; if its answer is lost, read back what became of it.

The write is never sent again, whatever comes out. That a change does not show proves nothing as long as PostHog may
still be at work on it, so `not_applied` is said only if PostHog itself has ended the request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import anyio

from projects_mcp.api.outcome import Outcome, ReadbackResult
from projects_mcp.api.types import JSONObject, OrganizationRef
from projects_mcp.errors.connection import PostHogError, ResponseLost
from projects_mcp.errors.refusals import Refusal
from projects_mcp.errors.rejected import ServerError
from projects_mcp.errors.uncertain import WriteUnresolved
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.confirmation import Confirmed

__all__ = ["Look", "destroy", "write"]

Look: TypeAlias = Callable[[], Awaitable[ReadbackResult]]
"""Reads, and tells whether the change shows. `not_applied` means here that it does not show."""


async def write(context: ToolContext, organization: OrganizationRef, body: Mapping[str, Any], look: Look) -> JSONObject:
    """Send a write that adds or changes; if its answer is lost, read back what became of it.

    Returns:
        The project as PostHog answered it, or as it was read back.

    Raises:
        WriteUnresolved: reading back does not show that the write happened.
        PostHogError: PostHog refused the write, or it never left.
    """
    try:
        return await context.write(organization, body)
    except (ResponseLost, ServerError) as error:
        return await _read_back(context, error, look)


async def destroy(
    context: ToolContext, confirmed: Confirmed, look: Look, body: Mapping[str, Any] | None = None
) -> JSONObject:
    """Send a write that destroys; if its answer is lost, read back. Result and errors are those of `write`."""
    try:
        return await context.destroy(confirmed, body)
    except (ResponseLost, ServerError) as error:
        return await _read_back(context, error, look)


async def _read_back(context: ToolContext, error: ResponseLost | ServerError, look: Look) -> JSONObject:
    context.extend_for_read_back()
    ended = isinstance(error, ServerError) and error.ended
    try:
        result = await look()
        if result.outcome is Outcome.NOT_APPLIED and not ended:
            # PostHog may still be at work on what a proxy or this server has given up waiting for: look twice.
            await anyio.sleep(context.services.posthog.limits.second_look_s)
            result = await look()
    except (PostHogError, Refusal):
        result = ReadbackResult(Outcome.UNKNOWN, "Reading back failed as well.")
    if result.outcome is Outcome.NOT_APPLIED and not ended:
        result = replace(result, outcome=Outcome.UNKNOWN)
    context.unresolved = WriteUnresolved(error, result)
    if result.outcome is Outcome.APPLIED:
        return dict(result.project or {})
    raise context.unresolved
