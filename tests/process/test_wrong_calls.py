"""What the command line says, and with which code it ends, for a token of another kind and for what did not take."""

import json

import pytest

from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.process import run

TOKENS = {
    "phc_inventedInventedInvented0001": "a project token (phc_)",
    "phs_inventedInventedInvented0001": "a secret of a project (phs_)",
}


@pytest.mark.parametrize("command", [[], ["doctor"], ["call", "project_list"], ["serve"]])
@pytest.mark.parametrize("token", list(TOKENS))
def test_a_token_of_another_kind_is_named_and_not_shown(command: list[str], token: str) -> None:
    done = run(*command, POSTHOG_PERSONAL_API_KEY=token)
    assert done.returncode in {1, 2}
    said = done.stdout + done.stderr
    assert f"POSTHOG_PERSONAL_API_KEY holds {TOKENS[token]}" in said
    assert "personal API key" in said
    assert "inventedInvented" not in said


def test_what_was_ignored_whole_ends_with_1_and_has_a_receipt() -> None:
    call = ("call", "project_update", f"project_id={PRODUCTION_ID}")
    ignored = run(*call, "settings.slack_incoming_webhook=x", "--sandbox")
    assert ignored.returncode == 1
    assert json.loads(ignored.stdout)["outcome"] == "not_applied"
    assert run(*call, "settings.timezone=UTC", "--sandbox").returncode == 0
