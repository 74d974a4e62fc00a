"""Who calls: keys, sessions and their CSRF protection."""

from dataclasses import replace
from datetime import timedelta

import pytest

from projects_mcp.sandbox import ADMIN_ID, CSRF_TOKEN, OAUTH_TOKEN, READ_ONLY_KEY, SESSION_ID
from projects_mcp.sandbox.world.state import Session
from tests.support.sandbox import ACME, ORIGIN, PRODUCTION, SESSION_HEADERS, Sandbox, forbidden

pytestmark = pytest.mark.anyio

NO_KEY = {
    "type": "authentication_error",
    "code": "not_authenticated",
    "detail": "Authentication credentials were not provided.",
    "attr": None,
}
WRONG_KEY = {
    "type": "authentication_error",
    "code": "authentication_failed",
    "detail": "Personal API key found in request Authorization header is invalid.",
    "attr": None,
}
CHALLENGE = f'Bearer resource_metadata="{ORIGIN}/.well-known/oauth-protected-resource"'


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic abc"}, {"authorization": "Bearer "}])
async def test_no_credential(sandbox: Sandbox, headers: dict[str, str]) -> None:
    response = await sandbox.ask("GET", f"{ACME}/", key=None, headers=headers)
    assert (response.status_code, response.json()) == (401, NO_KEY)
    assert response.headers["www-authenticate"] == CHALLENGE


@pytest.mark.parametrize("key", ["phx_nobody", "phs_secretTokensAreNotAccepted", "legacy"])
async def test_a_key_that_nobody_has(sandbox: Sandbox, key: str) -> None:
    response = await sandbox.ask("GET", f"{ACME}/", key=key)
    assert (response.status_code, response.json()) == (401, WRONG_KEY)
    assert response.headers["www-authenticate"] == CHALLENGE


async def test_an_unknown_oauth_token(sandbox: Sandbox) -> None:
    response = await sandbox.ask("GET", f"{ACME}/", key="pha_nobody")
    assert (response.status_code, response.json()) == (401, {**WRONG_KEY, "detail": "Invalid access token."})


async def test_older_versions_do_not_challenge(sandbox: Sandbox) -> None:
    sandbox.play(www_authenticate_header=False)
    for key in (None, "phx_nobody"):
        assert "www-authenticate" not in (await sandbox.ask("GET", f"{ACME}/", key=key)).headers


@pytest.mark.parametrize(("scheme", "status"), [("Bearer", 200), ("Bearer ", 200), ("bearer", 401), ("Token", 401)])
async def test_how_a_key_is_written(sandbox: Sandbox, scheme: str, status: int) -> None:
    response = await sandbox.ask("GET", f"{ACME}/", key=None, headers={"authorization": f"{scheme} {READ_ONLY_KEY}"})
    assert response.status_code == status
    assert status == 200 or response.json() == NO_KEY


async def test_an_oauth_token_is_accepted(sandbox: Sandbox) -> None:
    assert (await sandbox.ask("GET", f"{ACME}/", key=OAUTH_TOKEN)).status_code == 200


async def test_a_session_reads_without_csrf(sandbox: Sandbox) -> None:
    response = await sandbox.ask("GET", f"{ACME}/", key=None, headers={"cookie": f"sessionid={SESSION_ID}"})
    assert response.status_code == 200


async def test_a_session_writes_with_csrf(sandbox: Sandbox) -> None:
    response = await sandbox.by_session("PATCH", f"{PRODUCTION}/", json={"timezone": "UTC"})
    assert response.status_code == 200
    assert response.json()["timezone"] == "UTC"


async def test_an_unknown_session(sandbox: Sandbox) -> None:
    response = await sandbox.ask("GET", f"{ACME}/", key=None, headers={"cookie": "sessionid=nobody"})
    assert (response.status_code, response.json()) == (401, NO_KEY)


async def test_a_session_that_is_over(sandbox: Sandbox) -> None:
    expires_at = sandbox.clock() + timedelta(hours=1)
    sandbox.world.sessions[SESSION_ID] = Session(SESSION_ID, ADMIN_ID, CSRF_TOKEN, expires_at)
    assert (await sandbox.by_session("GET", f"{ACME}/")).status_code == 200
    sandbox.clock.pass_(hours=1)
    response = await sandbox.by_session("GET", f"{ACME}/")
    assert (response.status_code, response.json()) == (401, NO_KEY)


CSRF_HEADER = "CSRF Failed: CSRF token from the 'X-Csrftoken' HTTP header"
SHORT_COOKIE = f"sessionid={SESSION_ID}; posthog_csrftoken=x"
ODD_COOKIE = f"sessionid={SESSION_ID}; posthog_csrftoken={'-' * 32}"


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"referer": None}, "CSRF Failed: Referer checking failed - no Referer."),
        (
            {"referer": "https://evil.test/x"},
            "CSRF Failed: Referer checking failed - https://evil.test/x does not match any trusted origins.",
        ),
        (
            {"referer": "http://sandbox.test/x"},
            "CSRF Failed: Referer checking failed - http://sandbox.test/x does not match any trusted origins.",
        ),
        ({"cookie": f"sessionid={SESSION_ID}"}, "CSRF Failed: CSRF cookie not set."),
        ({"x-csrftoken": None}, "CSRF Failed: CSRF token missing."),
        ({"x-csrftoken": CSRF_TOKEN[::-1]}, f"{CSRF_HEADER} incorrect."),
        ({"x-csrftoken": "another"}, f"{CSRF_HEADER} has incorrect length."),
        ({"x-csrftoken": "-" * 32}, f"{CSRF_HEADER} has invalid characters."),
        ({"cookie": SHORT_COOKIE, "x-csrftoken": "x"}, "CSRF Failed: CSRF cookie has incorrect length."),
        ({"cookie": ODD_COOKIE}, "CSRF Failed: CSRF cookie has invalid characters."),
        (
            {"origin": "https://evil.test"},
            "CSRF Failed: Origin checking failed - https://evil.test does not match any trusted origins.",
        ),
    ],
)
async def test_csrf(sandbox: Sandbox, changed: dict[str, str | None], detail: str) -> None:
    headers = {name: value for name, value in {**SESSION_HEADERS, **changed}.items() if value is not None}
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/reset_token/", key=None, headers=headers)
    assert (response.status_code, response.json()) == (403, forbidden(detail))


@pytest.mark.parametrize("token", [CSRF_TOKEN, "invented0csrf0token0000000000001", "a" * 64])
async def test_cookie_and_header_are_equal_and_that_is_all(sandbox: Sandbox, token: str) -> None:
    headers = {**SESSION_HEADERS, "cookie": f"sessionid={SESSION_ID}; posthog_csrftoken={token}", "x-csrftoken": token}
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/reset_token/", key=None, headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(("token", "status"), [(CSRF_TOKEN, 200), ("invented0csrf0token0000000000001", 403)])
async def test_a_posthog_that_takes_the_token_of_the_session_only(sandbox: Sandbox, token: str, status: int) -> None:
    sandbox.world.behaviour = replace(sandbox.world.behaviour, takes_any_csrf_token=False)
    headers = {**SESSION_HEADERS, "cookie": f"sessionid={SESSION_ID}; posthog_csrftoken={token}", "x-csrftoken": token}
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/reset_token/", key=None, headers=headers)
    assert response.status_code == status
    if status == 403:
        assert response.json() == forbidden(f"{CSRF_HEADER} incorrect.")


async def test_nobody_looks_at_a_referer_without_https_or_beside_an_origin(sandbox: Sandbox) -> None:
    headers = {**SESSION_HEADERS, "referer": "https://evil.test/"}
    path = f"{PRODUCTION}/reset_token/"
    plain = await sandbox.ask("PATCH", f"http://sandbox.test{path}", key=None, headers=headers)
    beside = await sandbox.ask("PATCH", path, key=None, headers={**headers, "origin": ORIGIN})
    assert (plain.status_code, beside.status_code) == (200, 200)


async def test_a_key_wins_over_a_session(sandbox: Sandbox) -> None:
    path = f"{PRODUCTION}/is_generating_demo_data/"
    response = await sandbox.ask("GET", path, headers=SESSION_HEADERS)
    assert response.json() == forbidden("This action does not support personal API key access")
    response = await sandbox.ask("GET", path, key="phx_nobody", headers=SESSION_HEADERS)
    assert response.json() == WRONG_KEY


async def test_authentication_comes_before_everything(sandbox: Sandbox) -> None:
    for method, path in [("PUT", f"{ACME}/"), ("GET", "/api/organizations/x/projects/"), ("GET", f"{ACME}/abc/")]:
        response = await sandbox.ask(method, path, key=None, content=b"{")
        assert (response.status_code, response.json()) == (401, NO_KEY)
