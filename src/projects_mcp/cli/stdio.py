"""Serve MCP over stdin and stdout, and the page of approvals beside it once there is one."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.util import find_spec

import anyio

from projects_mcp.config.logging import configure_logging
from projects_mcp.config.settings import Settings
from projects_mcp.gateway.approval_page import ApprovalPage
from projects_mcp.http.approval.loopback import serve_approvals
from projects_mcp.posthog.tracing import SDK_MODULE
from projects_mcp.protocol.stdio import serve_in_lanes, serve_until_closed
from projects_mcp.protocol.stdio_pipes import claim_pipes
from projects_mcp.runner.build import build_runner, open_state
from projects_mcp.runner.garbage import collect_as_usual
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.state.approvals import Approvals

__all__ = ["serve_stdio"]


def serve_stdio(settings: Settings) -> int:
    """Serve one client until it closes stdin, or a signal arrives.

    Returns:
        The exit code of the process.
    """
    store, page = open_state(settings), ApprovalPage()
    runner = build_runner(settings, store=store, approval_page=page)
    configure_logging(runner.redactor)
    serve = _serving(settings, runner)
    collect_as_usual()
    fast_loop = {"use_uvloop": find_spec("uvloop") is not None}
    code: int = anyio.run(_serve, serve, page, Approvals(store), backend_options=fast_loop)
    return code


def _serving(settings: Settings, runner: ToolRunner) -> Callable[[], Awaitable[None]]:
    """Return what serves the client: with the SDK only where a message needs it, or with the SDK alone."""
    traced = SDK_MODULE in sys.modules  # by OpenTelemetry, which wants a span of the SDK for each message
    pipes = claim_pipes() if settings.fast_start and not traced else None
    if pipes is not None:
        return partial(serve_in_lanes, runner, pipes)
    from projects_mcp.protocol.server import ProjectsServer  # noqa: PLC0415 - the SDK is slow to import

    return ProjectsServer(runner).run_stdio_async


async def _serve(serve: Callable[[], Awaitable[None]], page: ApprovalPage, approvals: Approvals) -> int:
    async with anyio.create_task_group() as group:
        group.start_soon(serve_approvals, page, approvals)
        code = await serve_until_closed(serve)
        group.cancel_scope.cancel()
    return code
