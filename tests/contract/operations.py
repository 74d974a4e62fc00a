"""One row for each operation, written by hand from PostHog's page: the second witness beside the product's own table.

Whatever a test needs to know of all tools, it derives from here. A new operation gets one row, in the order in which
clients see the tools.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

from projects_mcp.sandbox import ACME_ID, NORTHWIND_ID, PRODUCTION_ID, World

ACME = f"/api/organizations/{ACME_ID}/projects/"
"""Where a write goes: the organization is known by then."""
CURRENT = "/api/organizations/@current/projects/"
"""Where a read goes that names no organization."""
_PROJECT = f"{PRODUCTION_ID}/"

WEB: dict[str, Any] = {"project_id": PRODUCTION_ID}
NAMED: dict[str, Any] = {**WEB, "confirm_project_name": "Acme web"}

_READ: Literal["project:read"] = "project:read"
_WRITE: Literal["project:write"] = "project:write"
_ORGANIZATIONS: Literal["organization:read"] = "organization:read"


class Operation(NamedTuple):
    """One operation of PostHog's Projects API, and its tool.

    Attributes:
        tool: its name.
        effect: what it does to a project.
        arguments: all that it needs, with which it succeeds on the sandbox.
        line: the request that it must send then. A tool that reads sends no other; one that writes may read before
            and after.
        scope: what a key needs for it.
        session_only: whether PostHog takes no key for it.
        on_project: whether it is about one project.
        in_organization: whether it takes an organization.
        on_page: whether PostHog's page of the Projects API has it.
        world: fields that the production project must have for it to succeed.
    """

    tool: str
    effect: Literal["read", "add", "change", "destroy"]
    arguments: dict[str, Any]
    line: str
    scope: Literal["project:read", "project:write", "organization:read"]
    session_only: bool = False
    on_project: bool = True
    in_organization: bool = True
    on_page: bool = True
    world: Mapping[str, Any] = {}

    @property
    def hints(self) -> tuple[bool, bool, bool]:
        """Whether it only reads, whether it may destroy, and whether it may be repeated."""
        return self.effect == "read", self.effect in {"change", "destroy"}, self.effect in {"read", "change"}


OPERATIONS = (
    Operation("project_list", "read", {}, f"GET {CURRENT}", _READ, on_project=False),
    Operation("project_get", "read", WEB, f"GET {CURRENT}{_PROJECT}", _READ),
    Operation("project_activity", "read", WEB, f"GET {CURRENT}{_PROJECT}activity/", _READ, session_only=True),
    Operation(
        "project_is_generating_demo_data",
        "read",
        WEB,
        f"GET {CURRENT}{_PROJECT}is_generating_demo_data/",
        _READ,
        session_only=True,
    ),
    Operation("project_create", "add", {"name": "New"}, f"POST {ACME}", _WRITE, on_project=False),
    Operation("project_update", "change", {**WEB, "settings": {"timezone": "UTC"}}, f"PATCH {ACME}{_PROJECT}", _WRITE),
    Operation(
        "project_add_product_intent",
        "add",
        {**WEB, "product_type": "surveys"},
        f"PATCH {ACME}{_PROJECT}add_product_intent/",
        _WRITE,
    ),
    Operation(
        "project_complete_product_onboarding",
        "add",
        {**WEB, "product_type": "surveys"},
        f"PATCH {ACME}{_PROJECT}complete_product_onboarding/",
        _WRITE,
    ),
    Operation("project_delete", "destroy", NAMED, f"DELETE {ACME}{_PROJECT}", _WRITE),
    Operation(
        "project_cancel_deletion",
        "add",
        WEB,
        f"POST {ACME}{_PROJECT}cancel-deletion/",
        _WRITE,
        session_only=True,
        on_page=False,
        world={"is_pending_deletion": True, "deletion_scheduled_at": "2126-10-07T12:00:00.000000Z"},
    ),
    Operation(
        "project_change_organization",
        "destroy",
        {**NAMED, "target_organization_id": NORTHWIND_ID},
        f"POST {ACME}{_PROJECT}change_organization/",
        _WRITE,
        session_only=True,
    ),
    Operation(
        "project_reset_token", "destroy", NAMED, f"PATCH {ACME}{_PROJECT}reset_token/", _WRITE, session_only=True
    ),
    Operation(
        "project_rotate_secret_token",
        "destroy",
        NAMED,
        f"PATCH {ACME}{_PROJECT}rotate_secret_token/",
        _WRITE,
        session_only=True,
    ),
    Operation(
        "project_delete_secret_token_backup",
        "destroy",
        NAMED,
        f"PATCH {ACME}{_PROJECT}delete_secret_token_backup/",
        _WRITE,
        session_only=True,
    ),
    Operation(
        "organization_list",
        "read",
        {},
        "GET /api/organizations/",
        _ORGANIZATIONS,
        on_project=False,
        in_organization=False,
        on_page=False,
    ),
)

TOOLS = [row.tool for row in OPERATIONS]
"""The names of the tools, in the order in which clients see them."""
ARGUMENTS: Mapping[str, dict[str, Any]] = {row.tool: row.arguments for row in OPERATIONS}
"""The arguments with which each tool succeeds on the sandbox."""

READS = [row.tool for row in OPERATIONS if row.effect == "read"]
WRITES = [row.tool for row in OPERATIONS if row.effect != "read"]
DESTROYS = [row.tool for row in OPERATIONS if row.effect == "destroy"]
ON_PROJECT = [row.tool for row in OPERATIONS if row.on_project]
SESSION_ONLY = [row.tool for row in OPERATIONS if row.session_only]
ON_PAGE = [row for row in OPERATIONS if row.on_page]
"""The operations of PostHog's page, which are all that a mock of it knows."""
IN_ORGANIZATION = [row.tool for row in OPERATIONS if row.in_organization]


def prepare(world: World, tool: str) -> None:
    """Bring the sandbox into the state in which a tool succeeds with its arguments."""
    (row,) = (row for row in OPERATIONS if row.tool == tool)
    project = world.projects[PRODUCTION_ID]
    project.fields.update(row.world)
    if row.world:
        project.deletion_at = datetime.fromisoformat(row.world["deletion_scheduled_at"])
