"""Count the moves between files that one call of a tool makes: `python -m dev.trace`.

A move is the entry of a function of the package whose file is another one than that of the function of the package
that was entered before. The sandbox stands in the place of PostHog and is left out, as is every other package. A
coroutine counts when it is entered, and not when it goes on after an `await`: how often it waits is not its length.

Each call is made once before it is traced, so that connections, caches and the grant of the key are there. It is traced
from the moment at which the client sends it until the result is back; the client itself is not of the package. What is
deleted is asked about in rounds, as revision 2026-07-28 of the protocol has it, and both rounds are counted together.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple

import anyio
import httpx
from mcp import Client
from mcp.client import ClientRequestContext
from mcp_types import ElicitRequestParams, ElicitResult

import projects_mcp
from projects_mcp import sandbox
from projects_mcp.config.settings import load
from projects_mcp.http.app import create_app as create_http_app
from projects_mcp.http.tenants import Tenants
from projects_mcp.protocol.server import ProjectsServer
from projects_mcp.runner.build import build_runner
from projects_mcp.sandbox.app import create_app

__all__ = ["LIMITS", "Trace", "main", "trace_calls"]

LIMITS: Final[Mapping[str, int]] = {
    "project_list": 45,
    "project_get": 50,
    "project_update": 75,
    "project_delete, asked in rounds": 140,
    "project_list, HTTP with a token": 70,
}
"""The moves that each call may make at most."""

_PACKAGE: Final = f"{Path(projects_mcp.__file__).parent}/"
_SANDBOX: Final = f"{Path(sandbox.__file__).parent}/"
_ENVIRONMENT: Final = {
    "POSTHOG_HOST": "https://posthog.test",
    "POSTHOG_PERSONAL_API_KEY": sandbox.READ_WRITE_KEY,
    "POSTHOG_SESSION_ID": sandbox.SESSION_ID,
    "POSTHOG_CSRF_TOKEN": sandbox.CSRF_TOKEN,
}
_TOKEN: Final = "pmcp_invented_token_of_the_tracer_000"
_PORT: Final = 8787
_VERSION: Final = "2026-07-28"

Send = Callable[[], Awaitable[Any]]


class Trace(NamedTuple):
    """What one call entered: the names of the files, relative to the package, in the order of the entries."""

    files: tuple[str, ...]

    @property
    def moves(self) -> int:
        """How often the file changed."""
        return sum(before != after for before, after in zip(self.files, self.files[1:], strict=False))

    @property
    def rooms(self) -> int:
        """How many folders and modules of the root were entered."""
        return len({name.partition("/")[0] for name in self.files})


class _Recorder:
    """Records each entry of a function of the package, in this thread."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self._entered: set[int] = set()
        self._frames: list[FrameType] = []
        self._names: dict[CodeType, str | None] = {}

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        name = self._name(frame.f_code)
        if name is None or id(frame) in self._entered:
            return
        self._entered.add(id(frame))
        self._frames.append(frame)  # as long as it is held, no other frame has its id
        self.files.append(name)

    def _name(self, code: CodeType) -> str | None:
        if code not in self._names:
            file = code.co_filename
            of_package = file.startswith(_PACKAGE) and not file.startswith(_SANDBOX)
            self._names[code] = file.removeprefix(_PACKAGE) if of_package else None
        return self._names[code]


@contextmanager
def _recording() -> Iterator[_Recorder]:
    recorder = _Recorder()
    sys.setprofile(recorder)
    try:
        yield recorder
    finally:
        sys.setprofile(None)


async def _trace(warm: Send, send: Send) -> Trace:
    """Make a call to warm up and another one to trace."""
    await warm()
    with _recording() as recorder:
        await send()
    return Trace(tuple(recorder.files))


async def _trace_in_process() -> dict[str, Trace]:
    """Trace calls through the server of the protocol, as they come over stdio."""
    runner = build_runner(load(_ENVIRONMENT), create_app(sandbox.seed()))

    async def approve(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG001 - the SDK's form
        return ElicitResult(action="accept", content={"confirm": True})

    async with Client(ProjectsServer(runner), elicitation_callback=approve, cache=None) as client:

        def call(tool: str, **arguments: Any) -> Send:
            async def send() -> None:
                result = await client.call_tool(tool, arguments)
                if result.is_error:
                    raise AssertionError(f"{tool} failed: {result.content}")

            return send

        def change(timezone: str) -> Send:
            return call("project_update", project_id=sandbox.PRODUCTION_ID, settings={"timezone": timezone})

        def delete(project: int, name: str) -> Send:
            return call("project_delete", project_id=project, confirm_project_name=name)

        listing = call("project_list")
        reading = call("project_get", project_id=sandbox.PRODUCTION_ID)
        return {
            "project_list": await _trace(listing, listing),
            "project_get": await _trace(reading, reading),
            "project_update": await _trace(change("Asia/Tokyo"), change("UTC")),
            "project_delete, asked in rounds": await _trace(
                delete(sandbox.STAGING_ID, "Acme web staging"), delete(sandbox.MOBILE_ID, "Acme mobile")
            ),
        }


async def _trace_over_http() -> dict[str, Trace]:
    """Trace a call through the whole application that is served, with the token of a caller."""
    with tempfile.TemporaryDirectory() as folder:
        callers = Path(folder) / "callers.toml"
        callers.touch(mode=0o600)
        digest = hashlib.sha256(_TOKEN.encode()).hexdigest()
        callers.write_text(
            f'[callers.tracer]\ntoken_sha256 = "{digest}"\nscopes = ["project:read", "project:write"]\n',
            encoding="utf-8",
        )
        settings = load({**_ENVIRONMENT, "PROJECTS_MCP_CALLERS": str(callers)})
        tenants = Tenants(settings, _ENVIRONMENT, create_app(sandbox.seed()))
        app = create_http_app(tenants, settings.serving, "127.0.0.1", _PORT)
        async with (
            _lifespan(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://127.0.0.1:{_PORT}") as client,
        ):

            async def send() -> None:
                response = await client.post("/mcp", headers=_HEADERS, json=_LIST_PROJECTS)
                if response.status_code != httpx.codes.OK or response.json()["result"].get("isError"):
                    raise AssertionError(f"project_list failed over HTTP: {response.status_code} {response.text}")

            return {"project_list, HTTP with a token": await _trace(send, send)}


_LIST_PROJECTS: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {
        "name": "project_list",
        "arguments": {},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": _VERSION,
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    },
}
_HEADERS: Final = {
    "Accept": "application/json, text/event-stream",
    "Authorization": f"Bearer {_TOKEN}",
    "MCP-Protocol-Version": _VERSION,
    "Mcp-Method": "tools/call",
    "Mcp-Name": "project_list",
}


@asynccontextmanager
async def _lifespan(app: Callable[[Any, Any, Any], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Start an ASGI application and end it, as a server does."""
    to_app, of_app = anyio.create_memory_object_stream[Any](2), anyio.create_memory_object_stream[Any](2)
    async with anyio.create_task_group() as group, to_app[0], to_app[1], of_app[0], of_app[1]:
        scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        group.start_soon(app, scope, to_app[1].receive, of_app[0].send)
        await to_app[0].send({"type": "lifespan.startup"})
        await of_app[1].receive()
        yield
        await to_app[0].send({"type": "lifespan.shutdown"})
        await of_app[1].receive()


def trace_calls() -> dict[str, Trace]:
    """Return the trace of each call, by its name in `LIMITS`."""
    return {**anyio.run(_trace_in_process), **anyio.run(_trace_over_http)}


def main() -> int:
    """Print a table of the moves.

    Returns:
        1 if a call makes more moves than it may, else 0.
    """
    parser = argparse.ArgumentParser(prog="python -m dev.trace", description="Count the moves between files of a call.")
    parser.add_argument("--json", action="store_true", help="print the files that were entered, in their order")
    options = parser.parse_args()
    traces = trace_calls()
    if options.json:
        print(json.dumps({name: trace.files for name, trace in traces.items()}, indent=1))
        return 0
    print(f"{'call':34} {'files':>6} {'rooms':>6} {'moves':>6} {'at most':>8}")
    for name, trace in traces.items():
        print(f"{name:34} {len(set(trace.files)):6} {trace.rooms:6} {trace.moves:6} {LIMITS[name]:8}")
    return int(any(trace.moves > LIMITS[name] for name, trace in traces.items()))


if __name__ == "__main__":
    sys.exit(main())
