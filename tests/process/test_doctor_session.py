"""What the doctor tells about a browser session that was given without its CSRF token."""

from collections.abc import Callable
from typing import Any

import pytest

from projects_mcp.sandbox import SESSION_ID, seed
from projects_mcp.sandbox.app import create_app
from tests.support.csrf import AnyPair, OwnToken, refuse
from tests.support.doctor import Examined, healthy
from tests.support.harness import Recorder
from tests.support.upstream import serving

pytestmark = pytest.mark.usefixtures("no_proxy")

PROBE = "/api/organizations/@current/projects/0/is_generating_demo_data/"


def without_token(origin: str, **more: str) -> dict[str, str]:
    environment = healthy(origin, **more)
    del environment["POSTHOG_CSRF_TOKEN"]
    return environment


def test_a_pair_of_our_own_is_tried_on_a_project_that_cannot_exist(doctor: Callable[..., Examined]) -> None:
    posthog = AnyPair(create_app(seed()))
    recorder = Recorder(posthog)
    with serving(recorder) as upstream:
        examined = doctor(**without_token(upstream.origin))
    assert (examined.code, examined.told()) == (0, set())
    assert examined.of("session")["level"] == "ok"
    assert "a CSRF token that this server makes itself" in examined.of("session")["sentence"]
    assert {sent.line for sent in recorder.writes} == {f"POST {PROBE}"}
    assert {sent.body for sent in recorder.writes} == {None}
    assert all("authorization" not in sent.headers for sent in recorder.writes)
    assert posthog.pairs[0].cookie not in examined.lines


def test_a_posthog_that_wants_its_own_token(doctor: Callable[..., Examined]) -> None:
    with serving(OwnToken(create_app(seed()))) as upstream:
        examined = doctor(**without_token(upstream.origin))
        assert (examined.code, examined.told()) == (1, {"csrf needed"})
        fix = examined.of("session")["fix"]
        assert "cookie posthog_csrftoken" in fix
        assert "into POSTHOG_CSRF_TOKEN" in fix
        assert upstream.origin in fix
        assert "sessionid into" not in fix, "the session itself is valid"
        examined = doctor(**healthy(upstream.origin))
        assert (examined.code, examined.told()) == (0, set())
        examined = doctor(**healthy(upstream.origin, POSTHOG_CSRF_TOKEN="planted0csrf0token00000000000001"))
        assert (examined.code, examined.told()) == (1, {"csrf"})


@pytest.mark.parametrize(
    "reason",
    [
        "Referer checking failed - http://a.example/ does not match any trusted origins.",
        "Origin checking failed - http://a.example does not match any trusted origins.",
    ],
)
def test_a_posthog_that_does_not_take_the_address(doctor: Callable[..., Examined], reason: str) -> None:
    with serving(OwnToken(create_app(seed()), reason)) as upstream:
        examined = doctor(**without_token(upstream.origin))
    assert (examined.code, examined.told()) == (1, {"csrf address"})
    assert "POSTHOG_HOST" in examined.of("session")["fix"]
    assert "POSTHOG_CSRF_TOKEN" not in examined.of("session")["fix"], "no token would help"


def test_an_expired_session_asks_for_one_cookie(doctor: Callable[..., Examined]) -> None:
    world = seed()
    world.sessions.clear()
    with serving(create_app(world)) as upstream:
        examined = doctor(**without_token(upstream.origin))
    assert (examined.code, examined.told()) == (1, {"session expired"})
    assert "sessionid" in examined.of("session")["fix"]
    assert "CSRF" not in examined.of("session")["fix"]


def test_an_address_that_asks_for_no_credential_proves_nothing(doctor: Callable[..., Examined]) -> None:
    application = create_app(seed())

    async def older(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == PROBE:
            await refuse(send, 404, "not_found", "Endpoint not found.")
        else:
            await application(scope, receive, send)

    with serving(older) as upstream:
        examined = doctor(**without_token(upstream.origin))
    assert examined.of("session")["level"] == "warning"
    assert "could not be checked" in examined.of("session")["sentence"]


def test_a_token_without_its_session_is_a_wrong_setting(doctor: Callable[..., Examined]) -> None:
    examined = doctor(POSTHOG_HOST="https://posthog.invalid", POSTHOG_CSRF_TOKEN="planted0csrf0token00000000000001")
    assert examined.code == 2
    assert "POSTHOG_SESSION_ID is missing" in examined.of("settings")["sentence"]
    assert SESSION_ID not in examined.lines
