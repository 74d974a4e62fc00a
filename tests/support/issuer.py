"""An issuer of JSON Web Tokens on this machine, and its keys."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

PUBLIC = "https://mcp.example.com/team/mcp"
BOTH = "project:read project:write"
RSA = rsa.generate_private_key(65537, 2048)
RSA_OTHER = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
EC_384 = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()


def public(key: Any, kid: str, **more: str) -> dict[str, Any]:
    """A key as an issuer publishes it; without `alg`, which is optional."""
    kinds: list[tuple[type, Any]] = [
        (rsa.RSAPrivateKey, RSAAlgorithm),
        (ec.EllipticCurvePrivateKey, ECAlgorithm),
        (ed25519.Ed25519PrivateKey, OKPAlgorithm),
    ]
    algorithm = next(algorithm for kind, algorithm in kinds if isinstance(key, kind))
    return {**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig", **more}


KEYS = [
    public(RSA, "rsa"),
    public(RSA_OTHER, "rsa-named", alg="PS256"),
    public(EC, "ec", alg="ES256"),
    public(EC_384, "ec-384"),
    public(ED, "ed", alg="EdDSA"),
    {**public(RSA_OTHER, "for-encryption"), "use": "enc"},
    {"kty": "oct", "kid": "shared", "k": "c2hhcmVkLXNlY3JldC1vZi10aGUtaXNzdWVy"},
    {"kty": "of-the-future", "kid": "future"},
]


@dataclass
class Idp:
    """An issuer on this machine."""

    keys: Any = field(default_factory=lambda: list(KEYS))
    origin: str = ""
    asked: list[str] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    """Where a path sends whoever asks for it."""

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.origin,
            "aud": PUBLIC,
            "sub": "user-1",
            "iat": now,
            "exp": now + 300,
            "scope": BOTH,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self, key: Any = RSA, algorithm: str = "RS256", kid: str | None = "rsa", head: Any = None, **changes: Any
    ) -> str:
        """A token of this issuer, as it should be but for the changes; a claim that is None is left out."""
        headers = {**({} if kid is None else {"kid": kid}), **(head or {})}
        return jwt.encode(self.claims(**changes), key, algorithm, headers)


@contextmanager
def issuing() -> Iterator[Idp]:
    idp = Idp()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            idp.asked.append(self.path)
            documents = {
                "/.well-known/oauth-authorization-server": {"issuer": idp.origin, "jwks_uri": f"{idp.origin}/keys"},
                "/keys": {"keys": idp.keys},
            }
            body = json.dumps(documents.get(self.path, {})).encode()
            if to := idp.redirects.get(self.path):
                self.send_response(302)
                self.send_header("Location", to)
            else:
                self.send_response(200 if self.path in documents else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    idp.origin = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield idp
    finally:
        server.shutdown()
        server.server_close()
