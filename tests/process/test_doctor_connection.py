"""What the doctor tells apart where no answer comes, and what it says of names that are no settings."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from projects_mcp.sandbox import ACME_ID, READ_ONLY_KEY
from tests.contract.operations import WRITES
from tests.support.doctor import Examined, closed_port, healthy, posthog

pytestmark = pytest.mark.usefixtures("no_proxy")


def test_a_name_without_an_address_is_told_from_a_refused_connection(doctor: Callable[..., Examined]) -> None:
    examined = doctor(**healthy("https://no-such-posthog.invalid"))
    assert examined.code == 1
    assert examined.of("host")["sentence"].startswith(
        "The host name no-such-posthog.invalid of https://no-such-posthog.invalid is not known here"
    )
    refused = doctor(**healthy(closed_port().replace("http:", "https:")))
    assert (refused.code, refused.told()) == (1, {"refused"})


def test_https_to_a_port_that_speaks_plain_http(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        origin = upstream.origin.replace("http:", "https:")
        examined = doctor(**healthy(origin))
        assert examined.code == 1
        assert examined.of("host")["sentence"] == f"What listens at {origin} speaks plain http, not https."
        assert upstream.origin in examined.of("host")["fix"]


def test_http_to_a_port_that_speaks_https(doctor: Callable[..., Examined], request: pytest.FixtureRequest) -> None:
    right, _ = request.getfixturevalue("private_authority")
    origin = right.replace("https:", "http:")
    examined = doctor(**healthy(origin))
    assert examined.code == 1
    assert examined.of("host")["sentence"] == f"What listens at {origin} speaks https, not plain http."
    assert f"POSTHOG_HOST={right}" in examined.of("host")["fix"]


def test_a_broken_answer_of_plain_http_is_no_matter_of_https(doctor: Callable[..., Examined]) -> None:
    class HangingUp(BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()

    server = ThreadingHTTPServer(("127.0.0.1", 0), HangingUp)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        examined = doctor(**healthy(f"http://127.0.0.1:{server.server_port}"))
    finally:
        server.shutdown()
        server.server_close()
    assert examined.code == 1
    assert "broke the connection before it had answered" in examined.of("host")["sentence"]


# Names ----------------------------------------------------------------------------------------------------------------


def test_variables_of_posthogs_other_tools_are_told_with_the_right_ones(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        wrong = {
            "POSTHOG_BASE_URL": "https://planted.example.com",
            "POSTHOG_REGION": "planted",
            "POSTHOG_AUTH_HEADER": "Bearer phx_planted",
            "POSTHOG_API_TOKEN": "phx_planted",
            "POSTHOG_API_KEY": "phx_planted",
            "POSTHOG_PROJECT_ID": "planted",
        }
        examined = doctor(PROJECTS_MCP_SANDBOX="1", **wrong)
        beside = doctor(**healthy(upstream.origin, POSTHOG_ORGANIZATION_ID=ACME_ID), **wrong)
    found = {one["sentence"]: one for one in examined.findings if one["check"] == "settings" and one["fix"]}
    keys = "POSTHOG_API_KEY, POSTHOG_API_TOKEN and POSTHOG_AUTH_HEADER are set"
    hosts = "POSTHOG_BASE_URL and POSTHOG_REGION are set"
    levels = {
        start: (one["level"], one["fix"])
        for start in (keys, hosts, "POSTHOG_PROJECT_ID is set")
        for sentence, one in found.items()
        if sentence.startswith(start)
    }
    assert {start: level for start, (level, _) in levels.items()} == {
        keys: "warning",
        hosts: "warning",
        "POSTHOG_PROJECT_ID is set": "note",
    }
    assert "POSTHOG_PERSONAL_API_KEY" in levels[keys][1]
    assert "POSTHOG_HOST" in levels[hosts][1]
    assert "PROJECTS_MCP_ONLY_PROJECTS" in levels["POSTHOG_PROJECT_ID is set"][1]
    assert beside.code == 0, "where the right ones are set, the others are of other programs"


def test_placeholders_that_nobody_has_filled_in(doctor: Callable[..., Examined]) -> None:
    examined = doctor(
        PROJECTS_MCP_SANDBOX="1",
        PROJECTS_MCP_CONFIRMATION="${user_config.planted}",
        PROJECTS_MCP_ACCESS="${ACCESS:-planted}",
        PROJECTS_MCP_PROTECTED_PROJECTS="${env:PLANTED_planted}",
        PROJECTS_MCP_OAUTH_AUDIENCE="https://${HOST_planted}/mcp",
    )
    assert examined.code == 1
    said = [(one["level"], one["sentence"]) for one in examined.findings if "${…}" in one["sentence"]]
    assert said == [
        ("note", "PROJECTS_MCP_CONFIRMATION: left empty in a form (an unexpanded ${…}), which counts as not set."),
        (
            "warning",
            "PROJECTS_MCP_ACCESS and PROJECTS_MCP_PROTECTED_PROJECTS: nothing but an unexpanded ${…}, which counts as "
            "not set.",
        ),
        ("warning", "PROJECTS_MCP_OAUTH_AUDIENCE: a part is an unexpanded ${…}, which is taken as it stands."),
    ]


def test_what_repeats_itself_is_told_once(doctor: Callable[..., Examined]) -> None:
    with posthog() as upstream:
        examined = doctor(
            **healthy(upstream.origin, PROJECTS_MCP_PROTECTED_PROJECTS="999001,999002,999003"),
            PROJECTS_MCP_ZZZZ_ONE="planted",
            PROJECTS_MCP_ZZZZ_TWO="planted",
        )
        hidden = doctor(POSTHOG_HOST=upstream.origin, POSTHOG_PERSONAL_API_KEY=READ_ONLY_KEY)
    assert "Projects 999001, 999002, 999003 of PROJECTS_MCP_PROTECTED_PROJECTS do not exist" in examined.lines
    assert "PROJECTS_MCP_ZZZZ_ONE and PROJECTS_MCP_ZZZZ_TWO are set" in examined.lines
    below = hidden.lines.partition("Tools that are hidden, and why")[2]
    tools = hidden.report["hidden"]
    assert len(tools) == len(WRITES) + 2, "and what needs a session or another scope"
    assert all(name in below for name in tools)
    assert below.count("lacks the scope project:write, which each of these tools needs.") == 1
