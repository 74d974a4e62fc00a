"""The state of the sandbox: organizations, users, projects, credentials and the imitated version of PostHog.

Everything here is plain data. A test builds or changes a `World`, and sends HTTP requests to the application that
`projects_mcp.sandbox.app.create_app` creates for it. Nothing is global: two worlds share nothing, and the same steps in
two worlds with the same `seed` create the same tokens and ids.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Literal

from projects_mcp.sandbox.world.behaviour import Behaviour
from projects_mcp.sandbox.world.slow_writes import LateWrite, take_due

Fields = dict[str, Any]
"""The fields of one project by name, with the JSON values of PostHog's responses."""


class Level(IntEnum):
    """A membership level of an organization, with PostHog's numbers."""

    MEMBER = 1
    ADMIN = 8
    OWNER = 15


@dataclass(slots=True)
class Organization:
    """An organization, with its rules and the limits of its plan.

    Attributes:
        id: A UUID in lower case.
        name: For people; it appears in one refusal.
        members_can_create_projects: Members may create projects, not only admins.
        allows_personal_api_keys: False refuses the personal keys of members who are not admins (403).
        mcp_read_only: PostHog's own MCP server may only read (``read_only_mcp_access``).
        default_anonymize_ips: The default of ``anonymize_ips`` for a new project.
        project_limit: The number of projects in the plan, or None for no limit.
        active_subscription: The organization pays, so its last project cannot be deleted.
        has_color_themes: The plan has colour themes; without them ``default_data_theme`` is always the global one.
        longest_retention: The longest retention period of recordings in the plan, or None for a plan without one (500).
        logs_retention_days: The longest retention period of logs in the plan, in days.
        long_log_retention: The flag for periods of logs above 30 days is on.
    """

    id: str
    name: str
    members_can_create_projects: bool = True
    allows_personal_api_keys: bool = True
    mcp_read_only: bool = False
    default_anonymize_ips: bool = False
    project_limit: int | None = None
    active_subscription: bool = False
    has_color_themes: bool = True
    longest_retention: str | None = "5y"
    logs_retention_days: int = 30
    long_log_retention: bool = False


@dataclass(slots=True)
class User:
    """A user, with the organization and the project that they have open in the browser.

    ``@current`` means `current_organization_id` and `current_project_id`; for None the response is 404.
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
        user_id: The owner, whose roles apply.
        label: The owner's name for it.
        scopes: Such as ``project:read``; ``*`` is everything. Write implies read. None for a key older than scopes.
        scoped_teams: Project ids; if there are any, the key works for those only, and can neither list nor create.
        scoped_organizations: Organization ids; if there are any, the key works in those only.
        kind: ``oauth`` tokens have no rate limit and no introspection.
        last_used_at: The time of its last request, which the application sets.
    """

    value: str
    user_id: int
    label: str
    scopes: tuple[str, ...] | None
    created_at: datetime
    scoped_teams: tuple[int, ...] = ()
    scoped_organizations: tuple[str, ...] = ()
    kind: Literal["personal", "oauth"] = "personal"
    id: str = ""
    last_used_at: datetime | None = None


@dataclass(slots=True)
class Session:
    """A browser session: the value of the cookie ``sessionid``, and its CSRF token.

    A session with `expires_at` None never expires.
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
    """The interest in one product in a project. `contexts` counts the requests with each context."""

    product_type: str
    created_at: datetime
    updated_at: datetime
    onboarding_completed_at: datetime | None = None
    contexts: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Project:
    """A project: the fields of the API, and internal state.

    `fields` holds everything that does not depend on the user. Membership level, live events token, secrets for admins
    and intents are added to a response.

    Attributes:
        fields: The API fields by name. ``id``, ``organization``, ``name`` and the tokens are here.
        intents: Product intents by product.
        activity: Oldest first.
        dashboards: The ids that ``primary_dashboard`` accepts.
        screenshot_secret: ``heatmaps_screenshot_secret``, shown to project admins only.
        demo_data_ready_at: Until then ``is_generating_demo_data`` is true.
        deletion_at: The time of its pending deletion, or None.
        lost_persons: A deletion that failed has removed its persons all the same.
        moved: Counts up with each change of its row, for a list without an order.
        restrictions: What ``event_ingestion_restrictions`` lists.
        shown_intents: The product intents of the last answers, and until when answers show them.
    """

    fields: Fields
    intents: dict[str, ProductIntent] = field(default_factory=dict)
    activity: list[ActivityEntry] = field(default_factory=list)
    dashboards: set[int] = field(default_factory=set)
    screenshot_secret: str | None = None
    demo_data_ready_at: datetime | None = None
    deletion_at: datetime | None = None
    lost_persons: bool = False
    moved: int = 0
    restrictions: list[Fields] = field(default_factory=list)
    shown_intents: tuple[list[Fields], datetime] | None = None

    @property
    def id(self) -> int:
        """The id of the project, and of its team."""
        return int(self.fields["id"])

    @property
    def name(self) -> str:
        """The name for people."""
        return str(self.fields["name"])

    @property
    def organization_id(self) -> str:
        """The UUID of its organization."""
        return str(self.fields["organization"])


def utc_now() -> datetime:
    """Return the machine's time in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class World:
    """The state of one sandbox.

    Attributes:
        organizations: By UUID.
        users: By id.
        memberships: Level by (user id, organization UUID); a user without an entry is not a member.
        projects: By id.
        api_keys: By value.
        sessions: By the value of the cookie.
        behaviour: The imitated version of PostHog; change it with `dataclasses.replace`.
        clock: The only source of time, always with a zone.
        seed: The start of the sequence of tokens and UUIDs, of which there were `generated` so far.
        next_project_id: The id of the next project.
        next_dashboard_id: The id of the next dashboard; None for ten times that of its project.
        requests: The times of recent requests by personal key, oldest first, for the rate limits.
        moves: The number of changes to rows of projects so far.
        late: The writes that have arrived and not yet taken effect.
        sleep: Waits for so many seconds, before a late answer; None for the machine's own.
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
    generated: int = 0
    next_project_id: int = 1
    next_dashboard_id: int | None = None
    requests: dict[str, deque[datetime]] = field(default_factory=dict)
    moves: int = 0
    late: list[LateWrite] = field(default_factory=list)
    sleep: Callable[[float], Awaitable[None]] | None = None

    def level(self, user_id: int, organization_id: str) -> int | None:
        """Return a user's membership level in an organization, or None without a membership."""
        return self.memberships.get((user_id, organization_id))

    def _next_bytes(self) -> bytes:
        self.generated += 1
        return hashlib.sha256(f"{self.seed}:{self.generated}".encode()).digest()

    def new_uuid(self) -> str:
        """Create a UUID that is unique in this world."""
        return str(uuid.UUID(bytes=self._next_bytes()[:16], version=4))

    def new_token(self, prefix: str) -> str:
        """Create a token such as ``phc_…``: the prefix, then 42 letters and digits."""
        text = base64.b64encode(self._next_bytes() + b"\0", altchars=b"aZ").decode()
        return prefix + text[:42]

    def remove_expired(self) -> None:
        """Remove the projects whose deletion is over, as PostHog's background job does."""
        ended = self.clock() - timedelta(seconds=self.behaviour.deletion_lasts_s)
        for project in [p for p in self.projects.values() if p.deletion_at is not None and p.deletion_at <= ended]:
            self.remove(project)

    def move(self, project: Project) -> None:
        """Note that the row of a project was written again."""
        self.moves += 1
        project.moved = self.moves

    def new_dashboard_id(self, project_id: int) -> int:
        """Return the id of the first dashboard of a new project."""
        if self.next_dashboard_id is None:
            return project_id * 10
        self.next_dashboard_id += 1
        return self.next_dashboard_id - 1

    def carry_out_late_writes(self) -> None:
        """Let the late writes that are due take effect, in their order, each with the clock at its moment."""
        clock = self.clock
        try:
            for write in take_due(self.late, clock()):
                self.clock = write.moment
                write.carry_out()
        finally:
            self.clock = clock

    def remove(self, project: Project) -> None:
        """Remove a project for good, also as the open project of its users."""
        del self.projects[project.id]
        for user in self.users.values():
            if user.current_project_id == project.id:
                user.current_project_id = None


def timestamp(moment: datetime) -> str:
    """Format a time as PostHog does, such as ``2026-05-04T10:15:00.000000Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


DELETION_DELAY = timedelta(hours=48)
"""The time from the deletion of a project to its removal."""
