"""JSON Web Tokens over HTTP: which are accepted."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from tests.support.issuer import EC, EC_384, ED, PUBLIC, RSA, RSA_OTHER, Idp, public
from tests.support.messages import Answered
from tests.support.posthog import Upstream


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (RSA, "RS256", "rsa"),
        (RSA, "RS512", "rsa"),
        (RSA, "PS256", "rsa"),
        (RSA_OTHER, "PS256", "rsa-named"),
        (EC, "ES256", "ec"),
        (EC_384, "ES384", "ec-384"),
        (ED, "EdDSA", "ed"),
    ],
)
def test_tokens_of_the_issuer_come_in(
    call: Callable[..., Answered], idp: Idp, key: Any, algorithm: str, kid: str
) -> None:
    assert call(idp.token(key, algorithm, kid)).result["projects"]


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "project:read"},
        {"scope": "openid project:read profile"},
        {"scope": ["project:read", "project:write"]},
        {"scope": None, "scp": "project:read"},
        {"scope": None, "scp": ["project:read"]},
        {"scope": "project:write"},
        {"aud": ["https://other.example.com", PUBLIC]},
        {"nbf": 1},
        {"head": {"typ": "at+jwt"}},
        {"sub": "ü"},
        {"sub": "x" * 5_000},
        {"more": {"deep": [1, 2, {"x": None}]}},
    ],
)
def test_claims_in_any_usual_form(call: Callable[..., Answered], idp: Idp, changes: dict[str, Any]) -> None:
    assert call(idp.token(**changes)).result["projects"]


def assert_refused(answer: Answered) -> None:
    assert answer.status == 401
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith("Bearer ")
    for part in (
        'error="invalid_token"',
        'scope="project:read"',
        'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/team/mcp"',
    ):
        assert part in challenge


def far(seconds: int) -> int:
    return int(time.time()) + seconds


@pytest.mark.parametrize(
    "changes",
    [
        lambda: {"exp": far(-60)},
        lambda: {"exp": None},
        lambda: {"exp": "soon"},
        lambda: {"nbf": far(60)},
        lambda: {"iat": far(600)},
        lambda: {"aud": "https://mcp.example.com"},
        lambda: {"aud": "https://mcp.example.com/team/mcp/"},
        lambda: {"aud": []},
        lambda: {"aud": None},
        lambda: {"iss": "https://evil.example"},
        lambda: {"iss": None},
        lambda: {"sub": None},
        lambda: {"sub": 5},
        lambda: {"key": RSA_OTHER},
        lambda: {"key": RSA_OTHER, "kid": "for-encryption"},
        lambda: {"algorithm": "PS256", "key": RSA, "kid": "rsa-named"},
        lambda: {"algorithm": "ES256", "key": EC, "kid": "rsa"},
        lambda: {"algorithm": "EdDSA", "key": ED, "kid": "ec"},
        lambda: {"head": {"crit": ["exp"]}},
        lambda: {"head": {"b64": False}},
        lambda: {"scope": "x " * 10_000},
    ],
)
def test_everything_else_stays_out(
    call: Callable[..., Answered], idp: Idp, upstream: Upstream, changes: Callable[[], dict[str, Any]]
) -> None:
    assert_refused(call(idp.token(**changes())))
    assert upstream.recorder.requests == []


def unsigned(head: Mapping[str, Any], claims: Mapping[str, Any], secret: bytes = b"") -> str:
    """A token made by hand, with a signature by a shared secret or none."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, claims)]
    signature = hmac.new(secret, b".".join(parts), hashlib.sha256).digest() if secret else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_signatures_that_anybody_can_make_stay_out(call: Callable[..., Answered], idp: Idp) -> None:
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = RSA.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    claims = idp.claims()
    for kid in ("rsa", "shared", ""):
        for algorithm in ("none", "None", "", "HS256", None, 5, ["RS256"]):
            for secret in (b"", pem, der, b"shared-secret-of-the-issuer"):
                assert_refused(call(unsigned({"alg": algorithm, "kid": kid}, claims, secret)))
        assert_refused(call(unsigned({"alg": "RS256", "kid": kid}, claims, pem)))
    own = {"alg": "RS256", "kid": "rsa", "jwk": public(RSA_OTHER, "own"), "jku": "https://evil.example/keys"}
    assert_refused(call(jwt.encode(claims, RSA_OTHER, "RS256", own)))
    first, second, third = idp.token().split(".")
    other = base64.urlsafe_b64encode(json.dumps(idp.claims(sub="admin")).encode()).rstrip(b"=").decode()
    for token in (f"{first}.{other}.{third}", f"{first}.{second}.", f"{first}.{second}", f"{first}..{third}"):
        assert_refused(call(token))


def test_nonsense_stays_out(call: Callable[..., Answered]) -> None:
    deep = base64.urlsafe_b64encode(b'{"alg":' + b"[" * 9_000).rstrip(b"=").decode()
    number = base64.urlsafe_b64encode(b'{"alg": 1' + b"0" * 9_000 + b"}").rstrip(b"=").decode()
    for token in ("a.b.c", "...", "eyJ.eyJ.eyJ", f"{deep}.e30.AA", f"{number}.e30.AA", "bnVsbA.e30.AA", "W10.e30.AA"):
        assert_refused(call(token))
    assert_refused(call("x" * 20_000))
    assert 400 <= call("x" * 100_000).status < 500
