"""The served server as a real process, spoken to over real sockets, with the sandbox behind a recorder as PostHog."""

import asyncio
import concurrent.futures
import copy
import hashlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from projects_mcp.sandbox import CSRF_TOKEN, READ_WRITE_KEY, SESSION_ID, Behaviour, World, seed
from projects_mcp.sandbox.app import create_app
from tests.support.harness import Ask, Era, Recorder
from tests.support.process import CLEAN
from tests.support.upstream import serving

PATIENCE_S = 30
MODERN = "2026-07-28"
ACCEPT = "application/json, text/event-stream"
HARMLESS = {
    "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
    "POSTHOG_SESSION_ID": SESSION_ID,
    "POSTHOG_CSRF_TOKEN": CSRF_TOKEN,
}
"""The invented credentials of the sandbox."""


# PostHog ------------------------------------------------------------------------------------------------------------


@dataclass
class Upstream:
    """The sandbox on a socket, what it was asked, and what a test does to a request on its way there."""

    world: World
    recorder: Recorder
    origin: str = ""
    delay: Callable[[dict[str, Any]], float] = lambda _scope: 0.0
    refuse: Callable[[dict[str, Any]], int] = lambda _scope: 0
    arrived: threading.Event = field(default_factory=threading.Event)
    """Set when a request that is delayed has come."""
    _test: int = 0
    _seeded: dict[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._seeded = copy.deepcopy({one.name: getattr(self.world, one.name) for one in fields(self.world)})

    @property
    def keys(self) -> set[str]:
        """Which keys every request so far has carried."""
        every = self.recorder.requests + self.recorder.inquiries
        return {request.headers["authorization"][7:] for request in every if "authorization" in request.headers}

    @property
    def everything(self) -> str:
        return repr(self.recorder.requests + self.recorder.inquiries)

    def forget(self) -> None:
        """Be as new."""
        self._test += 1
        for name, value in copy.deepcopy(self._seeded).items():
            setattr(self.world, name, value)
        self.recorder.requests.clear()
        self.recorder.inquiries.clear()
        self.delay, self.refuse = (lambda _scope: 0.0), (lambda _scope: 0)
        self.arrived.clear()


@contextmanager
def posthog() -> Iterator[Upstream]:
    world = seed(behaviour=Behaviour(rate_limits=None))
    recorder = Recorder(create_app(world))
    upstream = Upstream(world, recorder)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        status = upstream.refuse(scope)
        if status:
            headers = [(b"content-type", b"application/json"), (b"retry-after", b"50")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"detail": "No."}'})
        else:
            await recorder(scope, receive, send)

    async def around(scope: dict[str, Any], answer: Callable[[], Awaitable[None]]) -> None:
        seconds = upstream.delay(scope)
        if seconds:
            test = upstream._test  # noqa: SLF001 - a late request of one test is none of the next
            upstream.arrived.set()
            await asyncio.sleep(seconds)
            if upstream._test != test:  # noqa: SLF001 - as above
                return
        await answer()

    with serving(application, around) as listening:
        upstream.origin = listening.origin
        yield upstream


def key_of(scope: Mapping[str, Any]) -> str:
    """The key that a request carries."""
    return str(dict(scope["headers"]).get(b"authorization", b"").decode()).removeprefix("Bearer ")


def writing(scope: Mapping[str, Any]) -> bool:
    return bool(scope["method"] != "GET")


# The process --------------------------------------------------------------------------------------------------------


class Served:
    """One process of `projects-mcp serve`."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.port = 0
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def stderr(self) -> str:
        with self._changed:
            return "".join(self._lines)

    def wait_for(self, text: str, times: int = 1) -> str:
        """Wait until a text has been said so often, and return all that was said."""
        with self._changed:
            said = self._changed.wait_for(lambda: "".join(self._lines).count(text) >= times, PATIENCE_S)
            assert said, f"{text!r} is not in: {''.join(self._lines)}"
            return "".join(self._lines)

    def ready(self) -> "Served":
        """Wait until it answers."""
        self.port = int(self.wait_for("/mcp\n").partition("/mcp\n")[0].rpartition(":")[2])
        assert self.get("/healthz").status == 200
        return self

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def get(self, path: str, method: str = "GET", **headers: str) -> "Answered":
        return self.send(method, path, None, headers)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> "Answered":
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Answered(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def post(self, message: Any, token: str | None = None, **headers: str) -> "Answered":
        """Post a message as a client of the newer protocol does; headers with `_` for `-`, and empty ones left out."""
        params = message.get("params", {}) if isinstance(message, dict) else {}
        given = {
            "Content-Type": "application/json",
            "Accept": ACCEPT,
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": message.get("method", "") if isinstance(message, dict) else "",
            "Mcp-Name": params.get("name", "") if isinstance(params, dict) else "",
            "Authorization": "" if token is None else f"Bearer {token}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        return self.send("POST", "/mcp", body, {name: value for name, value in given.items() if value})

    def call(
        self, tool: str, arguments: Mapping[str, Any] | None = None, token: str | None = None, **more: Any
    ) -> "Answered":
        return self.post(calling(tool, arguments, **more), token)

    def begin(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        token: str | None = None,
        *,
        until: threading.Event | None = None,
        hold: bool = False,
    ) -> "Begun":
        """Send a call and leave its answer where it is; wait for an event before going on, or hold back its end."""
        body = json.dumps(calling(tool, arguments)).encode()
        given = {
            "Host": "127.0.0.1",
            "Content-Type": "application/json",
            "Accept": ACCEPT,
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
            "Content-Length": str(len(body)),
            **({} if token is None else {"Authorization": f"Bearer {token}"}),
        }
        head = "POST /mcp HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in given.items()) + "\r\n"
        connection = self.socket()
        connection.sendall(head.encode() + (body[:-1] if hold else body))
        if until is not None:
            assert until.wait(PATIENCE_S)
        return Begun(connection)

    def tools(self, token: str | None = None) -> list[str]:
        answer = self.post(message_of("tools/list", {}), token)
        assert answer.status == 200, answer.body
        return [tool["name"] for tool in answer.json["result"]["tools"]]

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)

    @asynccontextmanager
    async def client(
        self, token: str | None = None, era: Era = "auto", ask: Ask | None = None
    ) -> AsyncIterator[Client]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as http_client,
            Client(
                streamable_http_client(self.address, http_client=http_client),
                mode=era,
                elicitation_callback=ask,
                cache=None,
            ) as client,
        ):
            yield client

    def close(self) -> None:
        """End the process, if it has not ended, and hear the last of it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        self._reading.join(PATIENCE_S)

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            for line in stream:
                with self._changed:
                    self._lines.append(line.decode(errors="replace"))
                    self._changed.notify_all()


class Begun(NamedTuple):
    """A call on its way, on a connection of its own."""

    connection: socket.socket

    def close(self) -> None:
        self.connection.close()

    def finish(self) -> int:
        """Send what was held back, and return the status of the answer."""
        self.connection.sendall(b"}")
        with self.connection:
            return status_of(self.connection.recv(65_536))


@dataclass
class Answered:
    """An answer over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def result(self) -> dict[str, Any]:
        """The receipt or reading that a call has answered."""
        assert self.status == 200, (self.status, self.body)
        result = self.json["result"]
        assert not result.get("isError"), result
        value: dict[str, Any] = result["structuredContent"]
        return value

    @property
    def refusal(self) -> dict[str, Any]:
        """The machine-readable part of a refusal."""
        assert self.status == 200, (self.status, self.body)
        result = self.json["result"]
        assert result.get("isError"), result
        value: dict[str, Any] = result["_meta"]["projects-mcp/error"]
        return value

    @property
    def question(self) -> str:
        """The sealed state of the question that a call has answered."""
        assert self.status == 200, (self.status, self.body)
        result = self.json["result"]
        assert result.get("resultType") == "input_required", result
        return str(result["requestState"])


def message_of(method: str, params: Mapping[str, Any], *, asks: bool = False) -> dict[str, Any]:
    """A request of the newer protocol, from a client that can or cannot ask its person."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}} if asks else {},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}


def calling(
    tool: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    asks: bool = False,
    state: str | None = None,
    says: str = "accept",
) -> dict[str, Any]:
    """A call of a tool; with `state`, the round that brings the person's answer."""
    params: dict[str, Any] = {"name": tool, "arguments": dict(arguments or {})}
    if state is not None:
        params["requestState"] = state
        params["inputResponses"] = {"confirm": {"action": says, "content": {"confirm": True}}}
    return message_of("tools/call", params, asks=asks)


def start(*arguments: str, program: str | None = None, **environment: str) -> Served:
    """Start a process and do not wait for it. `program` is Python source instead of the module."""
    command = ["-m", "projects_mcp"] if program is None else ["-c", program]
    return Served(
        subprocess.Popen(
            [sys.executable, *command, "serve", "--port", "0", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**CLEAN, **environment},
        )
    )


@contextmanager
def served(*arguments: str, program: str | None = None, **environment: str) -> Iterator[Served]:
    server = start(*arguments, program=program, **environment)
    try:
        yield server.ready()
    finally:
        stop(server)


def stop(*servers: Served) -> None:
    """End processes as an operator does; those that do not end are killed."""
    for server in servers:
        if server.process.poll() is None:
            server.send_signal(signal.SIGTERM)
    for server in servers:
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(5)
        server.close()


def refused_start(*arguments: str, **environment: str) -> str:
    """Run a server that must not start, and return the one line that it says."""
    ended = subprocess.run(
        [sys.executable, "-m", "projects_mcp", "serve", "--port", "0", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        env={**CLEAN, **environment},
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, b""), ended.stderr
    (line,) = ended.stderr.decode().splitlines()
    return line


# Callers ------------------------------------------------------------------------------------------------------------


def token_of(name: str) -> str:
    return f"pmcp_InventedTokenOfACaller_{name}_000"


def entry(name: str, token: str | None = None, **fields: Any) -> str:
    """The section of one caller, who may read and write unless it says otherwise."""
    digest = hashlib.sha256((token or token_of(name)).encode()).hexdigest()
    values = {"token_sha256": digest, "scopes": ["project:read", "project:write"], **fields}
    return f"[callers.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()) + "\n"


def write_callers(path: Path, *sections: str, mode: int = 0o600) -> Path:
    """Write a callers file as an editor does: whole, under another name first."""
    other = path.with_suffix(".new")
    other.write_text("".join(sections), encoding="utf-8")
    other.chmod(mode)
    other.replace(path)
    return path


# Sockets ------------------------------------------------------------------------------------------------------------


def read_to_end(connection: socket.socket, seconds: float = PATIENCE_S) -> bytes:
    """Read until the other side closes or has said nothing for so long."""
    connection.settimeout(seconds)
    data = b""
    try:
        while piece := connection.recv(65_536):
            data += piece
    except (TimeoutError, ConnectionError):
        pass
    return data


def status_of(data: bytes) -> int:
    """The status of a raw answer; 0 where there is none."""
    return int(data.split(b" ", 2)[1]) if data.startswith(b"HTTP/1.1 ") else 0


def memory_kb(process: int) -> int:
    """How much memory a process has taken at most."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0


def in_background(call: Callable[[], Any]) -> "concurrent.futures.Future[Any]":
    """Make a call in a thread that keeps no process from ending."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - for whoever waits
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def eventually(holds: Callable[[], bool], seconds: float = PATIENCE_S) -> bool:
    """Whether something holds before the time is up."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def journal_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
