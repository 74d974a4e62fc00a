"""PostHog, and the servers over HTTP, for the tests of processes: one of each for a module that asks for it."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev.nginx import NoNginxError, find_nginx
from projects_mcp.cli.doctor.command import run_doctor
from projects_mcp.cli.doctor.diagnosis import Diagnosis, diagnose
from projects_mcp.cli.install.command import Place
from projects_mcp.config.variables import VARIABLES
from projects_mcp.sandbox import seed
from projects_mcp.sandbox.app import create_app
from tests.support.callers_server import with_callers
from tests.support.certificates import serve_over_tls
from tests.support.doctor import Examined
from tests.support.harness import Recorder
from tests.support.issuer import Idp
from tests.support.issuer_server import WithIssuer, with_issuer
from tests.support.killing import DeadlyPostHog, deadly_posthog
from tests.support.messages import Answered
from tests.support.open_server import open_to_all
from tests.support.posthog import Upstream, posthog
from tests.support.process import TIMEOUT_S
from tests.support.replicas import Deployment
from tests.support.served import Served
from tests.support.upstream import serving


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


@pytest.fixture
def private_authority(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An https server whose certificate nobody knows, and the file that makes it known."""
    yield from serve_over_tls(tmp_path)


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Examined]:
    """Runs the doctor, and prints the same examination for programs and for people."""
    known: list[Diagnosis] = []

    async def once(*arguments: Any) -> Diagnosis:
        if not known:
            known.append(await diagnose(*arguments))
        return known[0]

    monkeypatch.setattr("projects_mcp.cli.doctor.command.diagnose", once)
    monkeypatch.setenv("COLUMNS", "10000")  # no sentence is wrapped

    def examined(clouds: Mapping[str, str] | None = None, **environment: str) -> Examined:
        known.clear()
        printed: list[str] = []
        codes = set()
        for as_json in (True, False):
            codes.add(run_doctor(environment, as_json=as_json, clouds=clouds or {}))
            captured = capsys.readouterr()
            assert captured.err == ""
            printed.append(captured.out)
        (code,) = codes
        return Examined(code, *printed)

    return examined


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the machine that runs the tests stands between."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in VARIABLES:
            monkeypatch.delenv(name)
    monkeypatch.setattr(logging.getLogger("asyncio"), "disabled", True)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for name in ("home", "project", "appdata"):
        (tmp_path / name).mkdir()
    return Place("linux", tmp_path / "home", tmp_path / "project", tmp_path / "appdata")


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    world = seed()
    deployment = Deployment(tmp_path, world, Recorder(create_app(world)))
    with serving(deployment.recorder, deployment.around) as upstream:
        deployment.origin = upstream.origin
        try:
            yield deployment
        finally:
            deployment.release.set()


@pytest.fixture(scope="session")
def program() -> Path:
    try:
        return find_nginx()
    except NoNginxError as error:
        if os.environ.get("OFFICIAL") == "required":
            pytest.fail(str(error))
        pytest.skip(f"REPLICAS ARE NOT TESTED: {error}")


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=TIMEOUT_S) as client:
        yield client


@pytest.fixture(scope="module")
def deadly(request: pytest.FixtureRequest) -> Iterator[DeadlyPostHog]:
    """A PostHog that sees which process asks, with as many projects of a fleet as the module wants."""
    with deadly_posthog(request.module.FLEET) as posthog:
        yield posthog


@pytest.fixture(name="posthog")
def deadly_anew(deadly: DeadlyPostHog) -> DeadlyPostHog:
    """The same, as it was at first."""
    deadly.forget()
    return deadly
