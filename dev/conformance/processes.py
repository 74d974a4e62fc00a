"""Running the tools, and the servers that they look at."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dev.conformance.toolbox import CACHE, ROOT
from dev.conformance.verdicts import FailedError

__all__ = ["COMMAND", "SANDBOX", "fixtures", "last_lines", "run", "served"]

COMMAND: Final = str(Path(sys.executable).with_name("projects-mcp"))
"""The server as a client starts it over stdio."""

SANDBOX: Final[Mapping[str, str]] = {"PROJECTS_MCP_SANDBOX": "1"}

_PATIENCE_S: Final = 180
_START_S: Final = 30


def run(
    gate: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    expected: int = 0,
    patience_s: float = _PATIENCE_S,
) -> str:
    """Run a tool to its end and return what it printed. All of it is also kept in the log of the gate.

    Raises:
        FailedError: it ended with another code than the expected one, or not in time.
    """
    try:
        done = subprocess.run(
            list(command),
            cwd=folder,
            env=environment and dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FailedError(f"{Path(command[0]).name} did not end within {patience_s:.0f} s") from None
    _log(gate, f"$ {' '.join(command)}\n{done.stdout}{done.stderr}[exit code {done.returncode}]\n")
    if done.returncode != expected:
        said = last_lines(done.stdout + done.stderr, 12)
        raise FailedError("\n".join((f"{Path(command[0]).name} ended with {done.returncode}", *said)))
    return done.stdout


def last_lines(text: str, count: int) -> list[str]:
    """Return the last lines that say anything."""
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


@contextmanager
def served(gate: str, *flags: str) -> Iterator[str]:
    """Serve our tools on the sandbox over HTTP while the block runs, and give the address."""
    with _listening(gate, lambda port: [COMMAND, "serve", "--port", str(port), "--sandbox", *flags], ROOT) as address:
        yield address


@contextmanager
def fixtures(gate: str) -> Iterator[str]:
    """Serve our server class with the fixtures of the conformance suite on it."""
    with _listening(gate, lambda port: [sys.executable, "-m", "dev.conformance.fixtures", str(port)], ROOT) as address:
        yield address


@contextmanager
def _listening(gate: str, command: Callable[[int], Sequence[str]], folder: Path) -> Iterator[str]:
    port = _free_port()
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{gate}.server.log").open("wb") as log:
        process = subprocess.Popen(
            command(port), cwd=folder, env=_without_settings(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _wait_for(process, port)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.terminate()
        try:
            process.wait(_START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _without_settings() -> dict[str, str]:
    """Return the environment without what this machine may have set for the server."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("POSTHOG_", "PROJECTS_MCP_"))}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise FailedError("the server did not start; its log is in .official/")


def _log(gate: str, text: str) -> None:
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{gate}.log").open("a", encoding="utf-8") as log:
        log.write(text)
