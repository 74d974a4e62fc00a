"""The words for every failure, as one page that a person reads.

Set UPDATE_SNAPSHOTS=1 to write it anew, and then read it.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.api.effects import Effect
from projects_mcp.api.settings_diff import Outcome, ReadbackResult, WriteUnresolved
from projects_mcp.errors.explain import FailureContext, explain, unexpected
from projects_mcp.errors.posthog import InvalidResponse, PostHogError, RequestNotSent, ResponseLost, rejection
from projects_mcp.errors.refusals import Refusal, RefusalKind

SNAPSHOT = Path(__file__).parent / "snapshots" / "failures.txt"

READ = FailureContext("project_get", Effect.READ, "https://us.posthog.com")
WRITE = FailureContext("project_update", Effect.CHANGE, "https://us.posthog.com")
DESTROY = FailureContext("project_delete", Effect.DESTROY, "https://eu.posthog.com")

REFUSALS: dict[RefusalKind, dict[str, Any]] = {
    RefusalKind.INVALID_ARGUMENT: {"problems": ["`limit` must be at most 500."]},
    RefusalKind.NOT_CONFIGURED: {},
    RefusalKind.ACCESS_LEVEL: {"needed": "full", "configured": "read"},
    RefusalKind.MISSING_SCOPE: {"scope": "project:write"},
    RefusalKind.CALLER_SCOPE: {"scope": "project:write"},
    RefusalKind.CALLER_ORGANIZATION: {},
    RefusalKind.TOO_MANY_CALLS: {"limit": "60 a minute are allowed", "retry_after_s": 7},
    RefusalKind.KEY_RESTRICTED: {"to": "projects", "project": 7},
    RefusalKind.ONLY_PROJECTS: {"creating": False, "only": [1, 2]},
    RefusalKind.PROTECTED_PROJECT: {"project": 7},
    RefusalKind.NAME_MISMATCH: {},
    RefusalKind.NOT_IDENTIFIED: {},
    RefusalKind.NOT_CONFIRMED: {"answer": "declined"},
    RefusalKind.CANNOT_ASK: {},
    RefusalKind.CHANGED_MEANWHILE: {},
    RefusalKind.EXPECTED_OTHERWISE: {"differs": {"timezone": {"expected": "UTC", "found": "Asia/Tokyo"}}},
    RefusalKind.OTHER_ORGANIZATION: {},
    RefusalKind.AUDIT_UNAVAILABLE: {},
    RefusalKind.SECRETS_FOLDER: {"reason": "others can read it; make it private with chmod 700"},
    RefusalKind.LEARNED: {"error": rejection(403, {"detail": "API key missing required scope 'project:write'"}, None)},
}
FORBIDDEN = (
    "This action does not support personal API key access",
    "API key missing required scope 'project:write'",
    "CSRF Failed: CSRF token missing or incorrect.",
    "API keys with scoped projects are only supported on project-based endpoints.",
    "API key does not have access to the requested project: ID 123.",
    "Organization 'Acme' does not allow using personal API keys. Contact an admin.",
    "You have reached the maximum limit of allowed projects for your current plan.",
    "Your organization restricts MCP access to read-only.",
    "You need to be an organization admin or above to create new projects.",
    "Only project admins can modify these settings: timezone",
    "You don't have sufficient permissions in the project.",
    "Something new.",
)
UNUSABLE = (
    *("redirect", "html", "content_type", "empty", "truncated", "too_large"),
    *("too_deep", "duplicate_keys", "not_unicode", "encoding", "shape", "not_json"),
)


def failures() -> Iterator[tuple[str, FailureContext, Refusal | PostHogError | WriteUnresolved]]:
    for refused, facts in REFUSALS.items():
        yield f"refused {refused.value}", DESTROY, Refusal(refused, **facts)
    others: list[dict[str, Any]] = [
        {"creating": True, "only": [1]},
        {"to": "organizations"},
        {"to": "projects", "verb": "list"},
    ]
    for more in others:
        kind = RefusalKind.ONLY_PROJECTS if "only" in more else RefusalKind.KEY_RESTRICTED
        yield f"refused {kind.value} again", WRITE, Refusal(kind, **more)
    for answer in ("cancelled", "nothing"):
        yield f"refused not_confirmed {answer}", DESTROY, Refusal(RefusalKind.NOT_CONFIRMED, answer=answer)
    for reason in ("no_credential", "tls", "proxy", "unreachable"):
        yield f"not sent {reason}", READ, RequestNotSent(reason)
    for reason in ("timeout", "connection"):
        yield f"lost {reason}", READ, ResponseLost(reason)
    for reason in UNUSABLE:
        yield f"unusable {reason}", READ, InvalidResponse(reason)
    for status in (400, 401, 404, 409, 418, 500, 502):
        yield f"status {status}", WRITE, rejection(status, {"detail": "What PostHog says.", "attr": "name"}, None)
    yield "status 400 bare", WRITE, rejection(400, None, None)
    expired = rejection(401, None, None)
    expired.by_session = True
    yield "status 401 session", DESTROY, expired
    for seconds in (None, 1.0, 42.0):
        yield f"status 429 {seconds}", READ, rejection(429, None, seconds)
    for detail in FORBIDDEN:
        yield "status 403", DESTROY, rejection(403, {"detail": detail}, None)
    timeout = ResponseLost("timeout")
    yield (
        "write lost not_applied",
        WRITE,
        WriteUnresolved(timeout, ReadbackResult(Outcome.NOT_APPLIED, "It has its former values.")),
    )
    yield (
        "write lost unknown",
        DESTROY,
        WriteUnresolved(timeout, ReadbackResult(Outcome.UNKNOWN, "Reading back failed as well.")),
    )


def page() -> str:
    lines = [f"{name}: {explain(failure, situation).text}" for name, situation, failure in failures()]
    lines.append(f"unexpected: {unexpected(READ).text}")
    return "\n".join(lines) + "\n"


def test_the_page_is_as_it_was_read() -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(page(), encoding="utf-8")
    assert page() == SNAPSHOT.read_text(encoding="utf-8")


def test_every_refusal_is_on_the_page() -> None:
    assert set(REFUSALS) == set(RefusalKind)


@pytest.mark.parametrize("line", page().splitlines())
def test_each_is_two_to_five_plain_sentences_that_say_whether_anything_changed(line: str) -> None:
    _, _, text = line.partition(": ")
    sentences = [part for part in re.split(r"(?<=[.!?])[\s”]+(?=[A-Z`]|confirm_|project_)", text) if part]
    assert 2 <= len(sentences) <= 6, sentences
    assert "Nothing was changed." in text or "It is not known whether the change was made" in text
    assert "!" not in text
    assert len(text) <= 480
    for jargon in ("HTTP ", "JSON-RPC", "exception", "envelope", "traceback", "payload"):
        assert jargon not in text
