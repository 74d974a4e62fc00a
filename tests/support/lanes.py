"""A session over stdio in memory, through both lanes or through the SDK alone, and what came of it."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from projects_mcp.protocol.published import Published, load
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.protocol.stdio_lanes import Lanes
from projects_mcp.protocol.stdio_pipes import Lines, LongLine, Writer
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.harness import Harness

PUBLISHED: Published = load()
REVISION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
CLIENT = "io.modelcontextprotocol/clientInfo"
Step = str | LongLine | Callable[[], Awaitable[None]]
"""A line of a client, or what happens between two."""


@dataclass
class Session:
    """What came of one session.

    Attributes:
        lines: that were written, without what is random or the time.
        sent: the requests to PostHog.
        records: what the audit log has of each call.
        imported: how often the SDK was asked for.
    """

    lines: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    imported: int = 0

    @property
    def outcome(self) -> tuple[list[str], list[str], list[dict[str, Any]]]:
        """Everything that a client, PostHog or an auditor can see. Answers may be in any order."""
        return sorted(self.lines), self.sent, self.records

    @property
    def unordered(self) -> tuple[list[str], list[str], list[str]]:
        """The same, where the requests were under way together."""
        return sorted(self.lines), sorted(self.sent), sorted(map(str, self.records))

    def answers(self) -> dict[Any, Any]:
        return {message["id"]: message for message in map(json.loads, self.lines) if "method" not in message}


RANDOM = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)"
    r'|(?<="requestState":")[^"]*'
    r"|\b[0-9A-Z]{4}-[0-9A-Z]{4}\b"
    r"|(?<=http://localhost:)\d+|(?<=http://127\.0\.0\.1:)\d+"
)
"""What is random, or the time, in what is written."""


@dataclass
class Pipes:
    """The lines of a client, and what it reads."""

    session: Session
    script: Sequence[Step]
    waits: bool
    """Whether the client waits for what becomes of a line before it sends the next one."""

    async def __aiter__(self) -> AsyncIterator[str | LongLine]:
        for step in self.script:
            if self.waits:
                await _until_idle()
            if isinstance(step, str | LongLine):
                yield step
            else:
                await step()
        if self.waits:
            await _until_idle()

    async def write(self, text: str) -> None:
        assert text.endswith("\n")
        assert text.count("\n") == 1, "one line a message"
        self.session.lines.append(RANDOM.sub("RANDOM", text))


async def _until_idle() -> None:
    """Wait until nothing can go on by itself. anyio has the same, and waits a tenth of a second in it."""
    loop: Any = asyncio.get_running_loop()
    await anyio.lowlevel.checkpoint()
    while loop._ready:  # noqa: SLF001 - nothing public says so
        await anyio.lowlevel.checkpoint()


class _Records(logging.Handler):
    """Takes what the audit log says."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def emit(self, record: logging.LogRecord) -> None:
        value = json.loads(record.getMessage())
        kept = {name: item for name, item in value.items() if name not in {"time", "request_id", "duration_ms"}}
        self._session.records.append(kept)


async def _run(
    script: Sequence[Step],
    waits: bool,
    serve: Callable[[ToolRunner, Pipes], Awaitable[None]],
    harness: Harness | None,
    **environment: str,
) -> Session:
    harness, session = harness or Harness(), Session()
    runner = harness.runner(**environment)
    handler, audit = _Records(session), logging.getLogger("projects_mcp.audit")
    audit.addHandler(handler)
    audit.setLevel(logging.INFO)
    try:
        await serve(runner, Pipes(session, script, waits))
    finally:
        audit.removeHandler(handler)
        audit.setLevel(logging.NOTSET)
        await runner.aclose()
    session.sent = harness.sent
    return session


async def through_the_sdk(
    script: Sequence[Step], *, waits: bool = True, harness: Harness | None = None, **environment: str
) -> Session:
    async def serve(runner: ToolRunner, pipes: Pipes) -> None:
        await ProjectsServer(runner).run_lines_async(pipes, pipes)

    return await _run(script, waits, serve, harness, **environment)


async def through_both_lanes(
    script: Sequence[Step],
    *,
    waits: bool = True,
    harness: Harness | None = None,
    imports: Callable[[], Awaitable[None]] | None = None,
    **environment: str,
) -> Session:
    """Serve a session in two lanes. `imports` is what the import of the SDK waits for."""

    async def serve(runner: ToolRunner, pipes: Pipes) -> None:
        await Lanes(runner, PUBLISHED, pipes, partial(_rest, runner, pipes, imports)).serve(pipes)

    return await _run(script, waits, serve, harness, **environment)


async def _rest(
    runner: ToolRunner,
    pipes: Pipes,
    imports: Callable[[], Awaitable[None]] | None,
    lines: Lines,
    writer: Writer,
    elsewhere: Container[int | str],
) -> None:
    pipes.session.imported += 1
    if imports is not None:
        await imports()
    await ProjectsServer(runner, starts_runner=False).run_lines_async(lines, writer, elsewhere)


def request(number: Any, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    """A request of a connection with a handshake."""
    message = {"jsonrpc": "2.0", "id": number, "method": method}
    return message if params is None else {**message, "params": params}


def enveloped(number: Any, method: str, params: dict[str, Any] | None = None, **meta: Any) -> dict[str, Any]:
    """A request of the revision that needs no handshake."""
    envelope = {REVISION: "2026-07-28", CAPABILITIES: {}, **meta}
    return request(number, method, {**(params or {}), "_meta": envelope})


def initialize(number: Any = 0, revision: str = "2025-11-25", **capabilities: Any) -> dict[str, Any]:
    client = {"name": "test", "version": "1"}
    params = {"protocolVersion": revision, "capabilities": capabilities, "clientInfo": client}
    return request(number, "initialize", params)


INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def cancelled(number: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}}


def written(*messages: Any) -> list[str]:
    """Messages as the lines of a client."""
    return [json.dumps(message, ensure_ascii=False) for message in messages]


Make = Callable[..., dict[str, Any]]
MODERN: tuple[list[dict[str, Any]], Make] = (
    [enveloped(0, "server/discover"), enveloped("era", "resources/list")],
    enveloped,
)
"""How a connection is opened for good in an era, and what makes its requests."""
LEGACY: tuple[list[dict[str, Any]], Make] = ([initialize(), INITIALIZED], request)
BOTH = pytest.mark.parametrize(("opening", "make"), [MODERN, LEGACY], ids=["modern", "legacy"])
NAME = "Acme web"
"""Of the project in production."""
GET = {"name": "project_get", "arguments": {"project_id": PRODUCTION_ID}}
DELETE = {"name": "project_delete", "arguments": {"project_id": PRODUCTION_ID, "confirm_project_name": NAME}}


async def same(script: Sequence[Step]) -> Session:
    """Run a session both ways, and return what came of it in both lanes."""
    both, alone = await through_both_lanes(script), await through_the_sdk(script)
    assert both.outcome == alone.outcome
    return both
