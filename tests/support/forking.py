"""Processes of `projects-mcp` that start at once: forked from one that has imported everything that any of them needs.

Each is a process of its own, with streams, an environment and a session of its own, from its first setting to its exit
code. Only its imports are done already. What an import does meanwhile is shown by letting one wait (`HELD`), or by a
process that is started cold.
"""

import atexit
import ctypes
import fcntl
import gc
import json
import os
import runpy
import signal
import socket
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import NamedTuple

import anyio

import projects_mcp
from dev import processes
from dev.environments import ROOT
from projects_mcp.protocol import server as _server
from tests.support.waiting import PATIENCE_S

HELD = "TEST_IMPORT_WAITS_FOR"
"""The path of a file without which the import of what needs the SDK does not go on. It makes `….begun` meanwhile."""
FOR_PROCESSES = "COVERAGE_PROCESS_CONFIG"
"""The variable that has coverage measure the processes that a test starts."""
_PAUSE_S = 0.02
_STREAMS = (("stdin", "r", "strict"), ("stdout", "w", "strict"), ("stderr", "w", "backslashreplace"))
_BE_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): what descendants leave behind becomes a child of this process."""
_LENGTH = 8
"""The bytes of a number on the socket."""


class Asked(NamedTuple):
    """A process that is asked for.

    Attributes:
        arguments: of `projects-mcp`.
        environment: the whole of it.
        folder: where it works.
        terminal: whether its stdin is to be its controlling terminal.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str = str(ROOT)
    terminal: bool = False


class Forker:
    """Starts processes of `projects-mcp`. This process becomes the parent of each, as of any that it starts itself."""

    def __init__(self) -> None:
        if ctypes.CDLL(None, use_errno=True).prctl(_BE_SUBREAPER, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "this process cannot become the parent of what it has not forked")
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(PATIENCE_S)
        self._turn = threading.Lock()
        environment = {name: value for name, value in processes.without_settings().items() if name != FOR_PROCESSES}
        with theirs:
            self._process = processes.start(
                [sys.executable, "-m", __name__], environment=environment, folder=ROOT, stdin=theirs.fileno()
            )

    def start(self, asked: Asked, streams: Sequence[int]) -> int:
        """Start one, and return its id.

        Args:
            asked: what it is to be.
            streams: what become its stdin, stdout and stderr. They stay open here.
        """
        data = json.dumps(asked).encode()
        with self._turn:
            socket.send_fds(self._socket, [len(data).to_bytes(_LENGTH, "big")], streams)
            self._socket.sendall(data)
            return int.from_bytes(self._socket.recv(_LENGTH), "big")

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


@cache
def forker() -> Forker:
    """Return the one of this process, which goes with it."""
    made = Forker()
    atexit.register(made.close)
    return made


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


def _import_everything() -> None:
    """Import each module of the package, and what is imported on first use only."""
    for found in walk_packages(projects_mcp.__path__, "projects_mcp."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    anyio.run(anyio.sleep, 0)  # imports its event loop
    gc.collect()
    gc.freeze()  # or each process would look at all of it, and copy it, when it ends


def _fork(connection: socket.socket) -> Asked:
    """Fork until nobody asks any more. Returns in each process that was forked, which is as it was asked for."""
    while True:
        length, streams, _, _ = socket.recv_fds(connection, _LENGTH, 3)
        if not length:
            sys.exit()
        with connection.makefile("rb", buffering=0) as file:
            data = bytearray()
            while missing := int.from_bytes(length, "big") - len(data):
                data += file.read(missing) or b""
        asked = Asked(*json.loads(data))
        ours, theirs = os.pipe()
        between = os.fork()
        if not between:
            process = os.fork()
            if not process:
                for descriptor in (ours, theirs, connection.detach()):
                    os.close(descriptor)
                _become(asked, streams)
                return asked
            os.write(theirs, process.to_bytes(_LENGTH, "big"))
            os._exit(0)
        # The one in between ends first: then the process that asks is the parent when it hears of its child.
        os.waitpid(between, 0)
        connection.sendall(os.read(ours, _LENGTH))
        for descriptor in (ours, theirs, *streams):
            os.close(descriptor)


def _become(asked: Asked, streams: Sequence[int]) -> None:
    """Be the process that was asked for, as if it had just been started."""
    os.setsid()
    for wanted, descriptor in enumerate(streams):
        os.dup2(descriptor, wanted)
    for descriptor in streams:
        os.close(descriptor)
    if asked.terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(asked.folder)
    os.environ.clear()
    os.environ.update(asked.environment)
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also if the tests run in the background of a shell
    sys.argv = ["projects-mcp", *asked.arguments]
    for number, (name, mode, errors) in enumerate(_STREAMS):
        stream = os.fdopen(number, mode, encoding="utf-8", errors=errors, closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    if HELD in asked.environment:
        del sys.modules[_server.__name__]
        sys.meta_path.insert(0, _Finder())


if __name__ == "__main__":
    _import_everything()
    _fork(socket.socket(fileno=os.dup(0)))
    runpy.run_module("projects_mcp", run_name="__main__", alter_sys=True)
