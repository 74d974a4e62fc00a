"""What a caller may do: scopes and restrictions of keys, roles of people, limits of plans.

PostHog's behaviour, in this order: the six session-only operations refuse every key whatever its scopes; the
organization is looked up (404); restrictions of the key to projects and organizations (403); scopes (403); the plan,
for creating (403); the role (403), which looks the project up (404, 400). No such refusal uses up rate limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from projects_mcp.sandbox.api.calls import Call
from projects_mcp.sandbox.errors import forbidden, not_found
from projects_mcp.sandbox.world.state import ApiKey, Level, Organization, Project

Scope = Literal["project:read", "project:write"]

PLAN_LIMIT = (
    "You have reached the maximum limit of allowed projects for your current plan. "
    "Upgrade your plan to be able to create and manage more projects."
)


@dataclass(frozen=True, slots=True)
class Operation:
    """What one operation asks of its caller.

    Attributes:
        name: PostHog's name of the action.
        scope: The scope that a key needs; None refuses every key.
        admin: The caller must be an admin of the project.
        writes: It changes something, which matters where MCP clients may only read.
    """

    name: str
    scope: Scope | None
    admin: bool = False
    writes: bool = True


def admit(call: Call, operation: Operation) -> None:
    """Let the call through.

    Raises:
        ApiError: 403, 404, or 400 for a project id that is not a number.
    """
    if call.caller.key is not None:
        _check_key(call, operation, call.caller.key)
    organization = call.organization
    if operation.name == "create":
        _check_plan(call, organization)
        _check_creator(call, organization)
    elif operation.name != "list":
        _check_role(call, operation)
    if operation.writes and organization.mcp_read_only and call.request.headers.get("x-posthog-client") == "mcp":
        raise forbidden(
            "Your organization restricts MCP access to read-only. "
            "An organization admin can change this in your organization settings."
        )


def _check_key(call: Call, operation: Operation, key: ApiKey) -> None:
    behaviour = call.world.behaviour
    if operation.scope is None and not behaviour.keys_reach_session_only:
        raise forbidden("This action does not support personal API key access")
    organization = call.organization
    _check_keys_allowed(call, organization, key)
    if key.scoped_teams:
        _check_restricted_to_projects(call, operation, key)
    if key.scoped_organizations and organization.id not in key.scoped_organizations:
        raise forbidden(f"API key does not have access to the requested organization: ID {organization.id}.")
    scope = operation.scope
    if operation.name == "partial_update" and behaviour.patch_with_read_scope:
        scope = "project:read"
    if scope is not None and not has_scope(key, scope):
        raise forbidden(f"API key missing required scope '{scope}'")


def _check_keys_allowed(call: Call, organization: Organization, key: ApiKey) -> None:
    level = call.world.level(call.user.id, organization.id)
    if key.kind == "personal" and not organization.allows_personal_api_keys and level == Level.MEMBER:
        raise forbidden(
            f"Organization '{organization.name}' does not allow using personal API keys. "
            "Contact an admin to enable personal API keys for this organization."
        )


def _check_restricted_to_projects(call: Call, operation: Operation, key: ApiKey) -> None:
    if operation.name in {"list", "create"}:
        raise forbidden("API keys with scoped projects are only supported on project-based endpoints.")
    if call.project.id not in key.scoped_teams:
        raise forbidden(f"API key does not have access to the requested project: ID {call.project.id}.")


def has_scope(key: ApiKey, scope: Scope) -> bool:
    """Whether the key holds the scope: write implies read, ``*`` implies both."""
    return bool({"*", scope, scope.replace(":read", ":write")} & set(key.scopes))


def _check_plan(call: Call, organization: Organization) -> None:
    projects = [p for p in call.world.projects.values() if p.organization_id == organization.id]
    counted = [p for p in projects if not p.fields["is_demo"]]
    if _wants_demo(call) and len(counted) < len(projects):
        raise forbidden(PLAN_LIMIT)
    cap = call.world.behaviour.project_cap
    if organization.project_limit is None and len(counted) >= cap:
        raise forbidden(
            f"You have reached the maximum limit of {cap} projects per organization. "
            "Contact support if you'd like access to more projects."
        )
    if organization.project_limit is not None and len(counted) >= organization.project_limit:
        raise forbidden(PLAN_LIMIT)


def _wants_demo(call: Call) -> bool:
    return isinstance(call.data, dict) and bool(call.data.get("is_demo"))


def _check_creator(call: Call, organization: Organization) -> None:
    level = call.world.level(call.user.id, organization.id)
    if level is None:
        raise not_found("Organization not found.")
    if level < Level.ADMIN and not organization.members_can_create_projects and not _wants_demo(call):
        raise forbidden("You need to be an organization admin or above to create new projects.")


def _check_role(call: Call, operation: Operation) -> None:
    level = call.project_level
    if level is None or (operation.admin and level < Level.ADMIN):
        raise forbidden("You don't have sufficient permissions in the project.")


def visible_projects(call: Call) -> list[Project]:
    """Return the organization's projects that the caller sees, by number.

    PostHog's behaviour: there is no check of membership; an organization that one does not belong to shows nothing.
    """
    organization = call.organization
    if call.world.level(call.user.id, organization.id) is None:
        return []
    return sorted((p for p in call.world.projects.values() if p.organization_id == organization.id), key=lambda p: p.id)
