"""What is known of a key, and where a caller and a key may write, holds whatever answers in PostHog's place."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import anyio
import pytest
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

from projects_mcp import sandbox
from projects_mcp.api.operations import OPERATIONS
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.sandbox import ACME_ID, NORTHWIND_ID, PRODUCTION_ID, seed
from projects_mcp.sandbox.app import create_app
from tests.support.harness import ERAS, Era, Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio


class Between:
    """Stands before PostHog, and answers some requests in its place."""

    def __init__(self, application: Any) -> None:
        self.application = application
        self.answer: Callable[[str, str], tuple[int, Any] | None] = lambda _method, _path: None

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        answer = self.answer(scope["method"], scope["path"])
        if answer is None:
            await self.application(scope, receive, send)
            return
        status, body = answer
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})


@pytest.fixture
def between() -> Between:
    return Between(create_app(seed()))


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("status", [400, 403, 404, 405, 429, 500])
async def test_a_read_only_key_stays_so_until_posthog_says_otherwise(between: Between, era: Era, status: int) -> None:
    harness = Harness(application=between)
    async with harness.client(era, None, POSTHOG_PERSONAL_API_KEY=sandbox.READ_ONLY_KEY) as client:
        assert isinstance(client.server, ProjectsServer)
        assert len((await client.list_tools()).tools) == 4
        between.answer = lambda _method, path: (status, {}) if path.startswith("/api/personal_api_keys/") else None
        key_access = client.server._runner._services.key_access  # noqa: SLF001 - to let time pass
        key_access.clock = partial(float, anyio.current_time() + 2_000)
        assert len((await client.list_tools()).tools) == 4
        arguments = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Europe/Madrid"}}
        _, detail = refusal_of(await client.call_tool("project_update", arguments))
        assert detail["kind"] == "missing_scope"
    assert harness.recorder.writes == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("project_update", {"settings": {"timezone": "Europe/Madrid"}}),
        ("project_add_product_intent", {"product_type": "surveys"}),
        ("project_complete_product_onboarding", {"product_type": "surveys"}),
    ],
)
async def test_the_organization_that_posthog_answers_is_held_to_the_key(
    between: Between, era: Era, tool: str, arguments: dict[str, Any]
) -> None:
    elsewhere = {"id": PRODUCTION_ID, "name": "Acme web", "organization": NORTHWIND_ID}
    harness = Harness(application=between)
    async with harness.client(era, None, POSTHOG_PERSONAL_API_KEY=sandbox.ONE_ORGANIZATION_KEY) as client:
        between.answer = lambda method, path: (
            (200, elsewhere) if method == "GET" and path.endswith(f"/{PRODUCTION_ID}/") else None
        )
        _, detail = refusal_of(await client.call_tool(tool, {"project_id": PRODUCTION_ID, **arguments}))
        assert detail["kind"] == "key_restricted"
    assert harness.recorder.writes == []


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "answered",
    [
        {"id": PRODUCTION_ID},
        {"id": PRODUCTION_ID, "name": None, "organization": ACME_ID},
        {"id": PRODUCTION_ID, "name": "Another", "organization": ACME_ID},
        {"id": PRODUCTION_ID, "name": "Acme web", "organization": NORTHWIND_ID},
    ],
)
async def test_an_answer_about_something_else_is_no_success(
    between: Between, era: Era, answered: dict[str, Any]
) -> None:
    harness = Harness(application=between)
    between.answer = lambda method, _path: (200, answered) if method == "PATCH" else None
    arguments = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Asia/Tokyo"}}
    async with harness.client(era) as client:
        text, detail = refusal_of(await client.call_tool("project_update", arguments))
    assert detail["kind"] == "bad_answer"
    assert "former values of timezone" in text
    assert len(harness.recorder.writes) == 1


@pytest.mark.parametrize("era", ERAS)
async def test_a_detail_loses_its_markup_and_a_failure_its_page(between: Between, era: Era) -> None:
    harness = Harness(application=between)
    page = "<html><b>Traceback</b> <script>alert(1)</script> in /srv/secret/place.py</html>"
    arguments = {"project_id": PRODUCTION_ID}
    async with harness.client(era) as client:
        between.answer = lambda _method, path: (400, {"detail": page}) if "/projects/" in path else None
        text, _ = refusal_of(await client.call_tool("project_get", arguments))
        assert "<" not in text
        assert "Traceback" in text
        between.answer = lambda _method, path: (500, {"detail": page}) if "/projects/" in path else None
        text, _ = refusal_of(await client.call_tool("project_get", arguments))
        assert "Traceback" not in text


@pytest.mark.parametrize("era", ERAS)
async def test_a_deletion_that_left_the_project_as_it_was_is_not_called_begun(between: Between, era: Era) -> None:
    harness = Harness(application=between)
    between.answer = lambda method, _path: (200, {}) if method == "DELETE" else None
    arguments = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}
    async with harness.client(era) as client:
        body = body_of(await client.call_tool("project_delete", arguments))
    assert body["outcome"] == "unknown"
    assert "not marked for deletion" in body["note"]


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999", "-1e999"])
async def test_a_number_that_is_none_is_refused_in_an_answer(between: Between, number: str) -> None:
    async def answer(_scope: Mapping[str, Any], _receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        whole = f'{{"id": 1, "name": "A", "organization": "{ACME_ID}", "extra_settings": {number}}}'
        await send({"type": "http.response.body", "body": whole.encode()})

    async with Harness(application=answer).client() as client:
        _, detail = refusal_of(await client.call_tool("project_get", {"project_id": 1}))
    assert detail["kind"] == "bad_answer"


@pytest.mark.parametrize("body", [{}, {"scopes": None}, {"status": "ok"}, {"scopes": "all"}])
async def test_an_answer_without_scopes_is_no_description_of_a_key(between: Between, body: Any) -> None:
    harness = Harness(application=between)
    async with harness.client("auto", None, POSTHOG_PERSONAL_API_KEY=sandbox.READ_ONLY_KEY) as client:
        assert isinstance(client.server, ProjectsServer)
        assert len((await client.list_tools()).tools) == 4
        between.answer = lambda _method, path: (200, body) if path.startswith("/api/personal_api_keys/") else None
        key_access = client.server._runner._services.key_access  # noqa: SLF001 - to let time pass
        key_access.clock = partial(float, anyio.current_time() + 2_000)
        assert len((await client.list_tools()).tools) == 4


async def test_what_posthog_says_of_a_key_later_holds_from_then_on(between: Between) -> None:
    harness = Harness(application=between)
    async with harness.client() as client:
        assert isinstance(client.server, ProjectsServer)
        assert len((await client.list_tools()).tools) == len(OPERATIONS)
        narrowed = {"scopes": ["project:read"], "scoped_teams": [], "scoped_organizations": []}
        between.answer = lambda _method, path: (200, narrowed) if path.startswith("/api/personal_api_keys/") else None
        key_access = client.server._runner._services.key_access  # noqa: SLF001 - to let time pass
        key_access.clock = partial(float, anyio.current_time() + 2_000)
        assert len((await client.list_tools()).tools) == 4


@pytest.mark.parametrize("era", ERAS)
async def test_a_project_elsewhere_is_not_asked_about(between: Between, era: Era) -> None:
    async def ask(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError("the key may not touch it, whatever a person says")

    found = {"id": PRODUCTION_ID, "name": "Acme web", "organization": NORTHWIND_ID, "conversations_enabled": True}
    harness = Harness(application=between)
    named = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}
    async with harness.client(era, ask, POSTHOG_PERSONAL_API_KEY=sandbox.ONE_ORGANIZATION_KEY) as client:
        between.answer = lambda method, path: (200, found) if "/projects/" in path and method == "GET" else None
        for tool, more in (
            ("project_delete", {}),
            ("project_reset_token", {}),
            ("project_update", {"settings": {"conversations_enabled": False}}),
        ):
            _, detail = refusal_of(await client.call_tool(tool, {**named, **more}))
            assert detail["kind"] == "key_restricted"
    assert harness.recorder.writes == []


async def test_a_write_is_held_to_what_its_organization_has_refused(between: Between) -> None:
    """Under another name, `@current`, it is the same organization."""
    says = {"detail": "Your organization restricts MCP access to read-only."}
    harness = Harness(application=between)
    async with harness.client() as client:
        between.answer = lambda method, _path: (403, says) if method == "POST" else None
        for given in ({"organization_id": ACME_ID}, {"organization_id": "@current"}):
            _, detail = refusal_of(await client.call_tool("project_create", {"name": "New", **given}))
            assert detail["kind"] == "read_only_organization"
    assert len(harness.recorder.writes) == 1


@pytest.mark.parametrize("organization", [NORTHWIND_ID, None, "nowhere", 7])
async def test_a_project_elsewhere_shows_no_value_to_a_restricted_key(between: Between, organization: Any) -> None:
    found = {"id": PRODUCTION_ID, "name": "Acme web", "organization": organization, "timezone": "Asia/Secretplace"}
    harness = Harness(application=between)
    arguments = {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}, "expected": {"timezone": "UTC"}}
    async with harness.client("auto", None, POSTHOG_PERSONAL_API_KEY=sandbox.ONE_ORGANIZATION_KEY) as client:
        between.answer = lambda method, path: (200, found) if "/projects/" in path and method == "GET" else None
        for dry_run in (True, False):
            text, detail = refusal_of(await client.call_tool("project_update", {**arguments, "dry_run": dry_run}))
            assert detail["kind"] in {"key_restricted", "not_identified"}
            assert "Secretplace" not in text
        intent = {"project_id": PRODUCTION_ID, "product_type": "surveys"}
        refusal_of(await client.call_tool("project_add_product_intent", intent))
    assert harness.recorder.writes == []


@pytest.mark.parametrize("value", ["present", "absent"])
async def test_a_word_in_the_place_of_a_withheld_value_is_not_written_back(value: str) -> None:
    harness = Harness()
    arguments = {"project_id": PRODUCTION_ID, "settings": {"slack_incoming_webhook": value}}
    async with harness.client() as client:
        text, detail = refusal_of(await client.call_tool("project_update", arguments))
    assert detail["kind"] == "invalid_argument"
    assert "placeholder" in text
    assert harness.recorder.writes == []


async def test_a_retention_of_thousands_of_digits_breaks_nothing(between: Between) -> None:
    def project(days: Any) -> dict[str, Any]:
        return {
            "id": PRODUCTION_ID,
            "name": "Acme web",
            "organization": ACME_ID,
            "logs_settings": {"retention_days": days},
        }

    harness = Harness(application=between)
    arguments = {"project_id": PRODUCTION_ID, "settings": {"logs_settings": {"retention_days": 30}}, "dry_run": True}
    async with harness.client() as client:
        for days in (10**4_000, -(10**4_000), 1e300):
            between.answer = lambda _method, path, days=days: (  # type: ignore[misc]
                (200, project(days)) if "/projects/" in path else None
            )
            body = body_of(await client.call_tool("project_update", arguments))
            assert body["outcome"] == "preview"
