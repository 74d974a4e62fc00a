"""One OpenTelemetry span around each request to PostHog, where an SDK of OpenTelemetry is running; else nothing.

Names follow the semantic conventions for HTTP clients. No header, query or body is ever an attribute.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["SDK_MODULE", "RequestSpan", "request_span"]

SDK_MODULE: Final = "opentelemetry.sdk.trace"
"""Is loaded if an SDK of OpenTelemetry is running. Without one there is no exporter, and nothing to record."""


class RequestSpan:
    """The span of one request."""

    def __init__(self, span: Any) -> None:
        self._span = span

    def answered(self, status: int) -> None:
        """Record the status of the response."""
        self._span.set_attribute("http.response.status_code", status)


@contextmanager
def request_span(method: str, origin: str, path: str) -> Iterator[RequestSpan]:
    """Record a span around one request."""
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
            yield RequestSpan(span)
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise
