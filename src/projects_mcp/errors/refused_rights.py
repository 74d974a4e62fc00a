"""The refusals for want of a right: of the operator, of the caller, of the key."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.refusal import Refusal
from projects_mcp.errors.rejected import Forbidden
from projects_mcp.sanitize.text import listed

__all__ = [
    "AccessLevelTooLow",
    "CallerAccessTooLow",
    "CallerLacksScope",
    "CallerOutsideOrganization",
    "CallerWithdrawn",
    "KeyLacksScope",
    "KeyRestrictedToOrganizations",
    "KeyRestrictedToProjects",
    "NotConfigured",
    "OnlyProjects",
    "ProjectProtected",
    "RememberedDenial",
    "RequestsUsedUp",
    "TooManyCalls",
    "WrongKindOfKey",
]


class NotConfigured(Refusal):
    """There is no key."""

    kind = "not_configured"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"No PostHog key is configured. {NOT_CHANGED} Set POSTHOG_PERSONAL_API_KEY to a personal API key from "
            f"{at.keys_page} and restart the server, or set PROJECTS_MCP_SANDBOX=1 to try it without one."
        )


class WrongKindOfKey(Refusal):
    """The configured key is another token of PostHog's. `what` it is, in words of ours."""

    kind = "wrong_kind_of_key"
    what: str

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"POSTHOG_PERSONAL_API_KEY holds {self.what}, and not a personal API key, so it was sent nowhere. "
            f"{NOT_CHANGED} The operator must set it to a key that begins with phx_, made at {at.keys_page}, and "
            "restart the server."
        )


class AccessLevelTooLow(Refusal):
    """The operator allows less than the tool needs. Both are access levels: `read`, `write`, `full`."""

    kind = "access_level"
    needed: str
    configured: str

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        mode = "read-only mode" if self.configured == "read" else f"access level {self.configured}"
        return (
            f"This server runs in {mode}, which does not allow {at.tool}. {NOT_CHANGED} "
            f"Its operator can allow it with PROJECTS_MCP_ACCESS={self.needed}."
        )


class KeyLacksScope(Refusal):
    """The key lacks a scope that this server asks for. `or_session`: whether a browser session would do as well."""

    kind = "missing_scope"
    scope: str
    or_session: bool = False

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        session = " Or the operator opts in to a browser session with POSTHOG_SESSION_ID." if self.or_session else ""
        return (
            f"The PostHog key lacks the scope {self.scope}, which {at.tool} needs. {NOT_CHANGED} "
            f"Add the scope to the key at {at.keys_page}, then restart this server.{session}"
        )


class CallerAccessTooLow(Refusal):
    """The caller over HTTP was given a lower access level than the tool needs: `read` or `write`."""

    kind = "caller_access"
    access: str

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        mode = "read-only" if self.access == "read" else f"limited to access level {self.access}"
        return (
            f"Your access to this server is {mode}, which does not allow {at.tool}. {NOT_CHANGED} "
            "The person who runs the server can grant it."
        )


class CallerLacksScope(Refusal):
    """The caller over HTTP was not given a scope."""

    kind = "caller_scope"
    scope: str

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"Your access to this server lacks the scope {self.scope}, which {at.tool} needs. {NOT_CHANGED} "
            "The person who runs the server can grant it."
        )


class CallerOutsideOrganization(Refusal):
    """The caller over HTTP is limited to other organizations."""

    kind = "caller_organization"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return (
            f"Your access to this server is limited to another organization. {NOT_CHANGED} Leave organization_id out."
        )


class CallerWithdrawn(Refusal):
    """The caller's token was taken out or expired, or its rights were changed, after its call had begun."""

    kind = "caller_withdrawn"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return (
            f"Your access to this server ended or was changed while the call was under way. {NOT_CHANGED} Call again: "
            "if your token still holds, the call has your present rights."
        )


class TooManyCalls(Refusal):
    """The caller has used up its rate limit. `limit` says which, in words; `retry_after_s` in seconds."""

    kind = "too_many_calls"
    limit: str
    retry_after_s: int

    @property
    def wait_s(self) -> int | None:
        """Seconds after which there will be room."""
        return self.retry_after_s

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return f"Too many calls: {self.limit}. {NOT_CHANGED} Try again in {self.retry_after_s} seconds."


class RequestsUsedUp(Refusal):
    """Work on many projects has used up its share of what PostHog allows the key. `retry_after_s` in seconds."""

    kind = "requests_used_up"
    retry_after_s: int

    @property
    def wait_s(self) -> int | None:
        """Seconds after which there will be room."""
        return self.retry_after_s

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return (
            "Reading many projects has used up three quarters of the requests that PostHog allows this key. "
            f"{NOT_CHANGED} Make the same call again in {self.retry_after_s} seconds."
        )


class KeyRestrictedToProjects(Refusal):
    """The key is restricted to certain projects. `project` is the one asked for; None if a new one was.

    `projects` are those that it works on; empty if the caller may not know them.
    """

    kind = "key_restricted"
    projects: Sequence[int]
    project: int | None = None

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        rest = "so it cannot create one" if self.project is None else f"and {self.project} is not one of them"
        allowed = listed(self.projects)
        these = f"It works on {allowed}, which project_list shows." if allowed else "project_list shows which."
        mend = f" A person can make another key at {at.keys_page}."
        return f"The PostHog key is restricted to certain projects, {rest}. {NOT_CHANGED} {these}{mend}"


class KeyRestrictedToOrganizations(Refusal):
    """The key is restricted to other organizations: `organizations`."""

    kind = "key_restricted"
    organizations: Sequence[UUID]

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The PostHog key is restricted to the organization{'s' if len(self.organizations) > 1 else ''} "
            f"{listed(self.organizations)}. {NOT_CHANGED} Give one of them as organization_id. "
            f"Its restrictions are shown at {at.keys_page}."
        )


class OnlyProjects(Refusal):
    """The operator allows the projects `only` and no others. `creating`: whether a new one was asked for.

    `only` is empty for a caller that is limited to some organizations: the projects may be in others.
    """

    kind = "only_projects"
    only: Sequence[int]
    creating: bool

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        allowed = f"the projects {listed(self.only)}" if self.only else "some projects"
        if self.creating:
            return (
                f"This server may only touch {allowed}, so it creates none. {NOT_CHANGED} "
                "Its operator sets that in PROJECTS_MCP_ONLY_PROJECTS."
            )
        return (
            f"This server may only touch {allowed}. {NOT_CHANGED} "
            "Give one of these as project_id, or ask the operator to extend PROJECTS_MCP_ONLY_PROJECTS."
        )


class ProjectProtected(Refusal):
    """The operator protects the project from destructive tools."""

    kind = "protected_project"
    project: int

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"Project {self.project} is protected, so {at.tool} is refused. {NOT_CHANGED} "
            "Only the operator can change that, in PROJECTS_MCP_PROTECTED_PROJECTS."
        )


class RememberedDenial(Refusal):
    """PostHog refused the same a moment ago, with `error`, and is not asked again for `left_s` more seconds."""

    kind = "forbidden"  # programs are told that of `error`
    error: Forbidden
    left_s: int

    def message(self, at: FailureContext) -> str:
        """Word the refusal: PostHog's own words, and that it was not asked."""
        words = self.error.words(at)
        return (
            f"{words.what} {NOT_CHANGED} {words.next_step} "
            "PostHog said so a moment ago, so it was not asked again. Once that is mended, call again after "
            f"{self.left_s} second{'' if self.left_s == 1 else 's'}."
        )
