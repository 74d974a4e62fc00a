"""The causes of a 403: one row each.

A cause is recognised by the beginning of PostHog's `detail`, because PostHog states it nowhere else. What follows the
beginning may hold names that people chose, so it is not looked at.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final, NamedTuple

from projects_mcp.errors.kinds import Kind

__all__ = ["CAUSES", "ForbiddenCause", "Memory", "cause_of_detail", "known_cause"]


class Memory(Enum):
    """For what a refusal of PostHog's is remembered, for a short time, instead of being asked for again.

    Only what holds for the key is. A refusal of one value, or for want of a plan or a role, says nothing about another.
    """

    NOT_AT_ALL = "not at all"
    """It depends on what was sent, or passes by itself: asking again can make sense."""
    FOR_THE_TARGET = "for the target"
    """It holds for the key, this operation and this project or organization, whatever else is sent."""
    FOR_THE_KEY = "for the key"
    """It holds for the key and this operation, whatever the project."""


class ForbiddenCause(NamedTuple):
    """One cause of a 403.

    Attributes:
        kind: a stable word for programs.
        beginnings: of PostHog's sentences that state this cause, in lower case; `{name}` is a name in quotation marks.
        what: what happened; `{tool}`, `{origin}` and `{says}` (PostHog's own words, quoted) are filled in.
        next_step: what to do; `{keys_page}` and `{origin}` are filled in.
        memory: for what it is remembered.
    """

    kind: Kind
    beginnings: tuple[str, ...]
    what: str
    next_step: str
    memory: Memory = Memory.NOT_AT_ALL


_SCOPE: Final = ForbiddenCause(
    "missing_scope",
    ("api key missing required scope",),
    "The key lacks a scope that PostHog wants.{says}",
    "Add it to the key at {keys_page}.",
    Memory.FOR_THE_KEY,
)
_SCOPE_NOT_FOR_KEYS: Final = _SCOPE._replace(
    next_step="No key can be given this scope: it is not among those to choose from at {keys_page}. Only a key with "
    "all access (*), or a legacy key without scopes, passes."
)
_MISSING_SCOPE: Final = re.compile(r"api key missing required scope '([a-z_]{1,60}):[a-z]{1,20}'")
_NOT_FOR_KEYS: Final = frozenset({"team"})
"""What PostHog's code asks a scope for, and does not offer to whoever makes a key."""

CAUSES: Final = (
    ForbiddenCause(
        "session_only",
        ("this action does not support personal api key",),
        "PostHog allows {tool} only in a person's browser session, whatever the key's scopes.",
        "A person can do it at {origin}/settings/project. The operator can also opt in to a session "
        "with POSTHOG_SESSION_ID.",
        Memory.FOR_THE_KEY,
    ),
    _SCOPE,
    _SCOPE_NOT_FOR_KEYS,
    ForbiddenCause(
        "csrf",
        ("csrf failed",),
        "PostHog did not accept the CSRF token beside the browser session.{says}",
        "Copy the cookies sessionid and posthog_csrftoken of {origin}, both from the same signed-in browser (its "
        "developer tools list them), into POSTHOG_SESSION_ID and POSTHOG_CSRF_TOKEN, and restart the server.",
    ),
    ForbiddenCause(
        "key_restricted",
        ("api keys with scoped projects are only supported", "api key does not have access to the requested"),
        "The key is restricted.{says}",
        "Its restrictions are shown at {keys_page}.",
        Memory.FOR_THE_TARGET,
    ),
    ForbiddenCause(
        "keys_not_allowed",
        ("organization {name} does not allow using personal api keys",),
        "The organization does not allow personal API keys.{says}",
        "An organization admin can allow them in PostHog's organization settings.",
        Memory.FOR_THE_TARGET,
    ),
    ForbiddenCause(
        "plan_limit",
        (
            "you have reached the maximum limit of allowed projects",
            "you must upgrade your posthog plan to be able to create",
        ),
        "The plan's limit of projects is reached.{says}",
        "Nothing that this server can do changes that: a person can upgrade the plan on PostHog's billing page.",
    ),
    ForbiddenCause(
        "plan_limit",
        ("you have reached the maximum limit of allowed environments",),
        "PostHog allows one environment in a project.{says}",
        "Ask the user whether another project is wanted instead.",
    ),
    ForbiddenCause(
        "read_only_organization",
        ("your organization restricts mcp access to read-only",),
        "The organization allows assistants to read only.",
        "An organization admin can change that in PostHog's organization settings.",
        Memory.FOR_THE_TARGET,
    ),
    ForbiddenCause(
        "role",
        ("you must be an admin of both the source and target organizations",),
        "The key's owner lacks the role for this.{says}",
        "Somebody who is an admin of both organizations can move the project.",
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
    return known_cause(detail) or _OTHER


def known_cause(detail: str | None) -> ForbiddenCause | None:
    """Return the cause that PostHog's sentence states, if it is in the table. PostHog states some with a 400, too."""
    sentence = (detail or "").lstrip().lower()
    if scope := _MISSING_SCOPE.match(sentence):
        return _SCOPE_NOT_FOR_KEYS if scope[1] in _NOT_FOR_KEYS else _SCOPE
    # The name in `Organization 'Acme' does not allow …` is somebody's, and may hold anything, quotation marks too.
    return next(
        (cause for cause in CAUSES if any(_begins(sentence, beginning) for beginning in cause.beginnings)), None
    )


def _begins(sentence: str, beginning: str) -> bool:
    before, name, after = beginning.partition("{name}")
    if not name:
        return sentence.startswith(beginning)
    return sentence.startswith((f"{before}'", f'{before}"')) and after in sentence
