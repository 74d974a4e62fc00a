"""Serve what the official tools look at: our tools on the sandbox, and the fixtures of the conformance suite."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dev.environments import CACHE, ROOT
from dev.gate import FailedError
from dev.processes import NotListeningError, free_port, start, stop, wait_until_listening, without_settings

__all__ = ["COMMAND", "SANDBOX", "serve_fixtures", "serve_tools"]

COMMAND: Final = str(Path(sys.executable).with_name("projects-mcp"))
"""The server as a client starts it over stdio."""

SANDBOX: Final[Mapping[str, str]] = {"PROJECTS_MCP_SANDBOX": "1"}


@contextmanager
def serve_tools(gate: str, *flags: str) -> Iterator[str]:
    """Serve our tools on the sandbox over HTTP while the block runs, and give the address."""
    port = free_port()
    with _serve(gate, [COMMAND, "serve", "--port", str(port), "--sandbox", *flags], port) as address:
        yield address


@contextmanager
def serve_fixtures(gate: str) -> Iterator[str]:
    """Serve our server class with the fixtures of the conformance suite on it."""
    port = free_port()
    with _serve(gate, [sys.executable, "-m", "dev.conformance.fixtures", str(port)], port) as address:
        yield address


@contextmanager
def _serve(gate: str, command: Sequence[str], port: int) -> Iterator[str]:
    log = CACHE / f"{gate}.server.log"
    log.unlink(missing_ok=True)
    process = start(command, folder=ROOT, environment=without_settings(), log=log)
    try:
        wait_until_listening(process, port)
        yield f"http://127.0.0.1:{port}/mcp"
    except NotListeningError as error:
        raise FailedError(f"{error}; its log is {log.relative_to(ROOT)}") from None
    finally:
        stop(process)
