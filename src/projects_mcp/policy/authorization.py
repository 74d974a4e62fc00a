"""The one decision on whether a tool may be offered, and whether a call may leave.

What is allowed is the intersection of what the operator allows, what the caller of a served server was given, and what
the credential is known to allow. It is bound once for each call, and asked for at two places: before the arguments are
read (`require`), and as soon as the target is known (`require_target`). The list of tools asks the same object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from projects_mcp.api.effects import Effect
from projects_mcp.api.operations import BY_KEY, Operation
from projects_mcp.api.types import Current, OrganizationRef, ProjectRef, organization_uuid, parse_uuid
from projects_mcp.errors.refusals import (
    AccessLevelTooLow,
    CallerAccessTooLow,
    CallerLacksScope,
    CallerOutsideOrganization,
    KeyLacksScope,
    KeyRestrictedToOrganizations,
    KeyRestrictedToProjects,
    OnlyProjects,
    OrganizationReadOnly,
    ProjectNotIdentified,
    ProjectProtected,
    Refusal,
    SessionNeeded,
)
from projects_mcp.policy.access import ALLOWED_EFFECTS, NEEDED_ACCESS, Access
from projects_mcp.policy.denials import RememberedDenials
from projects_mcp.policy.organizations import KnownOrganization

__all__ = ["UNKNOWN", "Authorization", "CallerGrant", "KeyGrant", "Policy"]


class KeyGrant(NamedTuple):
    """What a credential may do, as far as it is known.

    Attributes:
        scopes: API scopes; None if PostHog would not say (OAuth tokens, older servers, no network), in which case
            PostHog decides at each call.
        projects: the only projects that the key works on; None if it is not restricted.
        organizations: the only organizations that the key works on; None if it is not restricted.
        known: organizations of the key's owner, if the key may read them.
        read_only: those of them that allow assistants to read only.
    """

    scopes: frozenset[str] | None = None
    projects: frozenset[int] | None = None
    organizations: frozenset[UUID] | None = None
    known: tuple[KnownOrganization, ...] = ()
    read_only: frozenset[UUID] = frozenset()

    def with_organizations(self, known: tuple[KnownOrganization, ...]) -> KeyGrant:
        """Return the same grant with what is known of the organizations."""
        return self._replace(known=known, read_only=frozenset(one.id for one in known if one.read_only))

    def has(self, scope: str) -> bool:
        """Whether the credential has a scope. `*` is every scope, and write implies read of the same object."""
        return self.scopes is None or "*" in self.scopes or _includes(self.scopes, scope)

    @classmethod
    def from_introspection(cls, answer: Mapping[str, Any]) -> KeyGrant:
        """Read PostHog's description of a key. What cannot be read is treated as unknown."""
        scopes = answer.get("scopes")
        return cls(
            scopes=frozenset(s for s in scopes if isinstance(s, str)) if isinstance(scopes, list) else None,
            projects=_restriction(answer.get("scoped_teams"), _project_id),
            organizations=_restriction(answer.get("scoped_organizations"), parse_uuid),
        )


UNKNOWN = KeyGrant()
"""A credential of which nothing is known."""


class CallerGrant(NamedTuple):
    """What a caller of a served server was given.

    Attributes:
        name: for the audit log.
        scopes: `project:read`, `project:write`.
        organizations: the only organizations that it may touch; None for any that the credential reaches.
        access: the highest effect that it is allowed.
        protected: projects that it must not destroy, besides those of the operator.
        approvers: whose passkeys may approve its calls; None if nobody is named. Nobody else can then, itself included.
    """

    name: str
    scopes: frozenset[str]
    organizations: frozenset[UUID] | None = None
    access: Access = Access.FULL
    protected: frozenset[int] = frozenset()
    approvers: tuple[str, ...] | None = None

    def has(self, scope: str) -> bool:
        """Whether the caller was given a scope. Write implies read."""
        return _includes(self.scopes, scope)


class Policy(NamedTuple):
    """What the operator allows.

    Attributes:
        access: the highest effect that is allowed at all.
        protected: projects that no destructive tool may touch.
        only: the only projects that may be touched at all; None if there is no such limit.
    """

    access: Access = Access.FULL
    protected: frozenset[int] = frozenset()
    only: frozenset[int] | None = None


class Authorization(NamedTuple):
    """The rights of one call: everything that decides whether it may happen, bound once.

    Attributes:
        operation: what the call sends.
        policy: what the operator allows.
        key: what the credential may do.
        denials: what PostHog has refused before.
        caller: what the caller over HTTP was given; None for whoever has started the server.
        has_session: whether there is a browser session.
    """

    operation: Operation
    policy: Policy
    key: KeyGrant
    denials: RememberedDenials
    caller: CallerGrant | None = None
    has_session: bool = True

    def refusal(self, organization: OrganizationRef | None = None, project: ProjectRef | None = None) -> Refusal | None:
        """Return why the tool, or a call of it on a target, is not allowed; None if it is.

        Args:
            organization: the target of a call; None for the tool itself.
            project: the target of a call.
        """
        return (
            self._by_operator(project, self.operation.effect)
            or self._by_caller(organization, self.operation.effect)
            or self._by_key(organization, project)
            or self._by_posthog(organization)
            or (self.denials.find(self.operation, organization, project) if self.denials else None)
        )

    @property
    def key_organizations(self) -> frozenset[UUID]:
        """The only organizations that the key works in; empty if there is no such limit, or the caller has its own."""
        own_limit = self.caller is not None and self.caller.organizations is not None
        return frozenset() if own_limit else self.key.organizations or frozenset()

    @property
    def key_projects(self) -> Sequence[int]:
        """The only projects that the key works on, in order; empty if there is no such limit.

        A caller that has an organization of its own is not told of projects that may be in others.
        """
        own_limit = self.caller is not None and self.caller.organizations is not None
        return [] if own_limit else sorted(self.key.projects or ())

    @property
    def organizations(self) -> tuple[KnownOrganization, ...]:
        """What is known of the organizations that the call may know."""
        if self.caller is None or self.caller.organizations is None:
            return self.key.known
        return tuple(one for one in self.key.known if one.id in self.caller.organizations)

    def organization_named(self, text: str) -> UUID | None:
        """Read an organization that is named by its UUID, or by the slug of one that the call may know."""
        named = organization_uuid(text)
        return named or next((one.id for one in self.organizations if one.slug and one.slug == text), None)

    def require(self) -> None:
        """Make sure that the tool may be used at all.

        Raises:
            Refusal: it may not; the text says why.
        """
        if (refusal := self.refusal()) is not None:
            raise refusal

    def require_target(self, organization: OrganizationRef, project: ProjectRef | None) -> None:
        """Make sure that the tool may be used on a target.

        Raises:
            Refusal: it may not; the text says why.
        """
        if (refusal := self.refusal(organization, project)) is not None:
            raise refusal

    def require_place(self, place: UUID | None, project: ProjectRef | None, *, stated: bool) -> None:
        """Hold a call to the organization in which PostHog says that its project is.

        Args:
            place: that organization; None if it cannot be read.
            project: the project.
            stated: whether PostHog says one at all. An older one may not.

        Raises:
            ProjectNotIdentified: the organization cannot be read, or is missing and the key is restricted to some.
            Refusal: the call may not touch it.
        """
        if place is not None:
            self.require_target(place, project)
        elif stated or self.key.organizations is not None:
            raise ProjectNotIdentified

    def require_irreversible(self, project: ProjectRef | None) -> None:
        """Make sure that a change that cannot be undone may be made: the operator allows it as a destructive tool.

        Raises:
            Refusal: the access level is too low, or the project is protected.
        """
        refusal = self._by_operator(project, Effect.DESTROY) or self._by_caller(None, Effect.DESTROY)
        if refusal is not None:
            raise refusal

    def _by_operator(self, project: ProjectRef | None, effect: Effect) -> Refusal | None:
        policy = self.policy
        if effect not in ALLOWED_EFFECTS[policy.access]:
            return AccessLevelTooLow(needed=NEEDED_ACCESS[effect].value, configured=policy.access.value)
        if policy.only is not None:
            shown = [] if self.caller is not None and self.caller.organizations is not None else sorted(policy.only)
            if effect is Effect.ADD and not self.operation.on_project:
                return OnlyProjects(only=shown, creating=True)
            if isinstance(project, Current) or (project is not None and project not in policy.only):
                return OnlyProjects(only=shown, creating=False)
        if effect is Effect.DESTROY and isinstance(project, int) and project in policy.protected:
            return ProjectProtected(project=project)
        return None

    def _by_caller(self, organization: OrganizationRef | None, effect: Effect) -> Refusal | None:
        caller, scope = self.caller, effect.scope
        if caller is None:
            return None
        if effect not in ALLOWED_EFFECTS[caller.access]:
            return CallerAccessTooLow(access=caller.access.value)
        if not caller.has(scope):
            return CallerLacksScope(scope=scope)
        # Not even @current: what that means depends on the owner of the credential.
        limited = caller.organizations is not None and self.operation.in_organization
        if limited and organization is not None and organization not in (caller.organizations or ()):
            return CallerOutsideOrganization()
        return None

    def _by_key(self, organization: OrganizationRef | None, project: ProjectRef | None) -> Refusal | None:
        key, operation = self.key, self.operation
        if missing := [scope for scope in (operation.effect.scope, *operation.more_scopes) if not key.has(scope)]:
            return KeyLacksScope(scope=missing[0], or_session=operation.tool in BY_KEY)
        if key.projects is not None:
            if not self.operation.on_project and not self.operation.effect.reads:  # a list is read one by one
                return KeyRestrictedToProjects(projects=self.key_projects)
            if isinstance(project, int) and project not in key.projects:
                return KeyRestrictedToProjects(projects=self.key_projects, project=project)
        if key.organizations is not None and isinstance(organization, UUID) and organization not in key.organizations:
            return KeyRestrictedToOrganizations(organizations=sorted(key.organizations))
        return None

    def _by_posthog(self, organization: OrganizationRef | None) -> Refusal | None:
        if self.operation.needs_session and not self.has_session:
            return SessionNeeded()
        key = self.key
        if not key.read_only or self.operation.effect.reads:
            return None
        concrete = isinstance(organization, UUID)
        closed = organization in key.read_only if concrete else len(key.read_only) == len(key.known)
        return OrganizationReadOnly() if closed else None


def _includes(scopes: frozenset[str], scope: str) -> bool:
    thing, _, action = scope.partition(":")
    return scope in scopes or (action == "read" and f"{thing}:write" in scopes)


def _restriction(value: object, read: Any) -> frozenset[Any] | None:
    """Read a restriction. PostHog says null, or an empty list, if there is none."""
    if not isinstance(value, list) or not value:
        return None
    return frozenset(item for item in map(read, value) if item is not None)


def _project_id(value: object) -> int | None:
    return value if type(value) is int else None
