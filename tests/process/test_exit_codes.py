"""What a script learns from a command: the exit code, one object on stderr, and an answer that is never lost."""

import json
import subprocess
import sys
from typing import Any

import pytest

from projects_mcp.cli.exit_codes import FAILED, NOT_WRITTEN, TRY_LATER, UNKNOWN, USAGE, code_of_failure
from projects_mcp.errors.explain import explain
from projects_mcp.sandbox import PRODUCTION_ID, READ_WRITE_KEY
from tests.support.failures import failures
from tests.support.posthog import Upstream
from tests.support.process import COMMAND, run, run_command

FIELDS = {
    *("kind", "message", "status", "code", "attr", "retryable", "retry_after_s", "outcome", "request_sent"),
}


def complaint(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """The one object on stderr."""
    (line,) = done.stderr.splitlines()
    body: dict[str, Any] = json.loads(line)
    assert body.keys() >= FIELDS
    return body


def settings(upstream: Upstream) -> dict[str, str]:
    return {"POSTHOG_HOST": upstream.origin, "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY}


def update(upstream: Upstream, **more: str) -> "subprocess.CompletedProcess[str]":
    given = ["call", "project_update", f"project_id={PRODUCTION_ID}", "settings.timezone=Europe/Madrid"]
    return run(*given, **settings(upstream), **more)


def test_nothing_that_may_have_happened_is_called_failed() -> None:
    seen = set()
    for _, situation, failure in failures():
        detail = explain(failure, situation).detail
        code = code_of_failure(detail)
        assert (code == UNKNOWN) is (detail["outcome"] == "unknown")
        assert (code == USAGE) is (detail["kind"] == "invalid_argument")
        if code == TRY_LATER:
            assert detail["retryable"] or detail["retry_after_s"] is not None or not detail["request_sent"]
        seen.add(code)
    assert seen == {FAILED, USAGE, TRY_LATER, UNKNOWN}


def test_posthog_that_cannot_be_reached_is_for_later() -> None:
    done = run("call", "project_list", "--host", "http://127.0.0.1:9", POSTHOG_PERSONAL_API_KEY=READ_WRITE_KEY)
    assert (done.returncode, done.stdout) == (TRY_LATER, "")
    body = complaint(done)
    assert (body["kind"], body["request_sent"]) == ("unreachable", False)
    assert "--posthog-host" in body["message"], "the option that was used"
    assert "POSTHOG_HOST" not in body["message"], "a variable that nobody has set"


def test_a_write_without_an_answer_is_not_known(upstream: Upstream) -> None:
    upstream.delay = lambda scope: 3.0 if scope["method"] == "PATCH" else 0.0
    done = update(upstream, PROJECTS_MCP_READ_TIMEOUT="1")
    assert (done.returncode, done.stdout) == (UNKNOWN, "")
    assert complaint(done)["outcome"] == "unknown"


@pytest.mark.skipif(sys.platform == "win32", reason="the shell and its files are those of Unix")
@pytest.mark.parametrize(
    ("end", "why"), [(">/dev/full", "No space left on device"), (">&-", "stdout is closed"), ("| true", "Broken pipe")]
)
def test_a_receipt_that_stdout_does_not_take_goes_to_stderr(upstream: Upstream, end: str, why: str) -> None:
    words = f"call project_update project_id={PRODUCTION_ID} settings.timezone=Europe/Madrid"
    wait = "sleep 0.5; " if end.startswith("|") else ""  # until the reader of the pipe has left
    script = f"set -o pipefail; ({wait}{' '.join(COMMAND)} {words}) {end}"
    done = run_command(["bash", "-c", script], **settings(upstream))
    assert (done.returncode, done.stdout) == (NOT_WRITTEN, "")
    body = complaint(done)
    assert why in body["message"]
    assert body["answer"]["changed"]["timezone"]["after"] == "Europe/Madrid"
    assert upstream.world.projects[PRODUCTION_ID].fields["timezone"] == "Europe/Madrid"


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_stdout_is_utf_8_whatever_the_locale_says(environment: dict[str, str]) -> None:
    done = run("call", "project_create", "name=Zürich ☃ 東京", "--sandbox", **environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["project"]["name"] == "Zürich ☃ 東京"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["tolls"], "Did you mean tools?"),
        (["call", "project_lst"], "Did you mean project_list?"),
        (["call", "project_list", "limt=3"], "Did you mean `limit`?"),
        (["call", "project_update", "project_id=1", "settings.timezne=UTC"], "Did you mean `timezone`?"),
        (["--sandbx"], "Did you mean --sandbox?"),
        (["call", "project_list", "--acess", "read"], "Did you mean --access?"),
        (["demo", "--color", "alwys"], "Did you mean always?"),
        (["install", "cursr"], "Did you mean cursor?"),
        (["passkey", "lst"], "Did you mean list?"),
        (["call", "project_list", "--access", "admin"], "--access must be one of"),
    ],
)
def test_a_slip_of_the_finger_gets_the_nearest_name(arguments: list[str], says: str) -> None:
    done = run(*arguments, *([] if arguments == ["--sandbx"] else ["--sandbox"]))
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
