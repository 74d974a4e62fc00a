"""The one way in which a test runs a process: to its end, over its pipes, or on a port of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dev import processes
from dev.environments import ROOT
from tests.support.warm import Process

COMMAND = [sys.executable, "-m", "projects_mcp"]
CLEAN = processes.without_settings()
"""The environment of a process, without what this machine may have set for the server."""
TIMEOUT_S = 30

FAST = "projects_mcp.posthog.aiohttp_transport"
"""The module that only the `aiohttp` extra makes of use. Tests take it away."""


def run_command(
    command: Sequence[str | Path], *, stdin: str = "", folder: str | Path = ROOT, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run any command to its end, from the root of the checkout, as a machine without any of our settings would."""
    given = {**CLEAN, "PYTHONIOENCODING": "utf-8", **environment}
    words = [str(word) for word in command]
    pipe = subprocess.PIPE
    process = Process(
        words, cwd=folder, env=given, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace"
    )
    with process:
        try:
            out, err = process.communicate(stdin, timeout=2 * TIMEOUT_S)
        finally:
            process.kill()
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def run(*arguments: str, stdin: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `projects-mcp` to its end."""
    return run_command([*COMMAND, *arguments], stdin=stdin, **environment)


class Piped:
    """A process whose stdin, stdout and stderr are pipes to the test. A server on it is spoken to line by line."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.number = 0

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def stderr(self) -> IO[bytes]:
        assert self.process.stderr is not None
        return self.process.stderr

    def write(self, data: bytes) -> None:
        self.stdin.write(data)
        self.stdin.flush()

    def send(self, message: Any) -> None:
        self.write(json.dumps(message).encode() + b"\n")

    def read_message(self) -> Any:
        return json.loads(self.stdout.readline())

    def request(self, method: str, params: dict[str, Any]) -> Any:
        self.number += 1
        self.send({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        message = self.read_message()
        assert (message["jsonrpc"], message["id"]) == ("2.0", self.number)
        return message

    def handshake(self) -> None:
        client = {"name": "test", "version": "1"}
        self.request("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        return self.request("tools/call", {"name": name, "arguments": arguments})["result"]

    def end(self) -> tuple[bytes, bytes]:
        """Close its stdin, wait for its end, and return what it still prints."""
        out, err = self.process.communicate(timeout=TIMEOUT_S)
        return out, err


@contextmanager
def running(*arguments: str, program: str | None = None, **environment: str) -> Iterator[Piped]:
    """Run `projects-mcp` over pipes while the block runs. `program` is Python source instead of it."""
    command = COMMAND if program is None else [sys.executable, "-u", "-c", program]
    pipe = subprocess.PIPE
    process = Process([*command, *arguments], env={**CLEAN, **environment}, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        yield Piped(process)
    finally:
        process.kill()
        process.communicate()


def modern_request(number: int, method: str, params: Mapping[str, Any]) -> bytes:
    """One request of protocol revision 2026-07-28, which needs no handshake, without the end of its line."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": meta}}).encode()


def modern_call(number: int, name: str, arguments: dict[str, Any]) -> bytes:
    """One call of a tool, as a single line of that revision."""
    return modern_request(number, "tools/call", {"name": name, "arguments": arguments})


@dataclass
class Listener:
    """A process that listens on a port of its own, and can be ended and started again there."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        self.process = processes.start(self.command, environment=self.environment, log=self.log, make=Process)

    def wait_until_open(self) -> None:
        assert self.process is not None
        try:
            processes.wait_until_listening(self.process, self.port)
        except processes.NotListeningError as error:
            raise AssertionError(f"{error}: {self.log.read_text(encoding='utf-8')}") from None

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(TIMEOUT_S)
            self.process = None

    def audit_records(self) -> list[dict[str, Any]]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@contextmanager
def listening_processes(*listeners: Listener) -> Iterator[None]:
    """Run processes while the block runs; all have opened their ports when it begins."""
    try:
        for listener in listeners:
            listener.start()
        for listener in listeners:
            listener.wait_until_open()
        yield
    finally:
        for listener in listeners:
            with suppress(ProcessLookupError):
                listener.end()
