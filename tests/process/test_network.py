"""Certificates and proxies, by the usual environment variables, in a real process."""

import datetime as dt
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import FAST
from tests.process.test_cli import run
from tests.process.test_stdio import CLEAN
from tests.support.fault_server import PROJECT, project

KEY = "phx_network_test_key_0001"

pytestmark = pytest.mark.parametrize("transport", ["httpx", "aiohttp"], indirect=True)


@pytest.fixture(autouse=True)
def _transport_of_processes(transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the fast transport away from the processes too."""
    if transport == "httpx":
        (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{FAST!r}] = None\n", encoding="utf-8")
        monkeypatch.setitem(CLEAN, "PYTHONPATH", str(tmp_path))


class OneProject(BaseHTTPRequestHandler):
    """Answers every GET with one project."""

    def do_GET(self) -> None:
        body = json.dumps(project()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def private_authority(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An https server whose certificate nobody knows, and the file that makes it known."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "private")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    server = ThreadingHTTPServer(("127.0.0.1", 0), OneProject)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", public
    server.shutdown()
    server.server_close()


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
    assert failed.returncode == 1
    assert "HTTPS_PROXY" in failed.stderr
    assert "Nothing was changed." in failed.stderr


def test_a_proxy_that_refuses_is_told_apart() -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            self.send_error(407)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        failed = run(
            "call",
            "project_list",
            POSTHOG_HOST="https://posthog.invalid",
            POSTHOG_PERSONAL_API_KEY=KEY,
            HTTPS_PROXY=f"http://127.0.0.1:{server.server_port}",
            NO_PROXY="",
        )
    finally:
        server.shutdown()
        server.server_close()
    assert failed.returncode == 1
    assert "proxy refused" in failed.stderr
