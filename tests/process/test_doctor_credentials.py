"""What the doctor tells apart about a key, a session, an organization and projects."""

from collections.abc import Callable

import pytest

from projects_mcp.sandbox import (
    ACME_ID,
    ALL_ACCESS_KEY,
    NO_SCOPE_KEY,
    NORTHWIND_ID,
    NORTHWIND_PROJECT_ID,
    OAUTH_TOKEN,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    PRODUCTION_ID,
    READ_ONLY_KEY,
    READ_WRITE_KEY,
    Behaviour,
    seed,
)
from projects_mcp.sandbox.app import create_app
from tests.contract.operations import TOOLS, WRITES
from tests.support.csrf import OwnToken
from tests.support.doctor import Examined, closed_port, healthy, posthog
from tests.support.harness import Recorder
from tests.support.upstream import serving

pytestmark = pytest.mark.usefixtures("no_proxy")


def test_no_key(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(POSTHOG_HOST=upstream.origin)
    assert (examined.code, examined.told()) == (1, {"no key"})
    assert examined.of("host")["level"] == "ok", "whether PostHog is there can be told without a key"
    assert examined.report["hidden"] is None


def test_a_malformed_key(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(POSTHOG_HOST=upstream.origin, POSTHOG_PERSONAL_API_KEY='"phx_planted quoted key"')
    assert (examined.code, examined.told()) == (2, {"malformed key"})
    assert upstream.requests == []


@pytest.mark.parametrize("prefix", ["phc_", "phs_", "phr_"])
def test_a_key_of_the_wrong_kind_is_not_sent(doctor: Callable[..., Examined], prefix: str) -> None:
    world = seed()
    recorder = Recorder(create_app(world))
    with serving(recorder) as upstream:
        examined = doctor(POSTHOG_HOST=upstream.origin, POSTHOG_PERSONAL_API_KEY=f"{prefix}planted_0000001")
    assert (examined.code, examined.told()) == (1, {"wrong kind of key"})
    assert f"({prefix}…)" in examined.lines
    assert "planted" not in repr(recorder.inquiries + recorder.requests)


@pytest.mark.parametrize("key", [READ_WRITE_KEY, OAUTH_TOKEN])
def test_a_key_of_the_other_region(doctor: Callable[..., Examined], key: str) -> None:
    other = seed()
    other.api_keys.clear()
    with posthog(other) as us, posthog() as eu:
        clouds = {"us": us.origin, "eu": eu.origin}
        examined = doctor(clouds, POSTHOG_HOST=us.origin, POSTHOG_PERSONAL_API_KEY=key)
        assert (examined.code, examined.told()) == (1, {"other region"})
        assert examined.of("region")["fix"] == "Set POSTHOG_HOST=eu."


def test_a_revoked_key(doctor: Callable[..., Examined]) -> None:
    with posthog() as us, posthog() as eu:
        key = "phx_planted_and_revoked_0001"
        examined = doctor({"us": us.origin, "eu": eu.origin}, POSTHOG_HOST=us.origin, POSTHOG_PERSONAL_API_KEY=key)
        assert (examined.code, examined.told()) == (1, {"revoked in both regions"})
        assert eu.requests
        eu.requests.clear()
        examined = doctor({"eu": eu.origin}, POSTHOG_HOST=us.origin, POSTHOG_PERSONAL_API_KEY=key)
        assert (examined.code, examined.told()) == (1, {"revoked"})
        assert eu.requests == [], "the key of a self-hosted PostHog goes nowhere else"
        examined = doctor({"us": us.origin, "eu": closed_port()}, POSTHOG_HOST=us.origin, POSTHOG_PERSONAL_API_KEY=key)
        assert (examined.code, examined.told()) == (1, {"other region unasked"})


def test_a_key_without_scopes(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=NO_SCOPE_KEY))
    assert (examined.code, examined.told()) == (1, {"no scopes"})
    assert len(examined.report["hidden"]) == len(TOOLS)
    assert "project:read" in examined.report["hidden"]["project_list"]
    assert "project:write" in examined.report["hidden"]["project_reset_token"]
    assert "lacks the scope project:write, which each of these tools needs" in examined.lines


def test_a_restricted_key(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=ONE_PROJECT_KEY))
        assert (examined.code, examined.told()) == (0, {"restricted to projects"})
        assert {"project_create", "organization_list"} <= set(examined.report["hidden"])
        assert "project_update" not in examined.report["hidden"]
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=ONE_ORGANIZATION_KEY))
        assert (examined.code, examined.told()) == (0, {"restricted to organizations"})
        examined = doctor(
            **healthy(
                upstream.origin, POSTHOG_PERSONAL_API_KEY=ONE_ORGANIZATION_KEY, POSTHOG_ORGANIZATION_ID=NORTHWIND_ID
            )
        )
        assert examined.code == 1
        assert "restricted to other organizations" in examined.of("organization")["sentence"]


def test_an_organization_that_lets_assistants_only_read(doctor: Callable[..., Examined]) -> None:
    world = seed()
    world.organizations[NORTHWIND_ID].mcp_read_only = True
    with posthog(world) as upstream:
        examined = doctor(**healthy(upstream.origin))
    finding = examined.of("assistants")
    assert (finding["level"], "Northwind" in finding["sentence"]) == ("note", True)
    assert finding["fix"].endswith("/settings/organization.")


@pytest.mark.parametrize(("key", "level"), [(READ_ONLY_KEY, "note"), (READ_WRITE_KEY, "ok")])
def test_what_the_key_may_do(doctor: Callable[..., Examined], key: str, level: str) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=key))
    assert (examined.code, examined.told(), examined.of("scopes")["level"]) == (0, set(), level)


def test_a_key_with_more_scopes_than_needed_gets_a_note(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=ALL_ACCESS_KEY))
    assert examined.code == 0
    assert "more scopes than this server ever needs" in examined.lines


@pytest.mark.parametrize("key", [READ_WRITE_KEY, OAUTH_TOKEN])
def test_a_posthog_that_describes_no_key(doctor: Callable[..., Examined], key: str) -> None:
    with posthog(seed(behaviour=Behaviour(key_introspection=False))) as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_PERSONAL_API_KEY=key))
    assert (examined.code, examined.told()) == (0, set())
    assert "does not say what it may do" in examined.of("scopes")["sentence"]


def test_a_session_that_has_expired(doctor: Callable[..., Examined]) -> None:
    world = seed()
    world.sessions.clear()
    with posthog(world) as upstream:
        examined = doctor(**healthy(upstream.origin))
    assert (examined.code, examined.told()) == (1, {"session expired"})
    assert [line for line in upstream.requests if line.startswith("POST")] == [], "a read has told"


def test_a_wrong_csrf_token(doctor: Callable[..., Examined]) -> None:
    with serving(OwnToken(create_app(seed()))) as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_CSRF_TOKEN="planted0csrf0token00000000000001"))
    assert (examined.code, examined.told()) == (1, {"csrf"})


def test_a_session_can_be_checked_without_a_key(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        environment = healthy(upstream.origin)
        del environment["POSTHOG_PERSONAL_API_KEY"]
        examined = doctor(**environment)
    assert examined.told() == {"no key"}
    assert examined.of("session")["level"] == "ok"


@pytest.mark.parametrize("name", ["PROJECTS_MCP_PROTECTED_PROJECTS", "PROJECTS_MCP_ONLY_PROJECTS"])
def test_a_project_that_does_not_exist(doctor: Callable[..., Examined], name: str) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, **{name: f"{PRODUCTION_ID},99999"}))
    assert (examined.code, examined.told()) == (1, {"missing project"})
    (found,) = [finding for finding in examined.findings if finding["level"] == "problem"]
    assert f"Project 99999 of {name}" in found["sentence"]


def test_a_project_of_another_organization_is_not_called_missing_everywhere(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        project = {"PROJECTS_MCP_PROTECTED_PROJECTS": str(NORTHWIND_PROJECT_ID)}
        examined = doctor(**healthy(upstream.origin, **project))
        assert "in the current organization, or the key cannot see it" in examined.of("projects")["sentence"]
        examined = doctor(**healthy(upstream.origin, POSTHOG_ORGANIZATION_ID=NORTHWIND_ID, **project))
        assert examined.of("projects")["level"] == "ok"


def test_an_organization_that_does_not_exist(doctor: Callable[..., Examined]) -> None:
    unknown = ACME_ID.replace("018f", "118f")
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, POSTHOG_ORGANIZATION_ID=unknown))
    assert examined.code == 1
    assert examined.of("organization")["sentence"].startswith(f"{unknown} does not exist at ")


def test_what_is_hidden_is_told_with_its_reason(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(**healthy(upstream.origin, PROJECTS_MCP_ACCESS="read"))
    assert len(examined.report["hidden"]) == len(WRITES)
    assert "read-only mode" in examined.report["hidden"]["project_delete"]
    assert all(name in examined.lines for name in examined.report["hidden"])
