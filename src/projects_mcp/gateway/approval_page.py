"""Where approvals are opened in a browser. The page itself is served by a room above, which waits to be needed."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

import anyio

__all__ = ["ApprovalPage", "listen_on_loopback"]


@dataclass
class ApprovalPage:
    """The address of the page of each approval.

    Args:
        base: the address that the page is served at, without the code; None if there is none yet.
        local: without a base, a port of this machine is opened when the first approval is offered.
    """

    base: str | None = None
    local: bool = True
    listener: socket.socket | None = field(default=None, init=False, repr=False)
    """Listens on loopback since the page was first needed. Whoever serves the page takes it."""
    needed_at: float = field(default=0.0, init=False, repr=False)
    """When an approval was last offered, in seconds of the event loop's clock."""
    _needed: anyio.Event | None = field(default=None, init=False, repr=False)

    @property
    def available(self) -> bool:
        """Whether there is a page, as far as that is known before it is needed."""
        return self.base is not None or self.local

    def address(self, code: str) -> str | None:
        """Return the address of an approval's page, and see to it that it is served; None if it cannot be."""
        if self.base is not None:
            return f"{self.base}{code}"
        if not self.local:
            return None
        if self.listener is None:
            try:
                self.listener = listen_on_loopback()
            except OSError:
                return None
        self.needed_at = anyio.current_time()
        self._event().set()
        # A name, and not a number: a passkey belongs to a name.
        return f"http://localhost:{self.listener.getsockname()[1]}/approve/{code}"

    async def wait_until_needed(self) -> socket.socket:
        """Wait until an approval is offered, and return the listener of its page."""
        while self.listener is None:
            await self._event().wait()
            self._needed = None
        return self.listener

    def release(self, listener: socket.socket) -> None:
        """Forget a listener, which whoever serves the page closes. The next approval opens another."""
        if self.listener is listener:
            self.listener = None

    def give_up(self) -> None:
        """Offer no page on this machine any more: it could not be served."""
        self.local = False
        self.close()

    def close(self) -> None:
        """Close the listener."""
        if self.listener is not None:
            self.listener.close()
            self.listener = None

    def _event(self) -> anyio.Event:
        if self._needed is None:
            self._needed = anyio.Event()
        return self._needed


def listen_on_loopback() -> socket.socket:
    """Listen on a free port of the loopback address that `localhost` means to browsers.

    Raises:
        OSError: there is none.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
