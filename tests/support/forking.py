"""Processes of the server that start at once: forked from one that has imported everything that any of them needs.

Each is a process of its own, over pipes of its own, from its first setting to its exit code. Only its imports are done
already. What an import does meanwhile is shown by letting one wait (`HELD`), or by a process that is started cold.
"""

import json
import os
import select
import socket
import sys
import threading
import time
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import anyio
import httpx

from dev import processes
from dev.environments import ROOT
from projects_mcp.cli import stdio as _cli
from projects_mcp.cli.main import main
from projects_mcp.protocol import server as _server
from projects_mcp.sandbox import app as _sandbox
from tests.support.process import CLEAN
from tests.support.waiting import PATIENCE_S

IMPORTED = (_cli, _server, _sandbox, httpx)
HELD = "TEST_IMPORT_WAITS_FOR"
"""The path of a file without which the import of what needs the SDK does not go on. It makes `….begun` meanwhile."""
_PAUSE_S = 0.02


class _Held(SourceFileLoader):
    """Lets the import of the module that needs the SDK wait for a file."""

    def exec_module(self, module: ModuleType) -> None:
        file = Path(os.environ[HELD])
        Path(f"{file}.begun").touch()
        while not file.exists():
            time.sleep(_PAUSE_S)
        super().exec_module(module)


class _Finder(MetaPathFinder):
    """Finds that module, and holds no lock of the import of others while it waits."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        file = _server.__file__
        return spec_from_file_location(name, file, loader=_Held(name, file)) if name == _server.__name__ else None


class Started(NamedTuple):
    """A process that has been started: its id, and the test's ends of its pipes.

    Attributes:
        code: where its exit code arrives.
    """

    process: int
    stdin: int
    stdout: int
    stderr: int
    code: int


class Forker:
    """Starts processes of the server."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(PATIENCE_S)
        self._turn = threading.Lock()
        with theirs:
            self._process = processes.start(
                [sys.executable, "-m", __name__], environment=CLEAN, folder=ROOT, stdin=theirs.fileno()
            )

    def start(self, environment: dict[str, str]) -> Started:
        """Start one."""
        (stdin, our_in), (our_out, stdout), (our_err, stderr), (our_code, code) = (os.pipe() for _ in range(4))
        theirs = [stdin, stdout, stderr, code]
        with self._turn:
            socket.send_fds(self._socket, [json.dumps(environment).encode()], theirs)
            process = int(self._socket.recv(20))
        for descriptor in theirs:
            os.close(descriptor)
        return Started(process, our_in, our_out, our_err, our_code)

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


def _fork(connection: socket.socket) -> None:
    """Fork until nobody asks any more, and tell the exit code of each. Returns in each process that was forked."""
    codes: dict[int, int] = {}
    while True:
        while codes and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            told = codes.pop(ended[0])
            with suppress(BrokenPipeError):  # a test that has failed reads it no more
                os.write(told, str(os.waitstatus_to_exitcode(ended[1])).encode())
            os.close(told)
        if not select.select([connection], [], [], _PAUSE_S if codes else None)[0]:
            continue
        asked, descriptors, _, _ = socket.recv_fds(connection, 65_536, 4)
        if not asked:
            sys.exit()
        *streams, code = descriptors
        process = os.fork()
        if not process:
            break
        codes[process] = code
        for descriptor in streams:
            os.close(descriptor)
        connection.sendall(str(process).encode())
    for wanted, descriptor in enumerate(streams):
        os.dup2(descriptor, wanted)
    for descriptor in (*streams, code, *codes.values(), connection.detach()):
        os.close(descriptor)
    environment = json.loads(asked)
    os.environ.update(environment)
    if HELD in environment:
        del sys.modules[_server.__name__]
        sys.meta_path.insert(0, _Finder())


if __name__ == "__main__":
    anyio.run(anyio.sleep, 0)  # imports its event loop
    _fork(socket.socket(fileno=os.dup(0)))
    sys.exit(main())
