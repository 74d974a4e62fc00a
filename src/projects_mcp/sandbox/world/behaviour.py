"""The switches of the sandbox: each is one known difference between versions of PostHog, or one of its moods.

`projects_mcp.sandbox.versions` puts them together into whole versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from projects_mcp.sandbox.world.slow_writes import SlowWrites

NOT_BY_KEY = "This action does not support personal API key access"
"""The refusal of a session-only operation to a key."""

PLAN_LIMIT = (
    "You have reached the maximum limit of allowed projects for your current plan. "
    "Upgrade your plan to be able to create and manage more projects."
)
"""The refusal of a project that the plan does not include."""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The requests that one personal API key may make in a sliding minute and in a sliding hour."""

    per_minute: int = 480
    per_hour: int = 4_800


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The version of PostHog that the sandbox plays. The defaults are those of today's Cloud.

    Attributes, of who may do what:
        legacy_keys: A key without scopes may do everything; today it may do nothing.
        keys_reach_session_only: Personal keys may call the session-only operations (very old self-hosted versions).
        refusal_of_keys: The words for a key at a session-only operation.
        tells_token_kinds: The refusal of an unknown ``pha_`` token has words of its own.
        takes_any_csrf_token: A CSRF token only has to equal its cookie, as in Django; else it must be the session's, as
            behind a check of one's own.
        www_authenticate_header: A 401 carries ``WWW-Authenticate``.
        patch_with_read_scope: An update of nothing but configuration needs only ``project:read``.
        intents_scope: The scope of the two operations about product intents.
        members_change_settings: Members may change every setting of an existing project.
        only_admins_create: Members may create no project but a demo.
        plan_limit: The words for a project that the plan does not include.
        project_cap: The hard limit of projects in one organization.
        rate_limits: The limits of each personal key, or None for an installation without limits (self-hosted).
        retry_after_header: A 429 carries ``Retry-After``; without it only the sentence gives the time to wait.

    Of operations:
        key_introspection: ``GET /api/personal_api_keys/@current/`` exists; without it the answer is 404.
        introspects_last_roll: It tells ``last_rolled_at``.
        absent_operations: The operations that this version does not have.
        fails_on_odd_requests: A malformed organization id, a body that is not an object, an update that clears the
            primary dashboard, introspection by session, and a GET or OPTIONS where there is none are a 500.
        checks_activity_query: Bad parameters of the activity log are a 400 with ``attr``; else a 500.
        names_activity_entries: An entry of the activity log has an ``id``, and its detail ``id`` and ``merge``.
        searches: The list obeys ``search``; else it ignores it.
        moves_edited_rows: A changed project moves to the end of the list, as in a table without an order.
        cached_intents_s: For so many seconds answers show the product intents that they showed before.
        database_unavailable: Every request that needs the database fails with 503.
        slow_writes: Writes whose answer the client does not get, and what becomes of them; None for none.

    Of the life of a project:
        unique_names: Names are unique in an organization (409); older versions accept twins.
        pending_names_count: The name of a project with a pending deletion is taken too.
        deletion: ``delayed`` keeps a deleted project for 48 hours, ``immediate`` (older versions) removes it at once.
        unused_deleted_at_once: A project that never ingested an event is removed at once even when `deletion` is
            ``delayed``; else after one hour.
        deletion_lasts_s: The seconds from the start of a deletion to its end.
        deletion_disabled: Every deletion fails with the 400 of a database migration.
        deletion_fails: The engine behind deletions is down: a 500, and the project stays, without its persons.
        cancelling_fails: A pending deletion cannot be cancelled, though it is not too late (400).
        moves_in_place: A move to the organization where the project is succeeds; else it is a 400.
        moves_repair_users: Users who have a moved project open keep it open, or have nothing open afterwards.
        first_secret: A project without a secret token gets one; today that is a deprecated thing (400).
        ip_country: Two letters: the country of the client's address, as PostHog guesses it; empty for unknown.

    Of settings:
        former_rules: The settings are checked and merged by the rules of August 2025.
        checks_product_keys: Product intents accept the known products only; older versions take any text.
        ignored_fields: Writable settings that are accepted with 200 and not stored.
        absent_fields: Fields that this version neither knows nor returns; sending them does nothing.
        team_only_fields: Those of them that the answers of the product intents have all the same.
        renamed_values: Settings that are stored with another value than the sent one: the name of the setting, and the
            stored value.
        project_id_in_answers: List items and project objects carry ``project_id``.
        webhook_writable: ``slack_incoming_webhook`` is still a setting; today it is silently ignored.
        manages_conversations: PostHog alone writes the tokens and integrations in ``conversations_settings``; older
            versions let a client overwrite and clear them.
        names_cohorts: Answers add ``cohort_name`` to each cohort filter.
        live_events_for_readers: ``live_events_token`` is null for a key without ``*`` or ``query:read``.
        filters_by_cohort: A new project filters internal users by a cohort; else by the address of the first member.
        defaults: Values of a new project that differ from today's.
    """

    legacy_keys: bool = False
    keys_reach_session_only: bool = False
    refusal_of_keys: str = NOT_BY_KEY
    tells_token_kinds: bool = True
    takes_any_csrf_token: bool = True
    www_authenticate_header: bool = True
    patch_with_read_scope: bool = False
    intents_scope: Literal["project:read", "team:read"] = "project:read"
    members_change_settings: bool = False
    only_admins_create: bool = False
    plan_limit: str = PLAN_LIMIT
    project_cap: int = 2_000
    rate_limits: RateLimits | None = RateLimits()
    retry_after_header: bool = True

    key_introspection: bool = True
    introspects_last_roll: bool = False
    absent_operations: frozenset[str] = frozenset()
    fails_on_odd_requests: bool = False
    checks_activity_query: bool = True
    names_activity_entries: bool = True
    searches: bool = True
    moves_edited_rows: bool = True
    cached_intents_s: int = 0
    database_unavailable: bool = False
    slow_writes: SlowWrites | None = None

    unique_names: bool = True
    pending_names_count: bool = True
    deletion: Literal["delayed", "immediate"] = "delayed"
    unused_deleted_at_once: bool = False
    deletion_lasts_s: int = 0
    deletion_disabled: bool = False
    deletion_fails: bool = False
    cancelling_fails: bool = False
    moves_in_place: bool = False
    moves_repair_users: bool = True
    first_secret: bool = False
    ip_country: str = "DE"

    former_rules: bool = False
    checks_product_keys: bool = True
    ignored_fields: frozenset[str] = frozenset()
    absent_fields: frozenset[str] = frozenset()
    team_only_fields: frozenset[str] = frozenset()
    renamed_values: Mapping[str, Any] = field(default_factory=dict)
    project_id_in_answers: bool = True
    webhook_writable: bool = False
    manages_conversations: bool = True
    names_cohorts: bool = True
    live_events_for_readers: bool = True
    filters_by_cohort: bool = True
    defaults: Mapping[str, Any] = field(default_factory=dict)
