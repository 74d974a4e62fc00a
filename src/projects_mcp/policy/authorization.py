"""The one decision on whether a tool may be offered, and whether a call may leave.

What is allowed is the intersection of what the operator allows, what the caller of a served server was given, and what
the credential is known to allow. The same function answers for the tool list and for each call, so the two cannot
disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from projects_mcp.api.effects import Access, Effect
from projects_mcp.api.operations import Current, Operation, OrganizationRef, ProjectRef
from projects_mcp.errors.refusals import Refusal, RefusalKind

__all__ = ["UNKNOWN", "KeyGrant", "Policy", "decide"]


class KeyGrant(NamedTuple):
    """What a credential may do, as far as it is known.

    Attributes:
        scopes: API scopes; None where PostHog would not say (OAuth tokens, older servers, no network), in which case
            PostHog decides at each call.
        projects: the only projects that the key works on; None where it is not restricted.
        organizations: the only organizations that the key works on; None where it is not restricted.
    """

    scopes: frozenset[str] | None = None
    projects: frozenset[int] | None = None
    organizations: frozenset[UUID] | None = None

    def has(self, scope: str) -> bool:
        """Whether the credential has a scope. `*` is every scope, and write implies read of the same object."""
        if self.scopes is None or "*" in self.scopes or scope in self.scopes:
            return True
        thing, _, action = scope.partition(":")
        return action == "read" and f"{thing}:write" in self.scopes

    @classmethod
    def from_introspection(cls, answer: Mapping[str, Any]) -> KeyGrant:
        """Read PostHog's description of a key. What cannot be read is treated as unknown."""
        scopes = answer.get("scopes")
        return cls(
            scopes=frozenset(s for s in scopes if isinstance(s, str)) if isinstance(scopes, list) else None,
            projects=_restriction(answer.get("scoped_teams"), _project_id),
            organizations=_restriction(answer.get("scoped_organizations"), _uuid),
        )


UNKNOWN = KeyGrant()
"""A credential of which nothing is known."""


class Policy(NamedTuple):
    """What the operator allows.

    Attributes:
        access: the highest effect that is allowed at all.
        protected: projects that no destructive tool may touch.
        only: the only projects that may be touched at all; None where there is no such limit.
    """

    access: Access = Access.FULL
    protected: frozenset[int] = frozenset()
    only: frozenset[int] | None = None


def decide(
    effect: Effect,
    operation: Operation,
    policy: Policy,
    grant: KeyGrant,
    *,
    organization: OrganizationRef | None = None,
    project: ProjectRef | None = None,
    caller: KeyGrant | None = None,
) -> Refusal | None:
    """Decide on a tool, or on one call of it where a target is given.

    Args:
        effect: what the tool does.
        operation: what it sends.
        policy: what the operator allows.
        grant: what the credential may do.
        organization: the target of a call.
        project: the target of a call.
        caller: what a caller over HTTP was given; None where there is but one, who has started the server.

    Returns:
        None where it is allowed, else the refusal that says why not.
    """
    return (
        _by_operator(effect, operation, policy, project)
        or _by_caller(effect, caller, organization)
        or _by_scope(effect, grant)
        or _by_restriction(operation, grant, organization, project)
    )


def _by_operator(effect: Effect, operation: Operation, policy: Policy, project: ProjectRef | None) -> Refusal | None:
    if not policy.access.allows(effect.access):
        return Refusal(RefusalKind.ACCESS_LEVEL, needed=effect.access.value, configured=policy.access.value)
    if policy.only is not None:
        if operation.name == "create":
            return Refusal(RefusalKind.ONLY_PROJECTS, creating=True, only=sorted(policy.only))
        if isinstance(project, Current) or (project is not None and project not in policy.only):
            return Refusal(RefusalKind.ONLY_PROJECTS, creating=False, only=sorted(policy.only))
    if effect is Effect.DESTROY and project in policy.protected:
        return Refusal(RefusalKind.PROTECTED_PROJECT, project=project)
    return None


def _by_caller(effect: Effect, caller: KeyGrant | None, organization: OrganizationRef | None) -> Refusal | None:
    if caller is None:
        return None
    if not caller.has(effect.scope):
        return Refusal(RefusalKind.CALLER_SCOPE, scope=effect.scope)
    # Not even @current: what that means depends on the owner of the credential.
    if caller.organizations is not None and organization is not None and organization not in caller.organizations:
        return Refusal(RefusalKind.CALLER_ORGANIZATION)
    return None


def _by_scope(effect: Effect, grant: KeyGrant) -> Refusal | None:
    if grant.has(effect.scope):
        return None
    return Refusal(RefusalKind.MISSING_SCOPE, scope=effect.scope)


def _by_restriction(
    operation: Operation, grant: KeyGrant, organization: OrganizationRef | None, project: ProjectRef | None
) -> Refusal | None:
    if grant.projects is not None:
        if not operation.on_project:
            return Refusal(RefusalKind.KEY_RESTRICTED, to="projects", verb="list" if operation.reads else "create")
        if isinstance(project, int) and project not in grant.projects:
            return Refusal(RefusalKind.KEY_RESTRICTED, to="projects", project=project)
    if grant.organizations is not None and isinstance(organization, UUID) and organization not in grant.organizations:
        return Refusal(RefusalKind.KEY_RESTRICTED, to="organizations", organization=str(organization))
    return None


def _restriction(value: object, read: Any) -> frozenset[Any] | None:
    """Read a restriction. PostHog says null, or an empty list, where there is none."""
    if not isinstance(value, list) or not value:
        return None
    return frozenset(item for item in map(read, value) if item is not None)


def _project_id(value: object) -> int | None:
    return value if type(value) is int else None


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
