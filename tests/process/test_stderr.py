"""The real process and its stderr: a pipe that nobody reads, one whose reader has gone, and none at all."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

import pytest

from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.messages import ACCEPT, MODERN, calling
from tests.support.waiting import PATIENCE_S
from tests.support.warm import Process

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes that fill up are made with Unix's calls")

CLEAN = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("POSTHOG_", "PROJECTS_MCP_", "OTEL_", "PYTHONUNBUFFERED"))
}
"""The environment without settings, and with the buffers of streams as they are for users."""
ASKED = calling("project_get", {"project_id": PRODUCTION_ID, "fields": ["id"]})


@contextmanager
def full_pipe() -> Iterator[int]:
    """A pipe that takes nothing more, with a reader that never reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 512)
    os.set_blocking(writer, True)
    yield writer
    os.close(reader)
    os.close(writer)


@contextmanager
def abandoned_pipe() -> Iterator[int]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@contextmanager
def nothing() -> Iterator[None]:
    """No stderr at all."""
    yield None


EACH = pytest.mark.parametrize("stderr", [full_pipe, abandoned_pipe, nothing])
Stderr = Callable[[], Any]


@contextmanager
def running(stderr: int | None, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "projects_mcp", *arguments, "--sandbox"]
    closing = ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh"] if stderr is None else []
    process = Process(
        [*closing, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if stderr is None else stderr,
        env=CLEAN,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ends_within(process: "subprocess.Popen[bytes]", seconds: float, number: signal.Signals = signal.SIGTERM) -> bool:
    """Whether a signal ends the process with 0 in time."""
    began = time.monotonic()
    process.send_signal(number)
    return process.wait(PATIENCE_S) == 0 and time.monotonic() - began < seconds


def ask(stdin: IO[bytes] | None, stdout: IO[bytes] | None) -> Any:
    assert stdin is not None
    assert stdout is not None
    stdin.write(json.dumps(ASKED).encode() + b"\n")
    stdin.flush()
    return json.loads(stdout.readline())["result"]


@EACH
def test_a_server_over_stdio_answers_and_ends(stderr: Stderr) -> None:
    with stderr() as descriptor, running(descriptor) as process:
        for _ in range(3):
            assert ask(process.stdin, process.stdout)["structuredContent"]["id"] == PRODUCTION_ID
        assert ends_within(process, 5)


@EACH
def test_a_server_over_stdio_ends_with_its_input(stderr: Stderr) -> None:
    with stderr() as descriptor, running(descriptor) as process:
        assert ask(process.stdin, process.stdout)["isError"] is False
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0


@EACH
def test_a_server_over_http_answers_and_ends(stderr: Stderr) -> None:
    port = free_port()
    with stderr() as descriptor, running(descriptor, "serve", "--port", str(port)) as process:
        deadline = time.monotonic() + PATIENCE_S
        while post(port) != (200, PRODUCTION_ID):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for _ in range(20):
            assert post(port) == (200, PRODUCTION_ID)
        assert ends_within(process, 5)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def post(port: int) -> tuple[int, int]:
    """Call a tool, and return the status and the project; zeros while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    headers = {
        "Content-Type": "application/json",
        "Accept": ACCEPT,
        "MCP-Protocol-Version": MODERN,
        "Mcp-Method": "tools/call",
        "Mcp-Name": "project_get",
    }
    try:
        connection.request("POST", "/mcp", json.dumps(ASKED).encode(), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())["result"]["structuredContent"]["id"]
    except ConnectionRefusedError:
        return 0, 0
    finally:
        connection.close()


def test_the_last_lines_are_written_before_the_end() -> None:
    reader, writer = os.pipe()
    with running(writer) as process:
        os.close(writer)
        for _ in range(50):
            ask(process.stdin, process.stdout)
        assert ends_within(process, 5)
    with os.fdopen(reader, "rb") as lines:
        assert [json.loads(line)["event"] for line in lines] == ["call"] * 50


def test_a_call_from_the_command_line_leaves_stderr_to_people() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "projects_mcp", "call", "project_list", "--sandbox"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        env=CLEAN,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
