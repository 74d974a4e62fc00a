"""The version of PostHog that the sandbox imitates: today's Cloud, or an older or self-hosted one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The requests that one personal API key may make in a sliding minute and in a sliding hour."""

    per_minute: int = 480
    per_hour: int = 4_800


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The version of PostHog that the sandbox imitates. The defaults are those of today's Cloud.

    Each attribute is one known difference between versions.

    Attributes:
        deletion: ``delayed`` keeps a deleted project for 48 hours, ``immediate`` (older versions) removes it at once.
        unused_deleted_at_once: A project that never ingested an event is removed at once even when `deletion` is
            ``delayed``.
        deletion_disabled: Every deletion fails with the 400 of a database migration.
        unique_names: Names are unique in an organization (409); older versions accept twins.
        retry_after_header: A 429 carries ``Retry-After``; without it only the sentence gives the time to wait.
        www_authenticate_header: A 401 carries ``WWW-Authenticate``.
        rate_limits: The limits of each personal key, or None for an installation without limits (self-hosted).
        keys_reach_session_only: Personal keys may call the six session-only operations (very old self-hosted versions).
        key_introspection: ``GET /api/personal_api_keys/@current/`` exists; without it the answer is 404.
        patch_with_read_scope: Updating a project needs only ``project:read`` (older versions).
        members_change_settings: Members may change every setting of an existing project (older versions).
        checks_product_keys: Product intents accept the known products only; older versions take any text.
        project_id_in_answers: List items and project objects carry ``project_id``.
        webhook_writable: ``slack_incoming_webhook`` is still a setting; today it is silently ignored.
        database_unavailable: Every request that needs the database fails with 503.
        project_cap: The hard limit of projects in one organization.
        ignored_fields: Writable settings that are accepted with 200 and not stored.
        absent_fields: Fields that this version neither knows nor returns; sending them does nothing.
        renamed_values: Settings that are stored with another value than the sent one: the name of the setting, and the
            stored value.
        manages_conversations: PostHog alone writes the tokens and integrations in ``conversations_settings``; older
            versions let a client overwrite and clear them.
        ip_country: Two letters: the country of the client's address, as PostHog guesses it for a new project.
    """

    deletion: Literal["delayed", "immediate"] = "delayed"
    unused_deleted_at_once: bool = True
    deletion_disabled: bool = False
    unique_names: bool = True
    retry_after_header: bool = True
    www_authenticate_header: bool = True
    rate_limits: RateLimits | None = RateLimits()
    keys_reach_session_only: bool = False
    key_introspection: bool = True
    patch_with_read_scope: bool = False
    members_change_settings: bool = False
    checks_product_keys: bool = True
    project_id_in_answers: bool = True
    webhook_writable: bool = False
    database_unavailable: bool = False
    project_cap: int = 2_000
    ignored_fields: frozenset[str] = frozenset()
    absent_fields: frozenset[str] = frozenset()
    renamed_values: Mapping[str, Any] = field(default_factory=dict)
    manages_conversations: bool = True
    ip_country: str = "DE"
