"""What the command line says, and with which code it ends, for a token of another kind and for what did not take."""

import json

import pytest

from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.posthog import posthog
from tests.support.process import run

TOKENS = {
    "phc_inventedInventedInvented0001": "a project's public token",
    "phs_inventedInventedInvented0001": "a project's secret token",
}


@pytest.mark.parametrize("token", list(TOKENS))
def test_a_token_of_another_kind_is_named_and_neither_shown_nor_sent(token: str) -> None:
    with posthog() as upstream:
        environment = {"POSTHOG_HOST": upstream.origin, "POSTHOG_PERSONAL_API_KEY": token}
        called = run("call", "project_list", **environment)
        started = run(**environment)
        diagnosed = run("doctor", **environment)
        assert token not in repr(upstream.recorder.requests + upstream.recorder.inquiries)
    assert (called.returncode, started.returncode, diagnosed.returncode) == (1, 0, 1)
    assert f"POSTHOG_PERSONAL_API_KEY holds {TOKENS[token]}" in called.stderr
    for said in (called.stderr, started.stderr, diagnosed.stdout):
        assert TOKENS[token] in said
        assert "personal API key" in said
        assert "inventedInvented" not in said


def test_what_was_ignored_whole_ends_with_1_and_has_a_receipt() -> None:
    call = ("call", "project_update", f"project_id={PRODUCTION_ID}")
    ignored = run(*call, "settings.slack_incoming_webhook=x", "--sandbox")
    assert ignored.returncode == 1
    assert json.loads(ignored.stdout)["outcome"] == "not_applied"
    assert run(*call, "settings.timezone=UTC", "--sandbox").returncode == 0
