"""A call that this server refuses by itself, before or instead of a request to PostHog."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

__all__ = ["Refusal", "RefusalKind"]


class RefusalKind(StrEnum):
    """Why a call was refused. The value is the `kind` that programs see."""

    INVALID_ARGUMENT = "invalid_argument"
    NOT_CONFIGURED = "not_configured"
    ACCESS_LEVEL = "access_level"
    MISSING_SCOPE = "missing_scope"
    CALLER_SCOPE = "caller_scope"
    CALLER_ORGANIZATION = "caller_organization"
    TOO_MANY_CALLS = "too_many_calls"
    KEY_RESTRICTED = "key_restricted"
    ONLY_PROJECTS = "only_projects"
    PROTECTED_PROJECT = "protected_project"
    NAME_MISMATCH = "name_mismatch"
    NOT_IDENTIFIED = "not_identified"
    NOT_CONFIRMED = "not_confirmed"
    CANNOT_ASK = "cannot_ask"
    CHANGED_MEANWHILE = "changed_meanwhile"
    EXPECTED_OTHERWISE = "expected_otherwise"
    OTHER_ORGANIZATION = "other_organization"
    AUDIT_UNAVAILABLE = "audit_unavailable"
    SECRETS_FOLDER = "secrets_folder"
    LEARNED = "learned"


class Refusal(Exception):
    """The call is refused and no request that changes anything has left.

    Args:
        kind: why.
        facts: what the wording needs; never a secret, never a rejected value.
    """

    def __init__(self, kind: RefusalKind, **facts: Any) -> None:
        super().__init__(kind.value)
        self.kind = kind
        self.facts = facts
