"""Run a process to its end, start one, wait until it listens, and stop it.

The bench, the official checks, the releases and the tests all do it with these functions.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final

__all__ = [
    "NotListeningError",
    "free_port",
    "run",
    "start",
    "state_folder",
    "stop",
    "wait_until_listening",
    "without_settings",
]

TIMEOUT_S: Final = 180
"""How long a process may take that is run to its end."""
START_TIMEOUT_S: Final = 30
"""How long a server may take to open its port."""
STOP_TIMEOUT_S: Final = 10
"""How long a process may take to end before it is killed."""

_SETTINGS: Final = ("POSTHOG_", "PROJECTS_MCP_", "OTEL_")
_POLL_S: Final = 0.02


class NotListeningError(Exception):
    """A server ended, or let its time pass, before it opened its port."""


@cache
def state_folder() -> TemporaryDirectory[str]:
    """Return the folder where servers keep their state, in the place of this user's own. It goes with this process."""
    return TemporaryDirectory(prefix="projects-mcp-state-", ignore_cleanup_errors=True)


def without_settings() -> dict[str, str]:
    """Return the environment of this process without what this machine may have set for the server.

    What a server keeps by default, it keeps in `state_folder`, and not where this user's own servers do; and it finds
    no profile of this user's.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    folder = state_folder().name
    return {**kept, "XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": f"{folder}/config"}


def run(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: str = "",
    timeout_s: float = TIMEOUT_S,
) -> subprocess.CompletedProcess[str]:
    """Run a process to its end and return its exit code and what it printed, as UTF-8.

    Args:
        command: the program and its arguments.
        environment: the whole environment; that of this process if it is not given.
        folder: the working folder; that of this process if it is not given.
        stdin: what the process reads.
        timeout_s: after that many seconds it is killed.

    Raises:
        OSError: the program cannot be started.
        subprocess.TimeoutExpired: it did not end in time.
    """
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=None if environment is None else dict(environment),
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


def start(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] = subprocess.DEVNULL,
    stderr: int | IO[bytes] | None = None,
    log: Path | None = None,
    make: type[subprocess.Popen[bytes]] = subprocess.Popen,
) -> subprocess.Popen[bytes]:
    """Start a process and return it at once.

    Args:
        command: the program and its arguments.
        environment: the whole environment; that of this process if it is not given.
        folder: the working folder; that of this process if it is not given.
        stdin: where it reads; nothing if it is not given.
        stdout: where it prints; nowhere if it is not given.
        stderr: where it prints its errors; where this process does if it is not given.
        log: a file that takes stderr, and stdout too unless that goes to a pipe.
        make: the class of the process.
    """
    with contextlib.ExitStack() as stack:
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            stderr = stack.enter_context(log.open("ab"))
            stdout = stderr if stdout == subprocess.DEVNULL else stdout
        return make(
            [str(part) for part in command],
            cwd=folder,
            env=None if environment is None else dict(environment),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )


def free_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def wait_until_listening(process: subprocess.Popen[bytes], port: int, timeout_s: float = START_TIMEOUT_S) -> None:
    """Wait until a process takes connections on a port of this machine.

    Raises:
        NotListeningError: it ended, or did not open the port in time.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=timeout_s).close()
        except ConnectionRefusedError:
            time.sleep(_POLL_S)
        else:
            return
    ended = "did not open its port in time" if process.poll() is None else f"ended with {process.returncode}"
    raise NotListeningError(f"{Path(str(process.args[0])).name if isinstance(process.args, list) else 'it'} {ended}")


def stop(process: subprocess.Popen[bytes], *, ask: bool = True, timeout_s: float = STOP_TIMEOUT_S) -> int:
    """End a process and return its exit code: close its pipes, ask it to end, and kill it if it does not.

    Args:
        process: may have ended already.
        ask: whether to send SIGTERM. A server over stdio ends when its stdin does.
        timeout_s: after that many seconds it is killed.
    """
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    if ask and process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    return process.returncode
