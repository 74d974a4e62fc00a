import logging
import sys
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.harness import Harness
from tests.support.process import CLEAN, FAST

# Machines differ: a slow one must not fail a property, and a repeated run must try the same cases.
settings.register_profile(
    "project", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("project")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
def transport(request: pytest.FixtureRequest) -> Iterator[str]:
    """Which transport talks to a socket: the plain one, and where a module asks for it the fast one as well."""
    chosen: str = getattr(request, "param", "httpx")
    with pytest.MonkeyPatch.context() as patch:
        if chosen == "httpx":
            patch.setitem(sys.modules, FAST, None)
        yield chosen


@pytest.fixture(autouse=True)
def _state_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test, and every process that it starts with its own environment, out of this user's state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", CLEAN["XDG_STATE_HOME"])


@pytest.fixture
def harness() -> Harness:
    return Harness()


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers = root.handlers[:]
    ours = (logging.getLogger(f"projects_mcp.{name}") for name in ("audit", "access", "process"))
    levels = {logger: logger.level for logger in (root, *ours)}
    yield
    root.handlers[:] = handlers
    for logger, level in levels.items():
        logger.setLevel(level)
