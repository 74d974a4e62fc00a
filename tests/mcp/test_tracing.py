"""A span around each request to PostHog, where an SDK of OpenTelemetry is running."""

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from projects_mcp.sandbox import PRODUCTION_ID, READ_WRITE_KEY
from tests.support.harness import Harness, body_of, refusal_of

pytestmark = pytest.mark.anyio

EXPORTER = InMemorySpanExporter()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(EXPORTER))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    EXPORTER.clear()
    yield EXPORTER
    provider.shutdown()


async def test_each_request_has_a_span_and_none_shows_more_than_method_path_and_status(
    harness: Harness, spans: InMemorySpanExporter
) -> None:
    async with harness.client() as client:
        body_of(await client.call_tool("project_list", {"search": "a private word"}))
        refusal_of(await client.call_tool("project_get", {"project_id": 999_999}))
        body_of(
            await client.call_tool(
                "project_update", {"project_id": PRODUCTION_ID, "settings": {"name": "Not to be seen"}}
            )
        )
    ours = [span for span in spans.get_finished_spans() if span.name.startswith("posthog ")]
    beside = [span for span in ours if (span.attributes or {})["url.path"] == "/api/organizations/"]
    assert len(beside) == 1, "what organizations allow is asked once"
    ours.remove(beside[0])
    assert [span.name for span in ours] == [*["posthog GET"] * 5, "posthog PATCH"]
    assert {span.kind for span in ours} == {SpanKind.CLIENT}
    keys = {key for span in ours for key in span.attributes or {}}
    known = {
        "http.request.method",
        "server.address",
        "url.path",
        "peer.service",
        "http.response.status_code",
        "error.type",
    }
    assert keys == known
    missing = [span for span in ours if (span.attributes or {})["http.response.status_code"] == 404]
    assert [span.status.status_code for span in missing] == [StatusCode.ERROR]
    text = " ".join(span.to_json() for span in ours)
    for hidden in ("a private word", "Not to be seen", READ_WRITE_KEY):
        assert hidden not in text
