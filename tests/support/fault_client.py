"""A client of the real server whose PostHog is the fault server, and one call of each kind."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from mcp import Client

from projects_mcp.config.settings import load
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.runner.build import build_runner
from tests.support.fault_server import PROJECT, Request, Upstream
from tests.support.harness import ENVIRONMENT

QUICK = {"PROJECTS_MCP_READ_TIMEOUT": "1", "PROJECTS_MCP_CALL_TIMEOUT": "6", "PROJECTS_MCP_CONNECT_TIMEOUT": "1"}
BOUND_S = 25
"""Less than the 30 seconds of a silent upstream, and far more than the limits of a call and its reading back."""

CALLS: dict[str, tuple[str, dict[str, Any], str]] = {
    "read": ("project_get", {"project_id": PROJECT}, "GET"),
    "create": ("project_create", {"name": "New one"}, "POST"),
    "update": ("project_update", {"project_id": PROJECT, "settings": {"timezone": "Asia/Tokyo"}}, "PATCH"),
    "destroy": ("project_delete", {"project_id": PROJECT, "confirm_project_name": "Acme web"}, "DELETE"),
}


@asynccontextmanager
async def client_of(upstream: Upstream, **environment: str) -> AsyncIterator[Client]:
    configured = load({**ENVIRONMENT, **QUICK, **environment, "POSTHOG_HOST": upstream.origin})
    configured = replace(configured, limits=configured.limits._replace(second_look_s=0.01))
    async with Client(ProjectsServer(build_runner(configured)), cache=None) as client:
        yield client


def own(method: str) -> Callable[[Request], bool]:
    return lambda request: request.method == method and not request.about_key
