"""The keys of an issuer: when they are fetched, and what happens while it is away or hangs."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from projects_mcp.http.jwks import IssuerKeys, IssuerUnavailable, fetch_json
from projects_mcp.http.jwt import InvalidToken, Issuer
from projects_mcp.http.limits import KEYS_BYTES
from tests.support.callers import entry, token_of, write_callers
from tests.support.issuer import EC, PUBLIC, RSA, RSA_OTHER, Idp, issuing, public
from tests.support.posthog import Upstream
from tests.support.served import HARMLESS, served
from tests.support.waiting import PATIENCE_S, audit_records_of

ISSUER = Idp(origin="https://issuer.example.com")


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


def checked(steps: Callable[[Issuer, Keys, Clock], Any], *keys: dict[str, Any]) -> None:
    published, clock = Keys(*keys), Clock()
    address = "https://issuer.example.com/keys"
    issuer_keys = IssuerKeys(ISSUER.origin, address, fetch=published, clock=clock)
    anyio.run(steps, Issuer(ISSUER.origin, PUBLIC, issuer_keys), published, clock)


def test_subjects_are_told_apart_to_their_last_letter() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        subjects = ["x" * 200, "x" * 200 + "a", "x" * 200 + "b", "X" * 200]
        callers = {(await issuer.verify(ISSUER.token(sub=subject))).caller for subject in subjects}
        assert len({caller.name for caller in callers}) == len(subjects)

    checked(steps, public(RSA, "rsa"))


def test_a_new_key_is_picked_up_at_once() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        for _ in range(50):
            assert "user-1" in (await issuer.verify(ISSUER.token())).caller.name
        assert keys.asked == 1
        keys.document = {"keys": [public(EC, "new")]}
        assert "user-1" in (await issuer.verify(ISSUER.token(EC, "ES256", "new"))).caller.name
        assert keys.asked == 2
        with pytest.raises(InvalidToken):
            await issuer.verify(ISSUER.token())

    checked(steps, public(RSA, "rsa"))


def test_a_withdrawn_key_is_forgotten_in_ten_minutes() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        await issuer.verify(ISSUER.token())
        keys.document = {"keys": [public(RSA_OTHER, "other")]}
        await issuer.verify(ISSUER.token())
        clock.now += 601
        with pytest.raises(InvalidToken):
            await issuer.verify(ISSUER.token())

    checked(steps, public(RSA, "rsa"))


def test_an_issuer_that_is_away_keeps_nobody_out_who_is_known() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        await issuer.verify(ISSUER.token())
        useless: list[Any] = [OSError("away"), {}, {"keys": []}, {"keys": "none"}, [], None, {"keys": [{"kty": "x"}]}]
        for broken in useless:
            keys.document = broken
            clock.now += 700
            for _ in range(10):
                assert "user-1" in (await issuer.verify(ISSUER.token())).caller.name, broken

    checked(steps, public(RSA, "rsa"))


def test_an_issuer_that_was_never_there_is_said_so_each_time() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        keys.document = OSError("away")
        for _ in range(20):  # it is not the token that is wrong
            with pytest.raises(IssuerUnavailable):
                await issuer.verify(ISSUER.token())
        assert keys.asked <= 5
        clock.now += 61
        keys.document = {"keys": [public(RSA, "rsa")]}
        assert "user-1" in (await issuer.verify(ISSUER.token())).caller.name

    checked(steps)


def test_forged_tokens_do_not_make_it_ask_each_time() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        for number in range(100):
            with pytest.raises(InvalidToken):
                await issuer.verify(ISSUER.token(kid=f"unknown-{number}"))
        assert keys.asked <= 5
        assert "user-1" in (await issuer.verify(ISSUER.token())).caller.name
        clock.now += 61
        keys.document = {"keys": [public(EC, "new")]}
        assert "user-1" in (await issuer.verify(ISSUER.token(EC, "ES256", "new"))).caller.name

    checked(steps, public(RSA, "rsa"))


def test_many_who_wait_for_the_keys_ask_once() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(issuer.verify, ISSUER.token())
        assert keys.asked == 1

    checked(steps, public(RSA, "rsa"))


def test_one_key_needs_no_name() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        assert "user-1" in (await issuer.verify(ISSUER.token(kid=None))).caller.name
        keys.document = {"keys": [public(RSA, "rsa"), public(EC, "ec")]}
        clock.now += 700
        with pytest.raises(InvalidToken):
            await issuer.verify(ISSUER.token(kid=None))

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
            await Issuer(ISSUER.origin, PUBLIC, IssuerKeys(ISSUER.origin, fetch=fetch)).verify(ISSUER.token())

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
        assert all("user-1" in line["caller"] for line in audit_records_of(audit))


def test_an_issuer_that_hangs_keeps_nobody_out_who_is_known() -> None:
    going_on, asked = threading.Event(), 0

    def fetch(address: str) -> Any:
        nonlocal asked
        asked += 1
        if asked > 1:
            going_on.wait(PATIENCE_S)
        return {"keys": [public(RSA, "rsa")]}

    async def steps() -> None:
        clock = Clock()
        keys = IssuerKeys(ISSUER.origin, "https://issuer.example.com/keys", fetch=fetch, clock=clock)
        issuer = Issuer(ISSUER.origin, PUBLIC, keys)
        await issuer.verify(ISSUER.token())
        for late_s in (301, 700):
            clock.now += late_s
            began = time.monotonic()
            for _ in range(20):
                assert "user-1" in (await issuer.verify(ISSUER.token())).caller.name
            assert time.monotonic() - began < 2
        assert asked == 2, "once at a time"
        with anyio.move_on_after(0.1) as waiting:
            await issuer.verify(ISSUER.token(kid="new"))
        assert waiting.cancelled_caught, "only who brings an unknown key waits"
        going_on.set()
        with pytest.raises(InvalidToken):
            await issuer.verify(ISSUER.token(kid="new"))

    anyio.run(steps)


def test_keys_in_use_are_fetched_again_before_they_expire() -> None:
    async def steps(issuer: Issuer, keys: Keys, clock: Clock) -> None:
        await issuer.verify(ISSUER.token())
        clock.now += 301
        keys.document = {"keys": [public(RSA, "rsa"), public(EC, "ec")]}
        assert "user-1" in (await issuer.verify(ISSUER.token())).caller.name
        assert "user-1" in (await issuer.verify(ISSUER.token(EC, "ES256", "ec"))).caller.name
        assert keys.asked == 2

    checked(steps, public(RSA, "rsa"))


@pytest.mark.parametrize("path", ["/keys", "/.well-known/openid-configuration"])
def test_no_redirect_of_an_issuer_is_followed(path: str) -> None:
    with issuing() as elsewhere, issuing() as idp:
        idp.redirects = {path: f"{elsewhere.origin}{path}"}
        with pytest.raises(OSError, match="302"):
            fetch_json(f"{idp.origin}{path}")
        assert elsewhere.asked == []


def test_a_document_that_is_too_long_is_not_read() -> None:
    with issuing() as idp:
        idp.keys = ["x" * KEYS_BYTES]
        with pytest.raises(ValueError, match="too long"):
            fetch_json(f"{idp.origin}/keys")
