"""What the sandbox knows: organizations, people, projects, credentials and the version of PostHog it plays.

Everything here is plain data. A test builds or changes a `World` directly and then talks HTTP to the application
that `projects_mcp.sandbox.app.create_app` makes of it. Nothing is global: two worlds never share anything, and the same
steps in two worlds with the same `seed` produce the same tokens and ids.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Literal

from projects_mcp.sandbox.world.behaviour import Behaviour

Fields = dict[str, Any]
"""The fields of one project by name, with the JSON values that PostHog would answer."""


class Level(IntEnum):
    """A membership level of an organization, with PostHog's numbers."""

    MEMBER = 1
    ADMIN = 8
    OWNER = 15


@dataclass(slots=True)
class Organization:
    """An organization: who may create projects in it, what its plan allows and whether keys work at all.

    Attributes:
        id: A UUID in lower case.
        name: What people see; it appears in one refusal.
        members_can_create_projects: Plain members may create projects, not only admins.
        allows_personal_api_keys: False refuses the personal keys of members who are not admins (403).
        mcp_read_only: Clients that call themselves MCP may only read.
        default_anonymize_ips: What a new project's ``anonymize_ips`` is when nobody says.
        project_limit: How many projects the plan allows, or None for no limit.
        active_subscription: Somebody pays; the last project cannot be deleted then.
        has_project_secret_api_keys: The newer secret keys exist, so a first ``phs_`` token is refused as deprecated.
        has_color_themes: The plan has colour themes; without them ``default_data_theme`` is always the global one.
        longest_retention: The longest period that recordings may be kept, or None where the plan does not say (500).
        logs_retention_days: The log retentions in days that the plan allows.
    """

    id: str
    name: str
    members_can_create_projects: bool = True
    allows_personal_api_keys: bool = True
    mcp_read_only: bool = False
    default_anonymize_ips: bool = False
    project_limit: int | None = None
    active_subscription: bool = False
    has_project_secret_api_keys: bool = False
    has_color_themes: bool = True
    longest_retention: str | None = "5y"
    logs_retention_days: tuple[int, ...] = (14, 30)


@dataclass(slots=True)
class User:
    """A person with the state of their browser: which organization and project they are looking at.

    `current_organization_id` and `current_project_id` are what ``@current`` means; None answers 404.
    """

    id: int
    email: str
    first_name: str
    current_organization_id: str | None = None
    current_project_id: int | None = None


@dataclass(slots=True)
class ApiKey:
    """A bearer credential.

    Attributes:
        value: The whole secret, ``phx_`` for a personal key, ``pha_`` for an OAuth access token.
        user_id: Whose key it is: roles are the person's.
        label: The person's name for it.
        scopes: Such as ``project:read``; ``*`` is everything. Write implies read.
        scoped_teams: Project ids; when there are any, the key works on those only and can neither list nor create.
        scoped_organizations: Organization ids; when there are any, the key works in those only.
        kind: ``oauth`` tokens are not throttled and cannot be introspected.
        id: What the introspection answers.
        created_at: When it was made.
        last_used_at: When it was last used, kept up to date by the application.
    """

    value: str
    user_id: int
    label: str
    scopes: tuple[str, ...]
    created_at: datetime
    scoped_teams: tuple[int, ...] = ()
    scoped_organizations: tuple[str, ...] = ()
    kind: Literal["personal", "oauth"] = "personal"
    id: str = ""
    last_used_at: datetime | None = None


@dataclass(slots=True)
class Session:
    """A browser's session: the value of the cookie ``sessionid`` and the CSRF token that belongs to it.

    `expires_at` None never expires.
    """

    id: str
    user_id: int
    csrf_token: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ActivityEntry:
    """One line of a project's activity log. `user_id` None is PostHog itself ("System")."""

    id: str
    user_id: int | None
    activity: str
    scope: str
    item_id: str
    name: str
    changes: tuple[Mapping[str, Any], ...]
    created_at: datetime


@dataclass(slots=True)
class ProductIntent:
    """That somebody wants to use one product in a project. `contexts` counts how often each context was sent."""

    product_type: str
    created_at: datetime
    updated_at: datetime
    onboarding_completed_at: datetime | None = None
    contexts: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Project:
    """A project: what the API answers (`fields`) and what it only uses.

    `fields` holds everything that does not depend on who asks. The rest (membership level, live events token, secrets
    for admins, intents) is added when an answer is made.

    Attributes:
        fields: The API fields by name. ``id``, ``organization``, ``name`` and the tokens are here.
        intents: Product intents by product.
        activity: Oldest first.
        dashboards: Ids of the dashboards that ``primary_dashboard`` may name.
        screenshot_secret: ``heatmaps_screenshot_secret``, shown to project admins only.
        demo_data_ready_at: Until then ``is_generating_demo_data`` answers true.
        deletion_at: When the project goes, or None while nobody deleted it.
    """

    fields: Fields
    intents: dict[str, ProductIntent] = field(default_factory=dict)
    activity: list[ActivityEntry] = field(default_factory=list)
    dashboards: set[int] = field(default_factory=set)
    screenshot_secret: str | None = None
    demo_data_ready_at: datetime | None = None
    deletion_at: datetime | None = None

    @property
    def id(self) -> int:
        """The project's number, the same as its team's."""
        return int(self.fields["id"])

    @property
    def name(self) -> str:
        """What people call it."""
        return str(self.fields["name"])

    @property
    def organization_id(self) -> str:
        """The UUID of the organization that it belongs to now."""
        return str(self.fields["organization"])


def utc_now() -> datetime:
    """Return the machine's time, with its zone."""
    return datetime.now(UTC)


@dataclass(slots=True)
class World:
    """Everything that one sandbox knows.

    Attributes:
        organizations: By UUID.
        users: By number.
        memberships: Level by (user number, organization UUID); nobody is in an organization without an entry.
        projects: By number.
        api_keys: By the key's whole value.
        sessions: By the value of the cookie.
        behaviour: Which PostHog this is; replace it with `dataclasses.replace` to play another.
        clock: The only source of time, always with a zone.
        seed: Tokens and UUIDs follow from it and from how many were made before.
        next_project_id: The number of the next project.
        requests: When each personal key was used lately, oldest first: the throttle's memory.
    """

    organizations: dict[str, Organization] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    memberships: dict[tuple[int, str], int] = field(default_factory=dict)
    projects: dict[int, Project] = field(default_factory=dict)
    api_keys: dict[str, ApiKey] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    behaviour: Behaviour = field(default_factory=Behaviour)
    clock: Callable[[], datetime] = utc_now
    seed: int = 0
    made: int = 0
    next_project_id: int = 1
    requests: dict[str, deque[datetime]] = field(default_factory=dict)

    def level(self, user_id: int, organization_id: str) -> int | None:
        """Return the person's level in the organization, or None for somebody who is not in it."""
        return self.memberships.get((user_id, organization_id))

    def _bytes(self) -> bytes:
        self.made += 1
        return hashlib.sha256(f"{self.seed}:{self.made}".encode()).digest()

    def new_uuid(self) -> str:
        """Return a UUID that nobody else in this world has."""
        return str(uuid.UUID(bytes=self._bytes()[:16], version=4))

    def new_token(self, prefix: str) -> str:
        """Return a token such as ``phc_…``: the prefix, then 42 letters and digits."""
        text = base64.b64encode(self._bytes() + b"\0", altchars=b"aZ").decode()
        return prefix + text[:42]

    def remove_expired(self) -> None:
        """Remove the projects whose 48 hours have passed, as PostHog's background job does."""
        now = self.clock()
        for project in [p for p in self.projects.values() if p.deletion_at is not None and p.deletion_at <= now]:
            self.remove(project)

    def remove(self, project: Project) -> None:
        """Take the project away for good; whoever was looking at it is looking at nothing now."""
        del self.projects[project.id]
        for user in self.users.values():
            if user.current_project_id == project.id:
                user.current_project_id = None


def timestamp(moment: datetime) -> str:
    """Return the moment as PostHog writes it, such as ``2026-05-04T10:15:00.000000Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


DELETION_DELAY = timedelta(hours=48)
"""How long a deleted project waits before it goes."""
