"""PostHog, and the servers over HTTP, for the tests of processes: one of each for a module that asks for it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.callers_server import with_callers
from tests.support.issuer import Idp
from tests.support.issuer_server import WithIssuer, with_issuer
from tests.support.messages import Answered
from tests.support.open_server import open_to_all
from tests.support.posthog import Upstream, posthog
from tests.support.served import Served


@pytest.fixture(scope="module")
def behind() -> Iterator[Upstream]:
    with posthog() as upstream:
        yield upstream


@pytest.fixture
def upstream(behind: Upstream) -> Upstream:
    behind.forget()
    return behind


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The audit log of the server that a module shares."""
    return tmp_path_factory.mktemp("server") / "audit"


@pytest.fixture(scope="module")
def open_server(behind: Upstream, audit: Path) -> Iterator[Served]:
    """A server that everybody on this machine may call."""
    with open_to_all(behind.origin, audit) as process:
        yield process


@pytest.fixture(scope="module")
def callers_server(behind: Upstream, audit: Path) -> Iterator[Served]:
    """A server with a callers file."""
    with with_callers(behind.origin, audit) as process:
        yield process


@pytest.fixture(scope="module")
def issuer(behind: Upstream, audit: Path) -> Iterator[WithIssuer]:
    """A server that accepts the tokens of an issuer."""
    with with_issuer(behind, audit) as serving:
        yield serving


@pytest.fixture
def idp(issuer: WithIssuer) -> Idp:
    return issuer.idp


@pytest.fixture
def call(issuer: WithIssuer, upstream: Upstream) -> Callable[..., Answered]:
    return issuer.call
