"""The limits of each personal key, and the days when PostHog has no database."""

import pytest

from projects_mcp.sandbox import (
    MEMBER_KEY,
    NO_SCOPE_KEY,
    OAUTH_TOKEN,
    READ_ONLY_KEY,
    READ_WRITE_KEY,
    RateLimits,
)
from tests.support.sandbox import ACME, PRODUCTION, Sandbox

pytestmark = pytest.mark.anyio


def throttled(seconds: int) -> dict[str, str | None]:
    unit = "second" if seconds == 1 else "seconds"
    detail = f"Request was throttled. Expected available in {seconds} {unit}."
    return {"type": "throttled_error", "code": "throttled", "detail": detail, "attr": None}


async def test_the_limits_are_posthogs(sandbox: Sandbox) -> None:
    assert sandbox.world.behaviour.rate_limits == RateLimits(per_minute=480, per_hour=4800)


async def test_a_minute(sandbox: Sandbox) -> None:
    sandbox.play(rate_limits=RateLimits(per_minute=3, per_hour=100))
    for _ in range(3):
        await sandbox.get(f"{ACME}/")
        sandbox.clock.pass_(seconds=5.5)
    response = await sandbox.ask("GET", f"{ACME}/")
    assert (response.status_code, response.json()) == (429, throttled(44))
    assert response.headers["retry-after"] == "44"
    sandbox.clock.pass_(seconds=42.5)
    assert (await sandbox.ask("GET", f"{ACME}/")).json() == throttled(1)
    sandbox.clock.pass_(seconds=1)
    await sandbox.get(f"{ACME}/")
    assert (await sandbox.ask("GET", f"{ACME}/")).status_code == 429


async def test_an_hour(sandbox: Sandbox) -> None:
    sandbox.play(rate_limits=RateLimits(per_minute=2, per_hour=3))
    for _ in range(3):
        await sandbox.get(f"{ACME}/")
        sandbox.clock.pass_(minutes=10)
    response = await sandbox.ask("GET", f"{ACME}/")
    assert (response.status_code, response.json()) == (429, throttled(30 * 60))
    sandbox.clock.pass_(minutes=30)
    await sandbox.get(f"{ACME}/")


async def test_each_key_has_its_own_limits(sandbox: Sandbox) -> None:
    sandbox.play(rate_limits=RateLimits(per_minute=1, per_hour=100))
    for key in (READ_WRITE_KEY, READ_ONLY_KEY, MEMBER_KEY):
        assert (await sandbox.ask("GET", f"{ACME}/", key=key)).status_code == 200
        assert (await sandbox.ask("GET", f"{ACME}/", key=key)).status_code == 429


async def test_refusals_use_nothing_up(sandbox: Sandbox) -> None:
    sandbox.play(rate_limits=RateLimits(per_minute=1, per_hour=100))
    for method, path, status in (
        ("POST", f"{ACME}/", 403),
        ("GET", f"{PRODUCTION}/activity/", 403),
        ("GET", f"{ACME}/1/", 404),
        ("GET", f"{ACME}/abc/", 400),
        ("PUT", f"{ACME}/", 403),
        ("PATCH", f"{ACME}/", 403),
    ):
        assert (await sandbox.ask(method, path, key=READ_ONLY_KEY)).status_code == status
    assert (await sandbox.ask("GET", f"{ACME}/", key=READ_ONLY_KEY)).status_code == 200


async def test_the_limit_comes_after_permissions_and_before_the_body(sandbox: Sandbox) -> None:
    sandbox.play(rate_limits=RateLimits(per_minute=1, per_hour=100))
    assert (await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"timezone": "Mars/X"})).status_code == 400
    assert (await sandbox.ask("PATCH", f"{PRODUCTION}/", json={"timezone": "Mars/X"})).status_code == 429
    assert (await sandbox.ask("GET", f"{PRODUCTION}/activity/")).status_code == 403


async def test_sessions_and_oauth_tokens_are_not_limited(sandbox: Sandbox) -> None:
    sandbox.play(rate_limits=RateLimits(per_minute=1, per_hour=1))
    for _ in range(3):
        assert (await sandbox.by_session("GET", f"{ACME}/")).status_code == 200
        assert (await sandbox.ask("GET", f"{ACME}/", key=OAUTH_TOKEN)).status_code == 200


async def test_introspection_is_limited_too(sandbox: Sandbox) -> None:
    sandbox.play(rate_limits=RateLimits(per_minute=1, per_hour=100))
    path = "/api/personal_api_keys/@current/"
    assert (await sandbox.ask("GET", path, key=NO_SCOPE_KEY)).status_code == 200
    assert (await sandbox.ask("GET", path, key=NO_SCOPE_KEY)).status_code == 429


async def test_some_versions_send_no_header(sandbox: Sandbox) -> None:
    sandbox.play(rate_limits=RateLimits(per_minute=1, per_hour=100), retry_after_header=False)
    await sandbox.get(f"{ACME}/")
    response = await sandbox.ask("GET", f"{ACME}/")
    assert (response.status_code, response.json()) == (429, throttled(60))
    assert "retry-after" not in response.headers


async def test_installations_without_limits(sandbox: Sandbox) -> None:
    sandbox.play(rate_limits=None)
    for _ in range(500):
        assert (await sandbox.ask("GET", "/api/personal_api_keys/@current/")).status_code == 200
    assert not sandbox.world.requests


async def test_the_database_is_away(sandbox: Sandbox) -> None:
    sandbox.play(database_unavailable=True)
    response = await sandbox.ask("GET", f"{ACME}/")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json() == {
        "type": "server_error",
        "code": "database_unavailable",
        "detail": "We couldn't reach the database just now. Please try again in a moment.",
        "attr": None,
    }
