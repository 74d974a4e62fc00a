"""The operations of the Projects API: one row for each, with its handler and what it requires of the principal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from starlette.responses import Response

from projects_mcp.sandbox.api import actions, newer, projects
from projects_mcp.sandbox.api.request import ApiRequest

Handler = Callable[[ApiRequest], Response]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Scope = Literal["project:read", "project:write", "team:read", "activity_log:read"]

_PROJECTS: Final = "/api/organizations/{organization}/projects"
_PROJECT: Final = _PROJECTS + "/{project}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        name: PostHog's name of the action.
        method: Its HTTP method.
        path: Its address, without a slash at the end.
        handler: Carries it out and responds.
        scope: The scope that a key needs; None refuses every key.
        admin: Only admins of the project may call it.
        writes: It changes something, so an organization may refuse it to MCP clients.
    """

    name: str
    method: Method
    path: str
    handler: Handler
    scope: Scope | None
    admin: bool = False
    writes: bool = True


OPERATIONS: Final = (
    Operation("list", "GET", _PROJECTS, projects.list_projects, "project:read", writes=False),
    Operation("create", "POST", _PROJECTS, projects.create, "project:write"),
    Operation("retrieve", "GET", _PROJECT, projects.retrieve, "project:read", writes=False),
    Operation("update", "PUT", _PROJECT, projects.partial_update, "project:write"),
    Operation("partial_update", "PATCH", _PROJECT, projects.partial_update, "project:write"),
    Operation("destroy", "DELETE", _PROJECT, projects.destroy, "project:write", admin=True),
    Operation("activity", "GET", f"{_PROJECT}/activity", actions.read_activity, None, writes=False),
    Operation(
        "add_product_intent", "PATCH", f"{_PROJECT}/add_product_intent", actions.add_product_intent, "project:read"
    ),
    Operation("change_organization", "POST", f"{_PROJECT}/change_organization", actions.change_organization, None),
    Operation(
        "complete_product_onboarding",
        "PATCH",
        f"{_PROJECT}/complete_product_onboarding",
        actions.complete_product_onboarding,
        "project:read",
    ),
    Operation(
        "delete_secret_token_backup",
        "PATCH",
        f"{_PROJECT}/delete_secret_token_backup",
        actions.delete_secret_token_backup,
        None,
        admin=True,
    ),
    Operation(
        "is_generating_demo_data",
        "GET",
        f"{_PROJECT}/is_generating_demo_data",
        actions.is_generating_demo_data,
        None,
        writes=False,
    ),
    Operation("reset_token", "PATCH", f"{_PROJECT}/reset_token", actions.reset_token, None, admin=True),
    Operation(
        "rotate_secret_token",
        "PATCH",
        f"{_PROJECT}/rotate_secret_token",
        actions.rotate_secret_token,
        None,
        admin=True,
    ),
    Operation("cancel_deletion", "POST", f"{_PROJECT}/cancel-deletion", newer.cancel_deletion, None, admin=True),
    Operation("settings_as_of", "GET", f"{_PROJECT}/settings_as_of", newer.read_settings_as_of, None, writes=False),
    Operation(
        "event_ingestion_restrictions",
        "GET",
        f"{_PROJECT}/event_ingestion_restrictions",
        newer.list_ingestion_restrictions,
        "project:read",
        writes=False,
    ),
)
"""The order of the methods of an address is that of the `Allow` header."""
