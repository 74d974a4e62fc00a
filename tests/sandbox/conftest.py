from collections.abc import AsyncIterator

import httpx
import pytest

from projects_mcp.sandbox import seed
from projects_mcp.sandbox.app import create_app
from tests.support.sandbox import ORIGIN, Clock, Sandbox


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    clock = Clock()
    world = seed(clock=clock)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=create_app(world)), base_url=ORIGIN) as http:
        yield Sandbox(world, clock, http)
