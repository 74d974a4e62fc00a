"""Certificates and proxies, by the usual environment variables, in a real process."""

import json
from pathlib import Path

import pytest

from tests.support.fault_server import PROJECT
from tests.support.process import CLEAN, FAST, run
from tests.support.proxy import refusing_proxy

KEY = "phx_network_test_key_0001"

pytestmark = pytest.mark.parametrize("transport", ["httpx", "aiohttp"], indirect=True)


@pytest.fixture(autouse=True)
def _transport_of_processes(transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the fast transport away from the processes too."""
    if transport == "httpx":
        (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{FAST!r}] = None\n", encoding="utf-8")
        monkeypatch.setitem(CLEAN, "PYTHONPATH", str(tmp_path))


def test_an_unknown_certificate_is_refused_and_a_private_authority_can_be_named(
    private_authority: tuple[str, Path],
) -> None:
    origin, certificate = private_authority
    environment = {"POSTHOG_HOST": origin, "POSTHOG_PERSONAL_API_KEY": KEY, "NO_PROXY": "*"}
    refused = run("call", "project_get", f"project_id={PROJECT}", **environment)
    assert refused.returncode == 1
    assert "certificate" in refused.stderr
    assert "SSL_CERT_FILE" in refused.stderr
    trusted = run("call", "project_get", f"project_id={PROJECT}", **environment, SSL_CERT_FILE=str(certificate))
    assert trusted.returncode == 0, trusted.stderr
    assert json.loads(trusted.stdout)["id"] == PROJECT


def test_a_proxy_is_used_and_its_failure_names_it() -> None:
    environment = {"POSTHOG_HOST": "https://posthog.invalid", "POSTHOG_PERSONAL_API_KEY": KEY}
    failed = run("call", "project_list", **environment, HTTPS_PROXY="http://127.0.0.1:9", NO_PROXY="")
    assert failed.returncode in {1, 4}, "httpx does not tell the proxy from PostHog, which may come back"
    assert "HTTPS_PROXY" in failed.stderr
    assert "Nothing was changed." in failed.stderr


def test_a_proxy_that_refuses_is_told_apart() -> None:
    with refusing_proxy() as address:
        failed = run(
            "call",
            "project_list",
            POSTHOG_HOST="https://posthog.invalid",
            POSTHOG_PERSONAL_API_KEY=KEY,
            HTTPS_PROXY=f"http://{address}",
            NO_PROXY="",
        )
    assert failed.returncode == 1
    assert "proxy refused" in failed.stderr
