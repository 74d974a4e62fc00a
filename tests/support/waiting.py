"""Wait for what happens elsewhere: in a thread, on a socket, in another process, in a file."""

import concurrent.futures
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE_S = 30
"""Seconds after which a test gives up."""


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


def audit_records_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
