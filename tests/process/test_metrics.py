"""Metrics of a real server, scraped over a real socket and read by the library's own parser."""

import signal
import sys
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from projects_mcp.http.metrics import create_metrics_app
from projects_mcp.http.tally import Tally
from projects_mcp.posthog.request_tally import BUCKETS_S, Histogram
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID
from tests.support.callers import entry, token_of, write_callers
from tests.support.callers_server import MOBILE, SECRETS
from tests.support.metrics import port_of, scrape
from tests.support.posthog import Upstream
from tests.support.process import run_command
from tests.support.served import HARMLESS, Served, refused_start, served

METRICS = {"PROJECTS_MCP_METRICS_PORT": "0"}


@pytest.fixture(scope="module")
def server(behind: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("metrics")
    callers = write_callers(
        folder / "callers", entry("ada"), entry("low", access="read"), entry("seldom", calls_per_minute=1)
    )
    settings = {"PROJECTS_MCP_CALLERS": str(callers), **METRICS, **HARMLESS}
    with served(POSTHOG_HOST=behind.origin, **settings) as process:
        yield process
    assert "Traceback" not in process.stderr


def test_calls_are_counted_by_tool_caller_and_outcome(server: Served, upstream: Upstream) -> None:
    before = scrape(server)
    for _ in range(2):
        assert server.call("project_list", {}, token_of("ada")).status == 200
    change = {"project_id": PRODUCTION_ID, "settings": {"timezone": "Asia/Tokyo"}}
    server.call("project_update", change, token_of("ada"))
    server.call("project_update", change, token_of("low"))
    server.call("project_delete", MOBILE, token_of("ada"))
    after = scrape(server)

    def grown(name: str, **labels: str) -> float:
        return (after.value(name, **labels) or 0) - (before.value(name, **labels) or 0)

    assert grown("calls_total", tool="project_list", caller="ada", outcome="answered") == 2
    assert grown("calls_total", tool="project_update", caller="ada", outcome="applied") == 1
    assert grown("calls_total", tool="project_update", caller="low", outcome="refused") == 1
    assert grown("call_failures_total", tool="project_update", kind="caller_access") == 1
    assert grown("calls_total", tool="project_delete", caller="ada", outcome="applied") == 1
    assert grown("confirmations_total", tool="project_delete", channel="argument") == 1
    assert grown("call_duration_seconds_count", tool="project_list") == 2
    assert grown("call_duration_seconds_bucket", tool="project_list", le="+Inf") == 2
    assert grown("call_duration_seconds_sum", tool="project_list") > 0
    assert grown("upstream_requests_total", method="PATCH", status="200") == 1
    assert grown("upstream_requests_total", method="DELETE", status="204") == 1
    assert grown("upstream_duration_seconds_count", method="PATCH") == 1
    assert grown("http_requests_total", path="/mcp", status="200") == 5
    assert after.value("info", version=after.labels("version").pop()) == 1


def test_throttling_is_counted_on_both_sides(server: Served, upstream: Upstream) -> None:
    before = scrape(server)
    for _ in range(3):
        server.call("project_list", {}, token_of("seldom"))
    upstream.refuse = lambda _scope: 429
    server.call("project_update", {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}}, token_of("ada"))
    after = scrape(server)
    for by in ("server", "posthog"):
        assert (after.value("throttled_total", by=by) or 0) > (before.value("throttled_total", by=by) or 0), by


def test_readiness_is_no_request_of_a_call(server: Served, upstream: Upstream) -> None:
    before = scrape(server)
    assert server.get("/readyz").status == 200
    assert {name: value for name, value in scrape(server).samples.items() if "upstream" in name[0]} == {
        name: value for name, value in before.samples.items() if "upstream" in name[0]
    }


def test_nothing_of_a_project_and_no_secret_is_said(server: Served, upstream: Upstream) -> None:
    server.call("project_get", {"project_id": MOBILE_ID}, token_of("ada"))
    server.call("project_list", {"search": "planted"}, "planted-token")
    server.get("/planted")
    scraped = scrape(server)
    secrets = [*SECRETS, token_of("low"), token_of("seldom"), "planted", "Acme", str(MOBILE_ID), upstream.origin]
    assert [secret for secret in secrets if secret in scraped.text] == []
    assert scraped.labels("path") <= {"/mcp", "/mcp/", "other"}
    assert scraped.labels("caller") <= {"ada", "low", "seldom"}


def test_only_the_metrics_are_there_and_only_under_names_of_this_machine(server: Served) -> None:
    scraped = scrape(server)
    assert scraped.status == 200
    assert scraped.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert scraped.headers["cache-control"] == "no-store"
    assert scrape(server, path="/").status == 404
    assert scrape(server, path="/mcp").status == 404
    assert scrape(server, "POST").status == 405
    assert scrape(server, "HEAD").text == ""
    assert scrape(server, Host="evil.example").status == 421, "a page in a browser has another name"
    assert scrape(server, Origin="https://evil.example").status == 403
    assert server.get("/metrics").status == 404, "not on the port of the callers"


def test_subjects_of_an_issuer_are_counted_together() -> None:
    tally = Tally()
    tally.calls.know_callers(["ada"])
    for caller in ("ada", None, *(f"subject-{at}@example.com" for at in range(1_000))):
        tally.calls.count("project_list", caller, "answered", 0.1, None, None)
    assert {caller: times for (_, caller, _), times in tally.calls.outcomes.items()} == {
        "ada": 1,
        "(none)": 1,
        "(issuer)": 1_000,
    }


def test_callers_of_a_file_are_counted_apart_up_to_a_bound() -> None:
    tally = Tally()
    for start in range(0, 1_000, 100):  # as the file is read again
        names = [f"caller-{at}" for at in range(start, start + 100)]
        tally.calls.know_callers(names)
        for name in names:
            tally.calls.count("project_list", name, "answered", 0.1, None, None)
    assert len({caller for _, caller, _ in tally.calls.outcomes}) == 201
    assert tally.calls.outcomes["project_list", "(other)", "answered"] == 800


@given(st.lists(st.floats(0, 1_000)))
def test_every_duration_is_in_the_first_bucket_that_holds_it(durations: list[float]) -> None:
    histogram = Histogram()
    for seconds in durations:
        histogram.add(seconds)
    for at, bound in enumerate(BUCKETS_S):
        assert sum(histogram.counts[: at + 1]) == sum(seconds <= bound for seconds in durations)
    assert sum(histogram.counts) == len(durations)


def test_the_port_stays_off_the_network_and_goes_with_the_server(behind: Upstream) -> None:
    with served(POSTHOG_HOST=behind.origin, **HARMLESS, **METRICS) as server:
        assert f"metrics are at http://127.0.0.1:{port_of(server)}/metrics" in server.stderr
        server.call("project_list", {})
        assert scrape(server).labels("caller") == {"(none)"}
        taken = refused_start(**HARMLESS, PROJECTS_MCP_METRICS_PORT=str(port_of(server)))
        assert "cannot be listened on" in taken
        assert server.end(signal.SIGTERM) == 0
        with pytest.raises(OSError, match="refused"):
            scrape(server)


@pytest.mark.parametrize("port", ["70000", "a", ":9090", "host:9090", "1:2:3", "127.0.0.1:", "[::1]"])
def test_a_wrong_port_stops_the_start(port: str) -> None:
    line = refused_start(**HARMLESS, PROJECTS_MCP_METRICS_PORT=port)
    assert "PROJECTS_MCP_METRICS_PORT must be a port such as 9090" in line


def test_without_the_library_the_start_says_what_to_install() -> None:
    program = (
        "import sys, importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'prometheus_client' else find(name, *rest)\n"
        "from projects_mcp.cli.main import main\n"
        "sys.exit(main(['serve', '--port', '0', '--sandbox']))\n"
    )
    done = run_command([sys.executable, "-c", program], **METRICS)
    assert done.returncode == 2
    assert "pip install 'projects-mcp[metrics]'" in done.stderr


async def scrape_in_process(tally: Tally) -> dict[str, float]:
    transport = httpx.ASGITransport(create_metrics_app(tally, "127.0.0.1"))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
        text = (await client.get("/metrics")).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {each.labels["tool"]: each.value for each in samples if each.name == "projects_mcp_calls_total"}


@pytest.mark.anyio
async def test_two_applications_in_one_process_are_not_added_up() -> None:
    one, other = Tally(), Tally()
    one.calls.count("project_list", None, "answered", 0.1, None, None)
    other.calls.count("project_get", None, "answered", 0.1, None, None)
    assert await scrape_in_process(one) == {"project_list": 1}
    assert await scrape_in_process(other) == {"project_get": 1}
