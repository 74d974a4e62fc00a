"""The causes of a 403: one row each.

A cause is recognised by the beginning of PostHog's `detail`, because PostHog states it nowhere else. What follows the
beginning may hold names that people chose, so it is not looked at.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

__all__ = ["CAUSES", "ForbiddenCause", "Memory", "cause_of_detail"]


class Memory(Enum):
    """How long, and for what, a refusal of PostHog's is remembered instead of being asked for again."""

    NOT_AT_ALL = "not at all"
    """It depends on what was sent, or passes by itself: asking again can make sense."""
    FOR_THE_TARGET = "for the target"
    """It holds for this operation on this project, for 15 minutes."""
    FOR_THE_KEY = "for the key"
    """It holds for this operation and this key, whatever the project, for 15 minutes."""


class ForbiddenCause(NamedTuple):
    """One cause of a 403.

    Attributes:
        kind: a stable word for programs.
        beginnings: of PostHog's sentences that state this cause, in lower case; `{name}` is a name in quotation marks.
        what: what happened; `{tool}`, `{origin}` and `{says}` (PostHog's own words, quoted) are filled in.
        next_step: what to do; `{keys_page}` and `{origin}` are filled in.
        memory: how long it is remembered.
    """

    kind: str
    beginnings: tuple[str, ...]
    what: str
    next_step: str
    memory: Memory = Memory.FOR_THE_TARGET


CAUSES: Final = (
    ForbiddenCause(
        "session_only",
        ("this action does not support personal api key",),
        "PostHog allows {tool} only in a person's browser session, whatever the key's scopes.",
        "A person can do it at {origin}/settings/project. The operator can also opt in to a session "
        "with POSTHOG_SESSION_ID and POSTHOG_CSRF_TOKEN.",
        Memory.FOR_THE_KEY,
    ),
    ForbiddenCause(
        "missing_scope",
        ("api key missing required scope",),
        "The key lacks a scope that PostHog wants.{says}",
        "Add it to the key at {keys_page}.",
        Memory.FOR_THE_KEY,
    ),
    ForbiddenCause(
        "csrf",
        ("csrf failed",),
        "PostHog did not accept the CSRF token beside the browser session.{says}",
        "Copy the cookies sessionid and posthog_csrftoken of {origin}, both from the same signed-in browser (its "
        "developer tools list them), into POSTHOG_SESSION_ID and POSTHOG_CSRF_TOKEN, and restart the server.",
        Memory.NOT_AT_ALL,
    ),
    ForbiddenCause(
        "key_restricted",
        ("api keys with scoped projects are only supported", "api key does not have access to the requested"),
        "The key is restricted.{says}",
        "Its restrictions are shown at {keys_page}.",
    ),
    ForbiddenCause(
        "keys_not_allowed",
        ("organization {name} does not allow using personal api keys",),
        "The organization does not allow personal API keys.{says}",
        "An organization admin can allow them in PostHog's organization settings.",
    ),
    ForbiddenCause(
        "plan_limit",
        ("you have reached the maximum limit of allowed projects", "you must upgrade your posthog plan"),
        "The plan's limit of projects is reached.{says}",
        "Delete a project that is no longer needed, or upgrade the plan in PostHog.",
        Memory.NOT_AT_ALL,
    ),
    ForbiddenCause(
        "read_only_organization",
        ("your organization restricts mcp access to read-only",),
        "The organization allows assistants to read only.",
        "An organization admin can change that in PostHog's organization settings.",
    ),
    ForbiddenCause(
        "role",
        (
            "you need to be an organization admin",
            "your organization access level is insufficient",
            "only project admins can",
            "you don't have sufficient permission",
            "you do not have sufficient permission",
        ),
        "The key's owner lacks the role for this.{says}",
        "A project admin can do it, or grant the role at {origin}/settings/project.",
        Memory.NOT_AT_ALL,
    ),
)
"""The causes in the order in which they are looked for."""

_OTHER: Final = ForbiddenCause(
    "forbidden",
    (),
    "PostHog does not allow this.{says}",
    "Check the key's scopes at {keys_page} and its owner's role.",
)


def cause_of_detail(detail: str | None) -> ForbiddenCause:
    """Return the cause that PostHog's sentence states."""
    sentence = (detail or "").lstrip().lower()
    # The name in `Organization 'Acme' does not allow …` is somebody's, and may hold anything, quotation marks too.
    return next(
        (cause for cause in CAUSES if any(_begins(sentence, beginning) for beginning in cause.beginnings)), _OTHER
    )


def _begins(sentence: str, beginning: str) -> bool:
    before, name, after = beginning.partition("{name}")
    if not name:
        return sentence.startswith(beginning)
    return sentence.startswith((f"{before}'", f'{before}"')) and after in sentence
