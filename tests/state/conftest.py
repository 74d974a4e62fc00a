from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.redis import RedisStore
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StateStore
from tests.support.redis_server import redis_server


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], StateStore]]:
    if request.param == "memory":
        one = MemoryStore()
        yield lambda: one
    elif request.param == "sqlite":
        yield lambda: SqliteStore(tmp_path / "state" / "state.sqlite3")
    else:
        with redis_server(tmp_path) as server:
            yield lambda: RedisStore(server.address)
