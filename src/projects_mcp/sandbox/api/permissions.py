"""Check what a principal may do: the scopes and restrictions of its key, its role, and the limits of the plan.

PostHog's behaviour, in this order: the session-only operations refuse every key with any scopes; the organization is
looked up (404); the key's restrictions to projects and organizations (403); its scopes (403); for a creation, the plan
(403); the role (403), for which the project is looked up (404, 400). No such refusal counts against a rate limit.
"""

from __future__ import annotations

from collections.abc import Collection

from projects_mcp.sandbox.api.operations import Operation, Scope
from projects_mcp.sandbox.api.request import ApiRequest
from projects_mcp.sandbox.errors import ApiError, forbidden, method_not_allowed, not_found, server_error
from projects_mcp.sandbox.validation.rules import is_configuration
from projects_mcp.sandbox.world.state import ApiKey, Level, Organization

_OWN_MCP_SERVER = "posthog/mcp-server"
"""The start of the User-Agent of PostHog's own MCP server. Other clients are not held to ``read_only_mcp_access``."""

_INTENTS = frozenset({"add_product_intent", "complete_product_onboarding"})
_PROJECTLESS = frozenset({"list", "create"})
_COUNTED = frozenset({"create", "update"})


def check_permissions(request: ApiRequest, operation: Operation) -> None:
    """Check that the principal may call an operation.

    Raises:
        ApiError: 403, 404, or 400 for a project id that is not a number.
    """
    if request.principal.key is not None:
        _check_key(request, operation, request.principal.key)
    organization = request.organization
    if operation.name in _COUNTED:
        _check_plan(request, organization)
    if operation.name == "create":
        _check_creator(request, organization)
    elif operation.name != "list":
        _check_role(request, operation)
    if operation.writes and organization.mcp_read_only and _comes_from_own_server(request):
        raise forbidden(
            "Your organization restricts MCP access to read-only. "
            "An organization admin can change this in your organization settings."
        )


def refuse_method(request: ApiRequest, allowed: Collection[str], *, is_list: bool) -> ApiError:
    """Return the refusal of a method that an address does not take.

    PostHog's behaviour: a key is refused before the method is looked at, as at any action that names no scope. Only a
    PATCH of a list counts as a write.
    """
    key, behaviour = request.principal.key, request.world.behaviour
    if request.method == "OPTIONS" and behaviour.fails_on_odd_requests:
        return server_error()
    if key is not None and not is_unlimited(request, key):
        if not (is_list and request.method == "PATCH"):
            return forbidden(behaviour.refusal_of_keys)
        if not has_scope(key, "project:write"):
            return forbidden("API key missing required scope 'project:write'")
    elif request.method == "GET" and behaviour.fails_on_odd_requests:
        return server_error()
    return method_not_allowed(request.method, ", ".join([*allowed, *(["HEAD"] if "GET" in allowed else []), "OPTIONS"]))


def is_unlimited(request: ApiRequest, key: ApiKey) -> bool:
    """Return whether a key is older than scopes, in a version that lets such a key do everything."""
    return not key.scopes and request.world.behaviour.legacy_keys


def _check_key(request: ApiRequest, operation: Operation, key: ApiKey) -> None:
    if is_unlimited(request, key):
        return
    behaviour = request.world.behaviour
    if operation.scope is None and not behaviour.keys_reach_session_only:
        raise forbidden(behaviour.refusal_of_keys)
    scope = _needed_scope(request, operation)
    organization = request.organization
    _check_keys_allowed(request, organization, key)
    if key.scoped_teams:
        _check_restricted_to_projects(request, operation, key)
    if key.scoped_organizations and organization.id not in key.scoped_organizations:
        raise forbidden(f"API key does not have access to the requested organization: ID {organization.id}.")
    if scope is not None and not has_scope(key, scope):
        raise forbidden(f"API key missing required scope '{scope}'")


def _needed_scope(request: ApiRequest, operation: Operation) -> Scope | None:
    behaviour = request.world.behaviour
    if operation.name in _INTENTS:
        return behaviour.intents_scope
    if operation.name == "partial_update" and behaviour.patch_with_read_scope:
        if not isinstance(request.data, dict):
            raise server_error()
        if all(is_configuration(name, behaviour) for name in request.data):
            return "project:read"
    return operation.scope


def _check_keys_allowed(request: ApiRequest, organization: Organization, key: ApiKey) -> None:
    level = request.world.level(request.user.id, organization.id)
    if key.kind == "personal" and not organization.allows_personal_api_keys and level == Level.MEMBER:
        raise forbidden(
            f"Organization '{organization.name}' does not allow using personal API keys. "
            "Contact an admin to enable personal API keys for this organization."
        )


def _check_restricted_to_projects(request: ApiRequest, operation: Operation, key: ApiKey) -> None:
    if operation.name in _PROJECTLESS:
        raise forbidden("API keys with scoped projects are only supported on project-based endpoints.")
    if request.project.id not in key.scoped_teams:
        raise forbidden(f"API key does not have access to the requested project: ID {request.project.id}.")


def has_scope(key: ApiKey, scope: str) -> bool:
    """Return whether the key has a scope: write implies read, ``*`` implies both."""
    return bool({"*", scope, scope.replace(":read", ":write")} & set(key.scopes or ()))


def _check_plan(request: ApiRequest, organization: Organization) -> None:
    behaviour = request.world.behaviour
    projects = [p for p in request.world.projects.values() if p.organization_id == organization.id]
    counted = [p for p in projects if not p.fields["is_demo"]]
    if _wants_demo(request):
        if len(counted) < len(projects):
            raise forbidden(behaviour.plan_limit)
        return
    cap = behaviour.project_cap
    if organization.project_limit is None and len(counted) >= cap:
        raise forbidden(
            f"You have reached the maximum limit of {cap} projects per organization. "
            "Contact support if you'd like access to more projects."
        )
    if organization.project_limit is not None and len(counted) >= organization.project_limit:
        raise forbidden(behaviour.plan_limit)


def _wants_demo(request: ApiRequest) -> bool:
    if not isinstance(request.data, dict):
        if request.world.behaviour.fails_on_odd_requests:
            raise server_error()
        return False
    return bool(request.data.get("is_demo"))


def _check_creator(request: ApiRequest, organization: Organization) -> None:
    level = request.world.level(request.user.id, organization.id)
    if level is None:
        raise not_found("Organization not found.")
    if level >= Level.ADMIN or _wants_demo(request):
        return
    if request.world.behaviour.only_admins_create:
        raise forbidden("Your organization access level is insufficient.")
    if not organization.members_can_create_projects:
        raise forbidden("You need to be an organization admin or above to create new projects.")


def _check_role(request: ApiRequest, operation: Operation) -> None:
    level = request.project_level
    if level is None or (operation.admin and level < Level.ADMIN):
        raise forbidden("You don't have sufficient permissions in the project.")


def _comes_from_own_server(request: ApiRequest) -> bool:
    return request.http.headers.get("user-agent", "").lower().startswith(_OWN_MCP_SERVER)
