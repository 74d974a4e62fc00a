"""A real Redis server of the test's own, on a free port of this machine."""

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import pytest

from projects_mcp.config.state_parser import parse_state
from projects_mcp.state.location import RedisAddress

NAMES = ("redis-server", "valkey-server")


def program() -> str:
    """Return the server's program. Without one, the test is skipped and says why."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no redis-server on this machine (Debian: apt-get install redis-server)")
    return found


@dataclass
class RedisServer:
    """A server that a test starts and stops. What it keeps lives in its folder, and every write is synced."""

    folder: Path
    options: Sequence[str] = ()
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def address(self) -> RedisAddress:
        address = parse_state("PROJECTS_MCP_STATE", self.url)
        assert isinstance(address, RedisAddress)
        return address

    def start(self) -> None:
        if not self.port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        command = [program(), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--save", ""]
        durable = ["--appendonly", "yes", "--appendfsync", "always", "--logfile", str(self.folder / "log")]
        self.process = subprocess.Popen([*command, *durable, *self.options], stdin=subprocess.DEVNULL)
        ends = monotonic() + 10
        while monotonic() < ends:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(64).startswith((b"+PONG", b"-NOAUTH")):
                    return
            sleep(0.02)
        raise AssertionError((self.folder / "log").read_text(encoding="utf-8"))

    def stop(self) -> None:
        """Kill it, as a machine that fails would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    folder.mkdir(parents=True, exist_ok=True)
    server = RedisServer(folder, options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


every_store = pytest.mark.parametrize("kind", ["sqlite", pytest.param("redis", marks=pytest.mark.heavy)])
"""With each store that processes can share, as `kind` for `shared_state`."""


@contextmanager
def shared_state(kind: str, folder: Path) -> Iterator[str]:
    """A place for state that several processes share, as `PROJECTS_MCP_STATE` names it: `sqlite` or `redis`."""
    if kind == "sqlite":
        yield str(folder / "state" / "state.sqlite3")
    else:
        with redis_server(folder / "redis") as server:
            yield server.url
