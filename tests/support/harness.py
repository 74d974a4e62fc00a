"""The test bench: the real server, the real client, and the sandbox in place of PostHog, with a recorder between."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl

from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import CallToolResult, ElicitRequestParams, ElicitResult, TextContent

from projects_mcp.config.settings import load
from projects_mcp.gateway.approval_page import ApprovalPage
from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.runner.build import build_runner
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sandbox import CSRF_TOKEN, PRODUCTION_ID, READ_WRITE_KEY, SESSION_ID, World, seed
from projects_mcp.sandbox.app import create_app
from projects_mcp.state.store import StateStore

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")

ENVIRONMENT: Mapping[str, str] = {
    "POSTHOG_HOST": "https://posthog.test",
    "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
    "POSTHOG_SESSION_ID": SESSION_ID,
    "POSTHOG_CSRF_TOKEN": CSRF_TOKEN,
}


class Ask(Protocol):
    """How the client of a test answers a question."""

    async def __call__(self, context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult: ...


@dataclass(frozen=True)
class Sent:
    """One request as PostHog saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


class Recorder:
    """Stands before an application, and keeps every request that reaches it."""

    def __init__(self, application: ASGIApplication) -> None:
        self.requests: list[Sent] = []
        self.inquiries: list[Sent] = []
        """What was asked about the key itself, which no tool asks."""
        self.about_organizations: list[Sent] = []
        """What was asked about the organizations of its owner beside that, which no tool asks in this way."""
        self._application = application

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:
        message = await receive()
        raw: bytes = message.get("body", b"")
        requests = self.requests
        if scope["path"].startswith("/api/personal_api_keys/"):
            requests = self.inquiries
        elif scope["path"] == "/api/organizations/" and not scope["query_string"]:
            requests = self.about_organizations
        requests.append(
            Sent(
                scope["method"],
                scope["path"],
                dict(parse_qsl(scope["query_string"].decode())),
                {name.decode().lower(): value.decode() for name, value in scope["headers"]},
                json.loads(raw) if raw else None,
            )
        )

        pending = [message]

        async def replayed() -> Any:
            return pending.pop() if pending else await receive()

        await self._application(scope, replayed, send)

    @property
    def writes(self) -> list[Sent]:
        return [request for request in self.requests if request.method != "GET"]


@dataclass
class Harness:
    """A world, a recorder before it, and servers on it."""

    world: World = field(default_factory=seed)
    application: ASGIApplication | None = None
    limits: Mapping[str, Any] = field(default_factory=lambda: {"second_look_s": 0.01})
    """What the server's limits are besides their defaults."""
    store: StateStore | None = None
    """What its servers share; None for a store of each server alone."""
    approval_page: ApprovalPage | None = None
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self.recorder = Recorder(self.application or create_app(self.world))

    @property
    def sent(self) -> list[str]:
        return [request.line for request in self.recorder.requests]

    def fields(self, project: int = PRODUCTION_ID) -> dict[str, Any]:
        return self.world.projects[project].fields

    def runner(self, **environment: str) -> ToolRunner:
        settings = load({**ENVIRONMENT, **environment})
        limits = settings.limits._replace(**self.limits)
        settings = replace(settings, limits=limits)
        return build_runner(settings, self.recorder, self.store, self.approval_page)

    def server(self, **environment: str) -> ProjectsServer:
        return ProjectsServer(self.runner(**environment))

    @asynccontextmanager
    async def client(self, era: Era = "auto", ask: Ask | None = None, **environment: str) -> AsyncIterator[Client]:
        async with Client(self.server(**environment), mode=era, elicitation_callback=ask, cache=None) as client:
            yield client


def text_of(result: CallToolResult) -> str:
    assert len(result.content) == 1
    block = result.content[0]
    assert isinstance(block, TextContent)
    return block.text


def body_of(result: CallToolResult) -> dict[str, Any]:
    """The body of a success, checked to be the same as object and as text."""
    assert not result.is_error, text_of(result)
    assert isinstance(result.structured_content, dict)
    assert json.loads(text_of(result)) == result.structured_content
    return result.structured_content


def refusal_of(result: CallToolResult) -> tuple[str, dict[str, Any]]:
    """The sentences and the machine-readable part of a refusal."""
    assert result.is_error, text_of(result)
    assert result.structured_content is None
    detail = (result.meta or {})["projects-mcp/error"]
    assert set(detail) - {"approval"} == {
        "kind",
        "status",
        "code",
        "attr",
        "retryable",
        "retry_after_s",
        "outcome",
        "request_sent",
    }
    return text_of(result), detail
