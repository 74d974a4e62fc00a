"""Who calls: keys, sessions and their CSRF protection."""

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


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_key_is_accepted(sandbox: Sandbox, scheme: str) -> None:
    response = await sandbox.ask("GET", f"{ACME}/", key=None, headers={"authorization": f"{scheme} {READ_ONLY_KEY}"})
    assert response.status_code == 200


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


MISMATCH = "CSRF Failed: CSRF token missing or incorrect."


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
        ({"x-csrftoken": None}, MISMATCH),
        ({"x-csrftoken": "another"}, MISMATCH),
        ({"cookie": f"sessionid={SESSION_ID}; posthog_csrftoken=x", "x-csrftoken": "x"}, MISMATCH),
    ],
)
async def test_csrf(sandbox: Sandbox, changed: dict[str, str | None], detail: str) -> None:
    headers = {name: value for name, value in {**SESSION_HEADERS, **changed}.items() if value is not None}
    response = await sandbox.ask("PATCH", f"{PRODUCTION}/reset_token/", key=None, headers=headers)
    assert (response.status_code, response.json()) == (403, forbidden(detail))


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
