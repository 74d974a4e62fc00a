"""Prism, a mock of any OpenAPI document, on the document of the Projects API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dev.environments import CACHE, ROOT
from dev.gate import FailedError
from dev.processes import NotListeningError, free_port, start, stop, wait_until_listening
from dev.toolbox import Toolbox
from projects_mcp.api.operations import KEY_INTROSPECTION, OPERATIONS

__all__ = ["DOCUMENT", "check", "serve_document"]

DOCUMENT: Final = ROOT / "dev" / "openapi" / "projects.json"
_NOT_ON_PAGE: Final = frozenset({"organization_list", "project_cancel_deletion"})
"""Tools beyond PostHog's page of the Projects API, which the document is of."""
_LOG_TIMEOUT_S: Final = 10
_POLL_S: Final = 0.05


@contextmanager
def serve_document(box: Toolbox, log: Path, *flags: str) -> Iterator[int]:
    """Run the mock while the block runs, and give its port.

    Args:
        box: where Prism is.
        log: a file for what it prints.
        flags: of `prism mock`, such as `--dynamic` for answers that it invents.

    Raises:
        UnavailableError: it cannot be had.
        NotListeningError: it did not start.
    """
    port = free_port()
    command = [str(box.node_binary), box.prism, "mock", "--port", str(port), *flags, str(DOCUMENT)]
    process = start(command, environment=box.environment, log=log)
    try:
        wait_until_listening(process, port)
        yield port
    finally:
        stop(process)


def check(box: Toolbox) -> list[str]:
    """Let Prism read the document: it must serve each operation of the page, and nothing else.

    The heavy tests use what this fetches.
    """
    log = CACHE / "openapi.log"
    log.unlink(missing_ok=True)
    try:
        with serve_document(box, log):
            said = _read_until(log, "is listening")
    except NotListeningError as error:
        raise FailedError(str(error)) from None
    served = sum("http://" in line for line in said.partition("is listening")[0].splitlines()[:-1])
    on_page = len(OPERATIONS) - len(_NOT_ON_PAGE)
    if served != on_page + 1 or KEY_INTROSPECTION not in said:
        raise FailedError(f"Prism serves {served} operations of the document")
    return [f"Prism serves {served} operations: those of the {on_page} tools on the page, and what the key may do"]


def _read_until(log: Path, text: str) -> str:
    """Return what a log holds as soon as it holds a text, or after some seconds: it listens before it says so."""
    deadline = time.monotonic() + _LOG_TIMEOUT_S
    while text not in (said := log.read_text(encoding="utf-8")) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return said
