"""JSON Web Tokens of an issuer: which are accepted, what their scopes allow, and what a client is told."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from projects_mcp.http.jwks import IssuerKeys, IssuerUnavailable
from projects_mcp.http.jwt import InvalidToken, Issuer
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from tests.support.harness import ERAS, Era, refusal_of
from tests.support.served import (
    HARMLESS,
    Answered,
    Served,
    Upstream,
    entry,
    journal_of,
    posthog,
    refused_start,
    served,
    token_of,
    write_callers,
)

PUBLIC = "https://mcp.example.com/team/mcp"
BOTH = "project:read project:write"
RESET = "project_reset_token"
MOBILE = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}

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


@pytest.fixture(scope="module")
def idp() -> Iterator[Idp]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def behind() -> Iterator[Upstream]:
    with posthog() as upstream:
        yield upstream


@pytest.fixture
def upstream(behind: Upstream) -> Upstream:
    behind.forget()
    return behind


@pytest.fixture(scope="module")
def tokens() -> list[str]:
    """Every token that was sent."""
    return []


@pytest.fixture(scope="module")
def server(behind: Upstream, idp: Idp, tokens: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("oauth")
    audit = folder / "audit"
    settings = {
        "PROJECTS_MCP_OAUTH_ISSUER": idp.origin,
        "PROJECTS_MCP_PUBLIC_URL": PUBLIC,
        "PROJECTS_MCP_CALLERS": str(write_callers(folder / "callers", entry("user-1", scopes=["project:read"]))),
        "PROJECTS_MCP_AUDIT_LOG": str(audit),
        "PROJECTS_MCP_ALLOWED_HOSTS": "mcp.example.com",
    }
    with served(POSTHOG_HOST=behind.origin, **HARMLESS, **settings) as process:
        assert idp.asked == [], "the issuer is asked when it is needed"
        yield process
        tokens.append(idp.token())  # whichever tests have run
        assert process.call("project_list", {}, tokens[-1]).status == 200
    said = process.stderr + audit.read_text(encoding="utf-8") + behind.everything
    parts = {part for token in tokens for part in token.split(".") if len(part) > 20}
    assert parts
    assert [part for part in {*parts, token_of("user-1")} if part in said] == []
    assert [
        secret for secret in HARMLESS.values() if secret in process.stderr + audit.read_text(encoding="utf-8")
    ] == []
    assert "Traceback" not in process.stderr


@pytest.fixture
def call(server: Served, tokens: list[str], upstream: Upstream) -> Callable[..., Answered]:
    def call(token: str, tool: str = "project_list", arguments: Mapping[str, Any] | None = None) -> Answered:
        tokens.append(token)
        answer = server.call(tool, arguments, token)
        assert token not in answer.body.decode()
        return answer

    return call


# Which are accepted -------------------------------------------------------------------------------------------------


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


def test_without_a_token_a_client_learns_where_to_get_one(server: Served) -> None:
    answer = server.call("project_list")
    assert answer.status == 401
    challenge = answer.headers["www-authenticate"]
    assert 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/team/mcp"' in challenge
    assert 'scope="project:read"' in challenge
    assert "error=" not in challenge, "nothing was wrong with what was not given"


@pytest.mark.parametrize("path", ["", "/mcp", "/team/mcp"])
@pytest.mark.parametrize("host", ["mcp.example.com", "127.0.0.1"])
def test_the_metadata_names_the_issuer(server: Served, idp: Idp, path: str, host: str) -> None:
    answer = server.get(f"/.well-known/oauth-protected-resource{path}", Host=host)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "resource": PUBLIC,
        "authorization_servers": [idp.origin],
        "scopes_supported": ["project:read", "project:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "projects-mcp",
    }
    assert server.get("/.well-known/oauth-protected-resource/other").status == 404


# What they may do ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["project:read", "openid", "", ["project:read"], [{}, None, 5], {"project:write": 1}])
def test_a_missing_scope_is_said_before_anything_runs(
    call: Callable[..., Answered], idp: Idp, upstream: Upstream, scope: Any
) -> None:
    answer = call(idp.token(scope=scope), RESET, MOBILE)
    assert answer.status == 403
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="project:read project:write"' in challenge, "all that the tool needs"
    assert "resource_metadata=" in challenge
    answer = call(idp.token(scope=scope), "project_get", {"project_id": PRODUCTION_ID})
    if "project:read" in scope:
        assert answer.result["id"] == PRODUCTION_ID
    else:
        assert answer.status == 403
        assert 'scope="project:read"' in answer.headers["www-authenticate"]
        assert upstream.recorder.requests == []
    assert upstream.recorder.writes == []


def test_the_list_shows_what_the_scopes_allow(server: Served, idp: Idp) -> None:
    assert len(server.tools(idp.token())) == 13
    assert len(server.tools(idp.token(scope="project:read"))) == 4
    assert server.tools(idp.token(scope="openid")) == []
    assert server.tools(token_of("user-1")) == server.tools(idp.token(scope="project:read"))


def test_the_scope_is_checked_however_the_call_is_written(server: Served, idp: Idp, upstream: Upstream) -> None:
    token = idp.token(scope="project:read")
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "project_create", "arguments": {"name": "x"}},
    }
    text = json.dumps(body)
    forms = [
        text.encode(),
        text.replace("project_create", "project\\u005fcreate").encode(),
        text.replace('"name": "project_create"', '"name": "project_list", "name": "project_create"').encode(),
        text.replace('"name": "project_create"', '"name": "project_create", "name": "project_list"').encode(),
        text.encode("utf-16"),
        b"\xef\xbb\xbf" + text.encode(),
        f"[{text}]".encode(),
    ]
    for version in ("", "2026-07-28"):
        for form in forms:
            server.post(form, token, MCP_Protocol_Version=version, Mcp_Name="project_create", Mcp_Method="tools/call")
    assert upstream.recorder.writes == []


@pytest.mark.anyio
@pytest.mark.parametrize("era", ERAS)
async def test_the_sdks_own_client_comes_in(server: Served, idp: Idp, tokens: list[str], era: Era) -> None:
    tokens.append(token := idp.token())
    async with server.client(token, era) as client:
        assert len((await client.list_tools()).tools) == 13
        _, detail = refusal_of(await client.call_tool("project_get", {"project_id": 99}))
        assert detail["kind"] == "not_found"


def test_a_yes_is_bound_to_issuer_and_subject(server: Served, idp: Idp, upstream: Upstream) -> None:
    one, other = idp.token(), idp.token(sub="user-2")
    state = server.call(RESET, MOBILE, one, asks=True).question
    assert server.call(RESET, MOBILE, other, asks=True, state=state).json["error"]["code"] == -32602
    assert server.call(RESET, MOBILE, token_of("user-1"), asks=True, state=state).json.get("error") or (
        server.call(RESET, MOBILE, token_of("user-1"), asks=True, state=state).refusal
    )
    assert upstream.recorder.writes == []
    fresh = idp.token(iat=int(time.time()) - 5)
    assert fresh != one
    assert server.call(RESET, MOBILE, fresh, asks=True, state=state).result["outcome"] == "applied"


def test_no_token_of_a_caller_leaves(call: Callable[..., Answered], idp: Idp, upstream: Upstream) -> None:
    token = idp.token()
    assert call(token, "project_create", {"name": "By token"}).result["outcome"] == "applied"
    assert upstream.keys == {HARMLESS["POSTHOG_PERSONAL_API_KEY"]}
    assert token not in upstream.everything


def test_a_file_caller_and_a_subject_of_the_same_name_are_two(
    server: Served, idp: Idp, upstream: Upstream, tmp_path: Path
) -> None:
    """Whoever reads the journal must be able to tell them apart."""
    server.call("project_list", {}, token_of("user-1"))
    server.call("project_list", {}, idp.token())
    lines = [json.loads(line) for line in server.stderr.splitlines() if '"event":"call"' in line][-2:]
    assert lines[0]["caller"] == "user-1"
    about = [{key: line.get(key) for key in line if key.startswith(("caller", "issuer"))} for line in lines]
    assert about[0] != about[1]


def test_subjects_are_told_apart_to_their_last_letter() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        subjects = ["x" * 200, "x" * 200 + "a", "x" * 200 + "b", "X" * 200]
        callers = {await issuer.caller_of(ISSUER.token(sub=subject)) for subject in subjects}
        assert len({caller.name for caller in callers}) == len(subjects)

    checked(steps, public(RSA, "rsa"))


# The issuer's keys --------------------------------------------------------------------------------------------------


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Keys:
    """What the issuer publishes, and how often it was asked."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.document: Any = {"keys": list(keys)}
        self.asked = 0

    def __call__(self, address: str) -> Any:
        self.asked += 1
        if isinstance(self.document, Exception):
            raise self.document
        return self.document


ISSUER = Idp(origin="https://issuer.example.com")


def checked(steps: Callable[[Issuer, Keys, Clock], Any], *keys: dict[str, Any]) -> None:
    published, clock = Keys(*keys), Clock()
    address = "https://issuer.example.com/keys"
    issuer_keys = IssuerKeys(ISSUER.origin, address, fetch=published, clock=clock)
    anyio.run(steps, Issuer(ISSUER.origin, PUBLIC, issuer_keys), published, clock)


def test_a_new_key_is_picked_up_at_once() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        for _ in range(50):
            assert "user-1" in (await issuer.caller_of(ISSUER.token())).name
        assert keys.asked == 1
        keys.document = {"keys": [public(EC, "new")]}
        assert "user-1" in (await issuer.caller_of(ISSUER.token(EC, "ES256", "new"))).name
        assert keys.asked == 2
        with pytest.raises(InvalidToken):
            await issuer.caller_of(ISSUER.token())

    checked(steps, public(RSA, "rsa"))


def test_a_withdrawn_key_is_forgotten_in_ten_minutes() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        await issuer.caller_of(ISSUER.token())
        keys.document = {"keys": [public(RSA_OTHER, "other")]}
        await issuer.caller_of(ISSUER.token())
        clock.now += 601
        with pytest.raises(InvalidToken):
            await issuer.caller_of(ISSUER.token())

    checked(steps, public(RSA, "rsa"))


def test_an_issuer_that_is_away_keeps_nobody_out_who_is_known() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        await issuer.caller_of(ISSUER.token())
        useless: list[Any] = [OSError("away"), {}, {"keys": []}, {"keys": "none"}, [], None, {"keys": [{"kty": "x"}]}]
        for broken in useless:
            keys.document = broken
            clock.now += 700
            for _ in range(10):
                assert "user-1" in (await issuer.caller_of(ISSUER.token())).name, broken

    checked(steps, public(RSA, "rsa"))


def test_an_issuer_that_was_never_there_is_said_so_each_time() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        keys.document = OSError("away")
        for _ in range(20):  # it is not the token that is wrong
            with pytest.raises(IssuerUnavailable):
                await issuer.caller_of(ISSUER.token())
        assert keys.asked <= 5
        clock.now += 61
        keys.document = {"keys": [public(RSA, "rsa")]}
        assert "user-1" in (await issuer.caller_of(ISSUER.token())).name

    checked(steps)


def test_forged_tokens_do_not_make_it_ask_each_time() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        for number in range(100):
            with pytest.raises(InvalidToken):
                await issuer.caller_of(ISSUER.token(kid=f"unknown-{number}"))
        assert keys.asked <= 5
        assert "user-1" in (await issuer.caller_of(ISSUER.token())).name
        clock.now += 61
        keys.document = {"keys": [public(EC, "new")]}
        assert "user-1" in (await issuer.caller_of(ISSUER.token(EC, "ES256", "new"))).name

    checked(steps, public(RSA, "rsa"))


def test_many_who_wait_for_the_keys_ask_once() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(issuer.caller_of, ISSUER.token())
        assert keys.asked == 1

    checked(steps, public(RSA, "rsa"))


def test_one_key_needs_no_name() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        assert "user-1" in (await issuer.caller_of(ISSUER.token(kid=None))).name
        keys.document = {"keys": [public(RSA, "rsa"), public(EC, "ec")]}
        clock.now += 700
        with pytest.raises(InvalidToken):
            await issuer.caller_of(ISSUER.token(kid=None))

    checked(steps, public(RSA, "rsa"))


@pytest.mark.parametrize(
    "named",
    [
        "http://127.0.0.1.evil.example/keys",
        "http://localhost.evil.example/",
        "http://issuer.example.com/",
        "file:///etc/passwd",
        5,
    ],
)
def test_keys_are_fetched_over_https_only(named: Any) -> None:
    asked: list[str] = []

    def fetch(address: str) -> Any:
        asked.append(address)
        return {"issuer": ISSUER.origin, "jwks_uri": named, "keys": [public(RSA, "rsa")]}

    async def steps() -> None:
        with pytest.raises(IssuerUnavailable):
            await Issuer(ISSUER.origin, PUBLIC, IssuerKeys(ISSUER.origin, fetch=fetch)).caller_of(ISSUER.token())

    anyio.run(steps)
    assert named not in asked


def test_the_issuer_is_down_and_comes_back(upstream: Upstream, tmp_path: Path) -> None:
    with issuing() as idp:
        good = idp.token()
        settings = {"PROJECTS_MCP_OAUTH_ISSUER": idp.origin, "PROJECTS_MCP_OAUTH_AUDIENCE": PUBLIC}
        path = write_callers(tmp_path / "callers", entry("ada"))
        jwks = {"PROJECTS_MCP_OAUTH_JWKS": f"{idp.origin}/missing"}
        with served(
            POSTHOG_HOST=upstream.origin, PROJECTS_MCP_CALLERS=str(path), **HARMLESS, **settings, **jwks
        ) as server:
            for _ in range(8):
                answer = server.call("project_list", {}, good)
                assert answer.status == 503
                assert int(answer.headers["retry-after"]) > 0
            assert server.call("project_list", {}, token_of("ada")).status == 200
            assert "Traceback" not in server.stderr
            assert good not in server.stderr
    with issuing() as idp:
        audit = tmp_path / "audit"
        settings = {"PROJECTS_MCP_OAUTH_ISSUER": idp.origin, "PROJECTS_MCP_OAUTH_AUDIENCE": PUBLIC}
        with served(POSTHOG_HOST=upstream.origin, PROJECTS_MCP_AUDIT_LOG=str(audit), **HARMLESS, **settings) as server:
            assert server.call("project_list", {}, idp.token()).status == 200
            assert idp.asked[-1] == "/keys"
            idp.keys = [public(EC, "turned")]
            assert server.call("project_list", {}, idp.token(EC, "ES256", "turned")).status == 200
            token = idp.token(EC, "ES256", "turned")
            idp.keys = None
            assert server.call("project_list", {}, token).status == 200
        assert all("user-1" in line["caller"] for line in journal_of(audit))


def test_on_loopback_a_token_is_needed_too_where_there_is_an_issuer(server: Served) -> None:
    assert "no token is needed" not in server.stderr
    assert server.call("project_list").status == 401
    assert server.get("/healthz").status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"PROJECTS_MCP_OAUTH_ISSUER": "http://issuer.example.com"},
        {"PROJECTS_MCP_OAUTH_ISSUER": "https://user:pass@issuer.example.com"},
        {"PROJECTS_MCP_OAUTH_ISSUER": "ftp://127.0.0.1"},
        {"PROJECTS_MCP_PUBLIC_URL": "mcp.example.com"},
    ],
)
def test_a_wrong_address_stops_the_start(changes: dict[str, str]) -> None:
    line = refused_start(**HARMLESS, **changes)
    assert next(iter(changes)) in line
    assert next(iter(changes.values())) not in line
