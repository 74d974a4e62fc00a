"""The HTTP server as a process: its sockets, its signals, and its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from projects_mcp.config.logging import configure_logging
from projects_mcp.config.parsers import SettingsError, is_loopback
from projects_mcp.config.settings import Settings
from projects_mcp.http.tenants import Tenants

if TYPE_CHECKING:
    from projects_mcp.http.front import Front

__all__ = ["run_server"]

logger: Final = logging.getLogger("projects_mcp.process")
"""What the operator is told about this process: one sentence each."""

_HEADERS_S: Final = 10.0
_IDLE_S: Final = 15
_AFTER_CALL_S: Final = 6
"""Beyond a call's own limit: reading back what became of a write."""
_BACKLOG: Final = 2_048


class HeaderTimeoutProtocol(H11Protocol):
    """HTTP/1.1 that waits only so long for the head of a request, the first on a connection included."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        if not self._answering and self._patience is None:
            self._wait()
        super().data_received(data)
        if self._answering:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._patience = self.loop.call_later(_HEADERS_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if not self._answering:
            self.transport.close()

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete


class _Server(uvicorn.Server):
    """uvicorn without its own handling of signals, after which a process ends as if it had been killed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run_server(settings: Settings, environment: Mapping[str, str], host: str, port: int) -> int:
    """Serve over HTTP until a signal arrives.

    Args:
        settings: what the operator has decided.
        environment: where the credentials of a callers file may be.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.

    Returns:
        The exit code of the process.

    Raises:
        SettingsError: the address needs authentication, or the callers file cannot be used.
    """
    serving = settings.serving
    open_to_all = serving.callers is None and serving.issuer is None
    if open_to_all and not is_loopback(host):
        raise SettingsError(
            f"Without PROJECTS_MCP_CALLERS or PROJECTS_MCP_OAUTH_ISSUER everybody who reaches {host} could use your "
            "key: set one of them, or serve on 127.0.0.1."
        )
    switchboard = Tenants(settings, environment)
    configure_logging(switchboard.redactor)
    from projects_mcp.http.app import application  # noqa: PLC0415 - the SDK is slow to import

    try:
        listener = _listen(host, port)
    except OSError as error:
        raise SettingsError(f"{host}:{port} cannot be listened on: {error.strerror}.") from None
    front = application(switchboard, serving, host, listener.getsockname()[1])
    gc.freeze()
    gc.enable()
    server = _Server(
        uvicorn.Config(
            front,
            http=HeaderTimeoutProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=round(settings.limits.call_s) + _AFTER_CALL_S,
        )
    )
    where = f"http://{'[' + host + ']' if ':' in host else host}:{listener.getsockname()[1]}/mcp"
    server.config.load()
    runner = server.config.get_loop_factory()
    with asyncio.Runner(loop_factory=runner) as loop:
        loop.run(_until_signalled(server, listener, switchboard, front, _greeting(where, open_to_all)))
    return 0


def _greeting(where: str, open_to_all: bool) -> str:
    needed = "projects-mcp: no token is needed on this address; see docs/serving.md for how to ask for one\n"
    return f"{needed if open_to_all else ''}projects-mcp: serving on {where}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sends answers without delay only on sockets that say they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


async def _until_signalled(
    server: uvicorn.Server,
    listener: socket.socket,
    switchboard: Tenants,
    front: Front,
    greeting: str,
) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    def stop_now() -> None:
        server.force_exit = server.should_exit  # by a person who has asked before
        stop()

    def reload() -> None:
        try:
            switchboard.reload()
        except SettingsError as error:
            logger.error("projects-mcp: %s The former callers stay.", error)  # noqa: TRY400 - the sentence says all
        else:
            front.admission.callers = switchboard.callers
            read = "the callers file has been read again" if switchboard.callers else "there is no callers file to read"
            logger.info("projects-mcp: %s", read)

    handlers: dict[str, Any] = {"SIGTERM": stop, "SIGINT": stop_now, "SIGHUP": reload}
    for name, handler in handlers.items():
        if hasattr(signal, name) and sys.platform != "win32":
            loop.add_signal_handler(getattr(signal, name), handler)
    # Said only now: whoever waits for it may send a signal at once.
    logger.info("%s", greeting)
    await server.serve(sockets=[listener])
