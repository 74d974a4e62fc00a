import logging
import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from secrets import token_hex

import pytest
from hypothesis import HealthCheck, settings

from dev.processes import state_folder
from projects_mcp.cli.complaints import complain_as
from tests.support.harness import Harness
from tests.support.measuring import (
    is_heavy,
    is_measured,
    is_state_machine,
    pause,
)
from tests.support.process import CLEAN, FAST

# Machines differ: a slow one must not fail a property, and a repeated run must try the same cases.
settings.register_profile(
    "project", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What takes longest begins first, or one process would end long after the other.
    items.sort(key=lambda item: not (is_heavy(item) or is_state_machine(item)))


@pytest.fixture(autouse=True)
def _measured(request: pytest.FixtureRequest) -> Iterator[None]:
    measured = is_measured(request.node)
    with nullcontext() if measured else pause(os.environ):
        yield


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
    """Give every test, and every process that it starts, folders of its own, which are not this user's."""
    folder = f"{state_folder().name}/{token_hex(8)}"
    monkeypatch.setitem(CLEAN, "XDG_STATE_HOME", folder)
    monkeypatch.setenv("XDG_STATE_HOME", folder)
    monkeypatch.setitem(CLEAN, "XDG_CONFIG_HOME", f"{folder}-config")
    monkeypatch.setenv("XDG_CONFIG_HOME", f"{folder}-config")


@pytest.fixture(autouse=True)
def _complaints_for_people() -> None:
    """A command that runs in this process chooses for the whole process how it complains."""
    complain_as(json=False)


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
