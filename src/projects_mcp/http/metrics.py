"""Serve the counts of this process in Prometheus' text format, on a port of their own.

The library is an extra, and imported when a port for metrics is set. Each application has a registry of its own, so
that several in one process are never added up.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from projects_mcp._version import __version__
from projects_mcp.config.parsers import is_loopback
from projects_mcp.http.cors import LOOPBACK, Pages
from projects_mcp.http.middleware import JSONErrors
from projects_mcp.http.request_checks import KnownHosts, OneReading
from projects_mcp.http.tally import Tally
from projects_mcp.http.uvicorn_server import create_server
from projects_mcp.posthog.request_tally import BUCKETS_S, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

__all__ = ["METRICS_PATH", "NO_LIBRARY", "collect_into", "create_metrics_app", "library_is_there", "serve_metrics"]

METRICS_PATH: Final = "/metrics"
NO_LIBRARY: Final = "the library prometheus-client is not installed: pip install 'projects-mcp[metrics]'"
_HEADERS: Final = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"}
_DRAIN_S: Final = 1
_END_S: Final = 1.5
"""Seconds to close the connections in, when the process ends."""
_COUNTERS: Final[tuple[tuple[str, str, tuple[str, ...], str], ...]] = (
    ("calls", "Calls of tools that have ended", ("tool", "caller", "outcome"), "calls.outcomes"),
    ("call_failures", "Calls that were refused or failed, by kind", ("tool", "kind"), "calls.failures"),
    ("confirmations", "Destructive calls that were confirmed", ("tool", "channel"), "calls.confirmations"),
    ("upstream_requests", "Requests to PostHog", ("method", "status"), "upstream.answers"),
    ("http_requests", "Requests over HTTP", ("path", "status"), "requests"),
)
"""Name, meaning, labels, and the place in the tally."""
_HISTOGRAMS: Final = (
    ("call_duration_seconds", "Time from the begin of a call to its end", "tool", "calls.durations"),
    ("upstream_duration_seconds", "Time until the head of PostHog's answer", "method", "upstream.durations"),
)


def library_is_there() -> bool:
    """Whether the library that writes the format is installed."""
    return find_spec("prometheus_client") is not None


class _Collector:
    """Turns the counts into metrics when they are asked for."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        from prometheus_client.core import (  # noqa: PLC0415 - an extra
            CounterMetricFamily,
            HistogramMetricFamily,
            InfoMetricFamily,
        )

        yield InfoMetricFamily("projects_mcp", "The server", value={"version": __version__})
        for name, about, labels, field in _COUNTERS:
            counter = CounterMetricFamily(f"projects_mcp_{name}", about, labels=labels)
            counts: Mapping[tuple[str, ...], int] = attrgetter(field)(self._tally)
            for values, times in sorted(counts.items()):
                counter.add_metric(values, times)
            yield counter
        throttled = CounterMetricFamily("projects_mcp_throttled", "Times that somebody was told to wait", labels=["by"])
        for by, times in self._tally.throttled().items():
            throttled.add_metric([by], times)
        yield throttled
        for name, about, label, field in _HISTOGRAMS:
            family = HistogramMetricFamily(f"projects_mcp_{name}", about, labels=[label])
            histograms: Mapping[str, Histogram] = attrgetter(field)(self._tally)
            for value, histogram in sorted(histograms.items()):
                family.add_metric([value], list(_cumulative(histogram.counts)), histogram.sum_s)
            yield family


def _cumulative(counts: Iterable[int]) -> Iterator[tuple[str, float]]:
    total = 0
    for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), counts, strict=True):
        total += count
        yield bound, total


def create_metrics_app(tally: Tally, host: str) -> ASGIApp:
    """Return the application that answers `/metrics`, and nothing else.

    Args:
        tally: the counts.
        host: the address that it listens on. On this machine, a page in a browser cannot ask under another name.
    """
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - an extra

    registry = CollectorRegistry(auto_describe=False)
    collect_into(registry, tally)
    app: ASGIApp = _Metrics(registry)
    if is_loopback(host):
        app = KnownHosts(app, LOOPBACK, Pages((), "GET"))
    return JSONErrors(OneReading(app))


def collect_into(registry: CollectorRegistry, tally: Tally) -> None:
    """Have a registry collect the counts of a tally, and what the system knows of this process."""
    from prometheus_client import ProcessCollector  # noqa: PLC0415 - an extra

    registry.register(_Collector(tally))
    ProcessCollector(registry=registry)


class _Metrics:
    def __init__(self, registry: Any) -> None:
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from prometheus_client import generate_latest  # noqa: PLC0415 - an extra

        if scope["path"] != METRICS_PATH:
            raise HTTPException(404, f"There is nothing here; the metrics are at {METRICS_PATH}.")
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, f"{METRICS_PATH} takes GET only.", {"Allow": "GET, HEAD"})
        text = generate_latest(self._registry)
        await Response(text, headers=_HEADERS)(scope, receive, send)


async def serve_metrics(listener: socket.socket, app: ASGIApp) -> None:
    """Serve metrics until this is cancelled.

    Args:
        listener: of the port; it is this function's from now on.
        app: answers the requests.
    """
    server = create_server(app, _DRAIN_S, "off")
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = server.force_exit = True
        await asyncio.wait([serving], timeout=_END_S)
        serving.cancel()
        listener.close()
