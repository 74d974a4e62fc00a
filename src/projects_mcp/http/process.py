"""The HTTP server as a process: its socket, its signals, and how it drains at its end."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from projects_mcp.config.logging import configure_logging
from projects_mcp.config.parsers import SettingsError, is_loopback
from projects_mcp.config.settings import Settings
from projects_mcp.http.limits import ANSWER_AFTER_CALL_S, LISTEN_BACKLOG
from projects_mcp.http.tally import Tally
from projects_mcp.http.tenants import Tenants
from projects_mcp.http.uvicorn_server import create_server
from projects_mcp.runner.garbage import collect_as_usual

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

__all__ = ["run_server"]

logger: Final = logging.getLogger("projects_mcp.process")


def run_server(settings: Settings, environment: Mapping[str, str], host: str, port: int) -> int:
    """Serve over HTTP until a signal arrives.

    Args:
        settings: what the operator has decided.
        environment: may hold the credentials of a callers file.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.

    Returns:
        The exit code of the process.

    Raises:
        SettingsError: the address needs authentication, or the callers file or the port for metrics cannot be used.
    """
    serving = settings.serving
    unauthenticated = serving.callers is None and serving.issuer is None
    if unauthenticated and not is_loopback(host):
        raise SettingsError(
            f"Without PROJECTS_MCP_CALLERS or PROJECTS_MCP_OAUTH_ISSUER everybody who reaches {host} could use your "
            "key: set one of them, or serve on 127.0.0.1."
        )
    if not host.strip():  # a blank one would mean every address of this machine
        raise SettingsError("--host is blank: name the address to listen on, such as 127.0.0.1 or 0.0.0.0.")
    tally = None if serving.metrics is None else Tally()
    tenants = Tenants(settings, environment, tally=tally)
    configure_logging(tenants.redactor)
    from projects_mcp.http.app import create_app  # noqa: PLC0415 - the SDK is slow to import

    metrics = None if tally is None or serving.metrics is None else _open_metrics(tally, *serving.metrics)
    listener = _listen_or_refuse(host, port)
    bound_port = listener.getsockname()[1]
    app = create_app(tenants, serving, host, bound_port)
    collect_as_usual()
    server = create_server(app, round(settings.limits.call_s) + ANSWER_AFTER_CALL_S)
    greeting = _greeting(f"{_origin(listener, host)}/mcp", unauthenticated=unauthenticated, metrics=metrics)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as loop:
        loop.run(_serve_both(_serve(server, listener, tenants, greeting), metrics))
    return 0


class _Metrics(NamedTuple):
    """Metrics that are about to be served: their listener, its address, and what answers there."""

    listener: socket.socket
    address: str
    app: ASGIApp


def _open_metrics(tally: Tally, host: str, port: int) -> _Metrics:
    """Listen on the port for metrics.

    Raises:
        SettingsError: the library is not installed, or the port cannot be listened on.
    """
    from projects_mcp.http import metrics  # noqa: PLC0415 - what few serve is loaded by them

    if not metrics.library_is_there():
        raise SettingsError(f"PROJECTS_MCP_METRICS_PORT is set, and {metrics.NO_LIBRARY}.")
    listener = _listen_or_refuse(host, port)
    return _Metrics(
        listener, f"{_origin(listener, host)}{metrics.METRICS_PATH}", metrics.create_metrics_app(tally, host)
    )


def _greeting(address: str, *, unauthenticated: bool, metrics: _Metrics | None) -> str:
    hint = "projects-mcp: no token is needed on this address; see docs/serving.md for how to ask for one\n"
    counts = "" if metrics is None else f"projects-mcp: metrics are at {metrics.address}\n"
    return f"{hint if unauthenticated else ''}{counts}projects-mcp: serving on {address}"


def _origin(listener: socket.socket, host: str) -> str:
    return f"http://{'[' + host + ']' if ':' in host else host}:{listener.getsockname()[1]}"


def _listen_or_refuse(host: str, port: int) -> socket.socket:
    try:
        return _listen(host, port)
    except OSError as error:
        raise SettingsError(f"{host}:{port} cannot be listened on: {error.strerror}.") from None


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
    listener.listen(LISTEN_BACKLOG)
    listener.setblocking(False)
    return listener


async def _serve_both(serving: Coroutine[Any, Any, None], metrics: _Metrics | None) -> None:
    """Serve, and beside it the metrics, which end with it."""
    if metrics is None:
        await serving
        return
    from projects_mcp.http.metrics import serve_metrics  # noqa: PLC0415 - as above

    beside = asyncio.ensure_future(serve_metrics(metrics.listener, metrics.app))
    try:
        await serving
    finally:
        beside.cancel()
        await asyncio.wait([beside])


async def _serve(server: uvicorn.Server, listener: socket.socket, tenants: Tenants, greeting: str) -> None:
    """Serve until SIGTERM or SIGINT; a second SIGINT drains no longer, and SIGHUP reads the callers file again."""
    loop = asyncio.get_running_loop()
    reading = asyncio.Lock()
    readings: set[asyncio.Task[None]] = set()

    def stop() -> None:
        server.should_exit = True

    def stop_at_once() -> None:
        server.force_exit = server.should_exit  # by a person who has asked before
        stop()

    async def read_callers() -> None:
        try:
            async with reading:  # one after the other, so that the last one read is the last one used
                tenants.use(await asyncio.to_thread(tenants.load_callers))
        except SettingsError as error:
            logger.error("projects-mcp: %s The former callers stay.", error)  # noqa: TRY400 - the sentence says all
        else:
            done = "the callers file has been read again" if tenants.callers else "there is no callers file to read"
            logger.info("projects-mcp: %s", done)

    def reload() -> None:
        task = loop.create_task(read_callers())
        readings.add(task)
        task.add_done_callback(readings.discard)

    handlers: dict[str, Any] = {"SIGTERM": stop, "SIGINT": stop_at_once, "SIGHUP": reload}
    for name, handler in handlers.items():
        if hasattr(signal, name) and sys.platform != "win32":
            loop.add_signal_handler(getattr(signal, name), handler)
    # Said only now: whoever waits for it may send a signal at once.
    logger.info("%s", greeting)
    await server.serve(sockets=[listener])
