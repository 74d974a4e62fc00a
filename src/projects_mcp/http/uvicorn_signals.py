"""Handle the signals of a process ourselves: a work-around for uvicorn's `capture_signals`.

uvicorn raises a signal that it has handled once more at its end, so that the process ends as if it had been killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

__all__ = ["ServerWithoutSignals"]


class ServerWithoutSignals(uvicorn.Server):
    """A server that stops only if `should_exit` is set."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
