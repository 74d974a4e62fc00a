"""One OpenTelemetry span around each request to PostHog, where an SDK of OpenTelemetry is running; else nothing.

Names follow the semantic conventions for HTTP clients. No header, query or body is ever an attribute.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

__all__ = ["Span", "span_of"]


class Span:
    """What is noted of a request."""

    def __init__(self, span: Any = None) -> None:
        self._span = span

    def answered(self, status: int) -> None:
        """Note the status of the answer."""
        if self._span is not None:
            self._span.set_attribute("http.response.status_code", status)


_NOBODY_LOOKS = Span()


def span_of(method: str, origin: str, path: str) -> AbstractContextManager[Span]:
    """Return a span for one request, as a context."""
    if "opentelemetry.sdk.trace" not in sys.modules:  # without an SDK there is no exporter either
        return nullcontext(_NOBODY_LOOKS)
    return _recorded(method, origin, path)


@contextmanager
def _recorded(method: str, origin: str, path: str) -> Iterator[Span]:
    from opentelemetry import trace  # noqa: PLC0415 - here only, see above

    attributes = {
        "http.request.method": method,
        "server.address": origin.partition("://")[2],
        "url.path": path,
        "peer.service": "posthog",
    }
    tracer = trace.get_tracer("projects-mcp")
    with tracer.start_as_current_span(
        f"posthog {method}",
        kind=trace.SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield Span(span)
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise
