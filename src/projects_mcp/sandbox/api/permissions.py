"""Check what a principal may do: the scopes and restrictions of its key, its role, and the limits of the plan.

PostHog's behaviour, in this order: the six session-only operations refuse every key with any scopes; the organization
is looked up (404); the key's restrictions to projects and organizations (403); its scopes (403); for a creation, the
plan (403); the role (403), for which the project is looked up (404, 400). No such refusal counts against a rate limit.
"""

from __future__ import annotations

from projects_mcp.sandbox.api.operations import Operation, Scope
from projects_mcp.sandbox.api.request import ApiRequest
from projects_mcp.sandbox.errors import forbidden, not_found
from projects_mcp.sandbox.world.state import ApiKey, Level, Organization

PLAN_LIMIT = (
    "You have reached the maximum limit of allowed projects for your current plan. "
    "Upgrade your plan to be able to create and manage more projects."
)


def check_permissions(request: ApiRequest, operation: Operation) -> None:
    """Check that the principal may call an operation.

    Raises:
        ApiError: 403, 404, or 400 for a project id that is not a number.
    """
    if request.principal.key is not None:
        _check_key(request, operation, request.principal.key)
    organization = request.organization
    if operation.name == "create":
        _check_plan(request, organization)
        _check_creator(request, organization)
    elif operation.name != "list":
        _check_role(request, operation)
    if operation.writes and organization.mcp_read_only and request.http.headers.get("x-posthog-client") == "mcp":
        raise forbidden(
            "Your organization restricts MCP access to read-only. "
            "An organization admin can change this in your organization settings."
        )


def _check_key(request: ApiRequest, operation: Operation, key: ApiKey) -> None:
    behaviour = request.world.behaviour
    if operation.scope is None and not behaviour.keys_reach_session_only:
        raise forbidden("This action does not support personal API key access")
    organization = request.organization
    _check_keys_allowed(request, organization, key)
    if key.scoped_teams:
        _check_restricted_to_projects(request, operation, key)
    if key.scoped_organizations and organization.id not in key.scoped_organizations:
        raise forbidden(f"API key does not have access to the requested organization: ID {organization.id}.")
    scope = operation.scope
    if operation.name == "partial_update" and behaviour.patch_with_read_scope:
        scope = "project:read"
    if scope is not None and not has_scope(key, scope):
        raise forbidden(f"API key missing required scope '{scope}'")


def _check_keys_allowed(request: ApiRequest, organization: Organization, key: ApiKey) -> None:
    level = request.world.level(request.user.id, organization.id)
    if key.kind == "personal" and not organization.allows_personal_api_keys and level == Level.MEMBER:
        raise forbidden(
            f"Organization '{organization.name}' does not allow using personal API keys. "
            "Contact an admin to enable personal API keys for this organization."
        )


def _check_restricted_to_projects(request: ApiRequest, operation: Operation, key: ApiKey) -> None:
    if operation.name in {"list", "create"}:
        raise forbidden("API keys with scoped projects are only supported on project-based endpoints.")
    if request.project.id not in key.scoped_teams:
        raise forbidden(f"API key does not have access to the requested project: ID {request.project.id}.")


def has_scope(key: ApiKey, scope: Scope) -> bool:
    """Return whether the key has a scope: write implies read, ``*`` implies both."""
    return bool({"*", scope, scope.replace(":read", ":write")} & set(key.scopes))


def _check_plan(request: ApiRequest, organization: Organization) -> None:
    projects = [p for p in request.world.projects.values() if p.organization_id == organization.id]
    counted = [p for p in projects if not p.fields["is_demo"]]
    if _wants_demo(request) and len(counted) < len(projects):
        raise forbidden(PLAN_LIMIT)
    cap = request.world.behaviour.project_cap
    if organization.project_limit is None and len(counted) >= cap:
        raise forbidden(
            f"You have reached the maximum limit of {cap} projects per organization. "
            "Contact support if you'd like access to more projects."
        )
    if organization.project_limit is not None and len(counted) >= organization.project_limit:
        raise forbidden(PLAN_LIMIT)


def _wants_demo(request: ApiRequest) -> bool:
    return isinstance(request.data, dict) and bool(request.data.get("is_demo"))


def _check_creator(request: ApiRequest, organization: Organization) -> None:
    level = request.world.level(request.user.id, organization.id)
    if level is None:
        raise not_found("Organization not found.")
    if level < Level.ADMIN and not organization.members_can_create_projects and not _wants_demo(request):
        raise forbidden("You need to be an organization admin or above to create new projects.")


def _check_role(request: ApiRequest, operation: Operation) -> None:
    level = request.project_level
    if level is None or (operation.admin and level < Level.ADMIN):
        raise forbidden("You don't have sufficient permissions in the project.")
