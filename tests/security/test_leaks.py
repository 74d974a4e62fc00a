"""A sweep with planted secrets: every tool, every kind of answer, both eras, and the command line.

Whatever PostHog, or something that pretends to be it, says: no credential of ours and no secret of the customer's
reaches a result, an error, a log, the journal, a trace or a repr.
"""

import json
import logging
import traceback
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.config.logging import configure_logging
from projects_mcp.config.settings import load
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.gateway.call_audit import CallAudit
from projects_mcp.gateway.context import ToolContext
from projects_mcp.policy.authorization import UNKNOWN, Authorization
from projects_mcp.policy.confirmation import Channel, ConfirmationEvidence, Confirmed, identify
from projects_mcp.runner.build import build_runner
from projects_mcp.sandbox import ACME_ID, PRODUCTION_ID
from projects_mcp.tools.catalog import CATALOG
from tests.contract.operations import ARGUMENTS
from tests.support.harness import ERAS, Era, Harness
from tests.support.process import run
from tests.support.upstream import serving

pytestmark = pytest.mark.anyio

KEY = "phx_OwnKeyPlantedPlantedPlanted0001"
SESSION = "sessionplantedplantedplanted0002"
CSRF = "csrfplantedplantedplanted0003"
PHS, BACKUP = "phs_CustomersSecretPlanted0004", "phs_CustomersBackupPlanted0005"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.cGxhbnRlZHNpZ25hdHVyZQ"
OTHERS = ("pha_OauthPlanted0006", "phr_RefreshPlanted0007", "phx_SomebodyElsesPlanted0008")
SECRETS = (KEY, SESSION, CSRF, PHS, BACKUP, JWT, *OTHERS)
OWN = {
    "POSTHOG_PERSONAL_API_KEY": KEY,
    "POSTHOG_SESSION_ID": SESSION,
    "POSTHOG_CSRF_TOKEN": CSRF,
    "POSTHOG_HOST": "https://posthog.test",
}

ALL_AS_TEXT = f"here: {' '.join(SECRETS)} Authorization: Bearer {KEY}; Cookie: sessionid={SESSION}; csrf {CSRF}"


def planted_project() -> dict[str, Any]:
    """A project with a secret in every field that can hold one, and in some that should not."""
    return {
        "id": PRODUCTION_ID,
        "name": "Acme web",
        "organization": ACME_ID,
        "api_token": "phc_public",
        "secret_api_token": PHS,
        "secret_api_token_backup": BACKUP,
        "live_events_token": JWT,
        "heatmaps_screenshot_secret": OTHERS[0],
        "slack_incoming_webhook": f"https://hooks.slack.com/services/{SESSION}",
        "product_description": ALL_AS_TEXT,
        "timezone": KEY,
        "conversations_settings": {"slack_bot_token": CSRF, "nested": [{"webhook": SESSION, "text": ALL_AS_TEXT}]},
        "extra_settings": json.dumps({"deep": json.dumps({"token": KEY, "text": ALL_AS_TEXT})}),
        "session_replay_config": {"record_canvas": True, "ai_config": {KEY: PHS}},
        "product_intents": [{"product_type": "surveys", "metadata": ALL_AS_TEXT}],
        "new_field": {"secret": "anything", "list": list(SECRETS)},
        "ingested_event": True,
        "deletion_scheduled_at": ALL_AS_TEXT,
    }


def answers() -> dict[str, tuple[int, dict[str, str], Any]]:
    """Every kind of answer, with secrets in status text, headers, cookies, bodies and addresses."""
    headers = {"x-debug": ALL_AS_TEXT, "set-cookie": f"sessionid={SESSION}; Path=/"}
    envelope = {"type": "x", "code": KEY, "detail": ALL_AS_TEXT, "attr": PHS}
    kinds: dict[str, tuple[int, dict[str, str], Any]] = {
        "success": (200, headers, planted_project()),
        "created": (201, headers, planted_project()),
        "odd list": (200, headers, {"results": [planted_project()], "count": 1, "next": f"https://x.test/?k={KEY}"}),
        "odd activity": (
            200,
            headers,
            {
                "results": [
                    {
                        "user": {"email": KEY},
                        "detail": {
                            "changes": [
                                {"field": "secret_api_token", "before": PHS, "after": BACKUP},
                                {"field": "x", "before": ALL_AS_TEXT},
                            ]
                        },
                    }
                ]
            },
        ),
        "flag": (200, headers, {"is_generating_demo_data": True, "id": PRODUCTION_ID}),
        "no content": (204, headers, None),
        "redirect": (302, {**headers, "location": f"https://evil.test/?key={KEY}&s={SESSION}"}, None),
        "html": (200, {**headers, "content-type": "text/html"}, f"<html>{ALL_AS_TEXT}</html>"),
        "not json": (200, headers, f"{{{ALL_AS_TEXT}"),
        "error body": (400, headers, {"error": ALL_AS_TEXT}),
    }
    for status in (400, 401, 402, 403, 404, 405, 409, 415, 418, 429, 500, 502, 503, 504):
        kinds[str(status)] = (status, {**headers, "retry-after": "99"}, envelope)
    return kinds


class Planted:
    """Answers the reads that a write needs properly, and everything else with the planted answer."""

    def __init__(self, answer: tuple[int, dict[str, str], Any], own: bool) -> None:
        self.answer, self.own = answer, own

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        reading = scope["method"] == "GET" and scope["path"].endswith(f"/projects/{PRODUCTION_ID}/")
        status, headers, body = (200, {}, planted_project()) if reading and not self.own else self.answer
        if scope["path"].startswith("/api/personal_api_keys/"):
            status, headers, body = 200, {}, {"scopes": ["*"], "label": KEY}
        raw = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        pairs = {"content-type": "application/json", **headers}
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
            }
        )
        await send({"type": "http.response.body", "body": raw})


def assert_clean(text: str, where: str) -> None:
    for secret in (*SECRETS, SECRETS[0][4:], JWT.split(".")[1], JWT.split(".")[2]):
        assert secret not in text, f"{secret[:12]}… in {where}"


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize("kind", list(answers()))
async def test_no_planted_secret_gets_out(
    era: Era, kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    audit = tmp_path / "audit"
    for own in (True, False):
        harness = Harness(application=Planted(answers()[kind], own))
        async with harness.client(era, None, **OWN, PROJECTS_MCP_AUDIT_LOG=str(audit)) as client:
            assert_clean(str(await client.list_tools()), "the list of tools")
            for tool in CATALOG:
                result = await client.call_tool(tool.name, {**ARGUMENTS[tool.name], **_more(tool.name)})
                assert_clean(result.model_dump_json() + repr(result), f"{tool.name} on {kind}")
            past = (await client.read_resource("projects://history")).model_dump_json()
            assert "project_update" in past
            assert_clean(past, f"the history of {kind}")
    assert_clean(audit.read_text(encoding="utf-8"), "the journal")
    assert_clean("\n".join(record.getMessage() for record in caplog.records if "httpx" not in record.name), "the log")


def _more(tool: str) -> dict[str, Any]:
    if tool == "project_update":
        return {"settings": {"conversations_settings": {"slack_bot_token": CSRF}, "slack_incoming_webhook": KEY}}
    return {}


@pytest.mark.parametrize("era", ERAS)
async def test_no_secret_of_an_exception_gets_out(era: Era, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        try:
            raise ValueError(ALL_AS_TEXT)
        except ValueError as error:
            raise RuntimeError(f"Authorization: Bearer {KEY}") from error

    async with Harness(application=broken).client(era, None, **OWN) as client:
        for tool in CATALOG:
            result = await client.call_tool(tool.name, ARGUMENTS[tool.name])
            assert result.is_error
            assert_clean(result.model_dump_json(), tool.name)
    assert "RuntimeError" in caplog.text
    assert_clean(caplog.text, "the log")


@pytest.mark.parametrize("name", ["anything", "projects_mcp", "projects_mcp.access", "projects_mcp.process"])
def test_our_log_handler_redacts_messages_and_tracebacks(name: str, tmp_path: Path) -> None:
    dispatcher = build_runner(load(OWN))
    file = tmp_path / "log"
    with file.open("wb") as stream:
        listener = configure_logging(dispatcher.redactor, stream.fileno())
        try:
            raise ValueError(ALL_AS_TEXT)
        except ValueError:
            logging.getLogger(name).exception("failed with %s", ALL_AS_TEXT)
        listener.stop()
    said = file.read_text(encoding="utf-8")
    assert "failed with" in said
    assert ("ValueError" in said) is (name in {"anything", "projects_mcp"}), "a line of ours is one line"
    assert_clean(said, "the log")


def test_no_repr_or_traceback_shows_a_secret() -> None:
    settings = load(OWN)
    dispatcher = build_runner(settings)
    target = identify(PRODUCTION_ID, planted_project())
    assert target is not None
    services = dispatcher._services  # noqa: SLF001 - what a debugger would show
    authorization = Authorization(OPERATIONS["project_get"], settings.policy, UNKNOWN, services.denials)
    audit = CallAudit(AuditLog(dispatcher.redactor), OPERATIONS["project_get"])
    context = ToolContext(services, authorization, audit, None)
    confirmed = Confirmed(target, ConfirmationEvidence(Channel.CLIENT))
    things = [settings, settings.credentials, services, dispatcher, target, confirmed, context, audit]
    for thing in things:
        assert_clean(f"{thing!r} {thing!s}", type(thing).__name__)
    try:
        raise RuntimeError(*things)
    except RuntimeError:
        assert_clean(traceback.format_exc(), "a traceback")


READ_AND_CREATE, LOOK_AND_DELETE = ("project_get", "project_create"), ("project_activity", "project_delete")


@pytest.mark.parametrize(
    ("kind", "tools"),
    [
        ("success", (*READ_AND_CREATE, *LOOK_AND_DELETE)),
        ("redirect", READ_AND_CREATE),
        ("html", LOOK_AND_DELETE),
        ("401", READ_AND_CREATE),
        ("403", LOOK_AND_DELETE),
        ("429", READ_AND_CREATE),
        ("500", LOOK_AND_DELETE),
    ],
)
def test_no_planted_secret_gets_out_of_the_command_line(kind: str, tools: tuple[str, ...]) -> None:
    with serving(Planted(answers()[kind], own=True)) as upstream:
        for tool in tools:
            done = run("call", tool, "--json", json.dumps(ARGUMENTS[tool]), **{**OWN, "POSTHOG_HOST": upstream.origin})
            assert_clean(done.stdout + done.stderr, tool)
            assert done.stdout or done.stderr
