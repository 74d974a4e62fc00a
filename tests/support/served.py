"""A served server as a process, spoken to over real sockets."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, NamedTuple

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from projects_mcp.sandbox import CSRF_TOKEN, READ_WRITE_KEY, SESSION_ID
from tests.support.harness import Ask, Era
from tests.support.messages import ACCEPT, MODERN, Answered, calling, message_of
from tests.support.process import CLEAN, run
from tests.support.waiting import PATIENCE_S, status_of
from tests.support.warm import Process

HARMLESS = {
    "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
    "POSTHOG_SESSION_ID": SESSION_ID,
    "POSTHOG_CSRF_TOKEN": CSRF_TOKEN,
}
"""The invented credentials of the sandbox."""


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
            with suppress(BrokenPipeError):  # it may answer, and hang up, before it has read all of a body
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


def start(*arguments: str, program: str | None = None, **environment: str) -> Served:
    """Start a process and do not wait for it. `program` is Python source instead of the module."""
    command = ["-m", "projects_mcp"] if program is None else ["-c", program]
    return Served(
        Process(
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
    ended = run("serve", "--port", "0", *arguments, **environment)
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    (line,) = ended.stderr.splitlines()
    return line
