"""Serve MCP over stdin and stdout, and the page of approvals beside it once there is one."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio

from projects_mcp.config.logging import configure_logging
from projects_mcp.config.settings import Settings
from projects_mcp.gateway.approval_page import ApprovalPage
from projects_mcp.http.approval.loopback import serve_approvals
from projects_mcp.protocol.stdio import serve_until_closed
from projects_mcp.protocol.stdio_pipes import keep_pipes_open
from projects_mcp.runner.build import build_runner, open_state
from projects_mcp.runner.garbage import collect_as_usual
from projects_mcp.state.approvals import Approvals

if TYPE_CHECKING:
    from projects_mcp.protocol.server import ProjectsServer

__all__ = ["serve_stdio"]


def serve_stdio(settings: Settings) -> int:
    """Serve one client until it closes stdin, or a signal arrives.

    Returns:
        The exit code of the process.
    """
    keep_pipes_open()  # before anything else is opened
    store, page = open_state(settings), ApprovalPage()
    runner = build_runner(settings, store=store, approval_page=page)
    configure_logging(runner.redactor)
    from projects_mcp.protocol.server import ProjectsServer  # noqa: PLC0415 - the SDK is slow to import

    server = ProjectsServer(runner)
    collect_as_usual()
    fast_loop = {"use_uvloop": find_spec("uvloop") is not None}
    code: int = anyio.run(_serve, server, page, Approvals(store), backend_options=fast_loop)
    return code


async def _serve(server: ProjectsServer, page: ApprovalPage, approvals: Approvals) -> int:
    async with anyio.create_task_group() as group:
        group.start_soon(serve_approvals, page, approvals)
        code = await serve_until_closed(server)
        group.cancel_scope.cancel()
    return code
