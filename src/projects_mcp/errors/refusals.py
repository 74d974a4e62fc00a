"""The calls that this server refuses by itself, before or instead of a request to PostHog: one class each.

A refusal holds its facts as typed fields, never a secret and never a rejected value, and words itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, dataclass_transform

from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.rejected import Forbidden

__all__ = [
    "REFUSALS",
    "AccessLevelTooLow",
    "AuditLogUnavailable",
    "CallerAccessTooLow",
    "CallerLacksScope",
    "CallerOutsideOrganization",
    "ChangedMeanwhile",
    "ClientCannotAsk",
    "ConfirmationNeeded",
    "InvalidArguments",
    "KeyLacksScope",
    "KeyRestrictedToOrganizations",
    "KeyRestrictedToProjects",
    "NameMismatch",
    "NotConfigured",
    "NotConfirmed",
    "NotExpected",
    "OnlyProjects",
    "OtherOrganization",
    "ProjectBusy",
    "ProjectNotIdentified",
    "ProjectProtected",
    "Refusal",
    "RememberedDenial",
    "SecretsFolderUnusable",
    "TooManyCalls",
]

_MOST_SHOWN: Final = 5
"""Differing values that a sentence names."""


@dataclass_transform(kw_only_default=True, eq_default=False)
class Refusal(Exception):
    """The call is refused, and no request that changes anything has left.

    The fields of each class are its facts, given by name. (They are set by hand: making twenty data classes would cost
    more at the start of every process than all refusals of its life.)
    """

    kind: ClassVar[str]
    """A stable word for programs."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.kind)
        self.__dict__.update(facts)

    @property
    def wait_s(self) -> int | None:
        """Seconds after which the same call may succeed; None if waiting does not help."""
        return None

    def message(self, at: FailureContext) -> str:
        """Word the refusal: what happened, that nothing was changed, what to do."""
        raise AssertionError(f"a refusal of {at.tool} has no words of its own")


class InvalidArguments(Refusal):
    """The arguments are not what the tool takes. `problems`: one sentence each, with names and rules only."""

    kind = "invalid_argument"
    problems: Sequence[str]

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return f"{' '.join(self.problems)} {NOT_CHANGED} Correct the arguments of {at.tool} and call it again."


class NotConfigured(Refusal):
    """There is no key."""

    kind = "not_configured"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"No PostHog key is configured. {NOT_CHANGED} Set POSTHOG_PERSONAL_API_KEY to a personal API key from "
            f"{at.keys_page} and restart the server, or set PROJECTS_MCP_SANDBOX=1 to try it without one."
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
    """The key lacks a scope that this server asks for."""

    kind = "missing_scope"
    scope: str

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The PostHog key lacks the scope {self.scope}, which {at.tool} needs. {NOT_CHANGED} "
            f"Add the scope to the key at {at.keys_page}, then restart this server."
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
            "Whoever runs the server can grant it."
        )


class CallerLacksScope(Refusal):
    """The caller over HTTP was not given a scope."""

    kind = "caller_scope"
    scope: str

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"Your access to this server lacks the scope {self.scope}, which {at.tool} needs. {NOT_CHANGED} "
            "Whoever runs the server can grant it."
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


class KeyRestrictedToProjects(Refusal):
    """The key is restricted to certain projects. `project` is the one asked for; None if all were (to list, create)."""

    kind = "key_restricted"
    project: int | None = None
    verb: str = ""

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        rest = f"so it cannot {self.verb} them" if self.project is None else f"and {self.project} is not one of them"
        return f"The PostHog key is restricted to certain projects, {rest}. {NOT_CHANGED} {_restrictions(at)}"


class KeyRestrictedToOrganizations(Refusal):
    """The key is restricted to other organizations."""

    kind = "key_restricted"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return f"The PostHog key is restricted to other organizations. {NOT_CHANGED} {_restrictions(at)}"


class OnlyProjects(Refusal):
    """The operator allows the projects `only` and no others. `creating`: whether a new one was asked for."""

    kind = "only_projects"
    only: Sequence[int]
    creating: bool

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        allowed = ", ".join(map(str, self.only))
        if self.creating:
            return (
                f"This server may only touch the projects {allowed}, so it creates none. {NOT_CHANGED} "
                "Its operator sets that in PROJECTS_MCP_ONLY_PROJECTS."
            )
        return (
            f"This server may only touch the projects {allowed}. {NOT_CHANGED} "
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


class NameMismatch(Refusal):
    """`confirm_project_name` is not the name. The right one is not revealed."""

    kind = "name_mismatch"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"confirm_project_name is not the project's name, so {at.tool} was refused. {NOT_CHANGED} "
            "Ask the user for the exact name as PostHog shows it, and call again with it."
        )


class ProjectNotIdentified(Refusal):
    """PostHog answered another project than the one that was asked for, or none beyond doubt."""

    kind = "not_identified"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return (
            f"PostHog's answer could not be matched to the project that was asked for. {NOT_CHANGED} "
            "Look the project up with project_list and check its id and organization."
        )


class NotConfirmed(Refusal):
    """The person who was asked did not consent. `answer`: declined, cancelled or nothing."""

    kind = "not_confirmed"
    answer: str

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        what = {
            "declined": f"The user declined {at.tool}.",
            "cancelled": f"The user closed the question about {at.tool} without an answer.",
        }.get(self.answer, f"The question about {at.tool} got no valid answer.")
        return f"{what} {NOT_CHANGED} Do not try again unless the user asks for it."


class ClientCannotAsk(Refusal):
    """A person's consent is needed, and the client cannot show a question."""

    kind = "cannot_ask"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"{at.tool} needs a person's consent, and this client cannot show a question. {NOT_CHANGED} "
            "Use a client that supports elicitation, or let the operator change PROJECTS_MCP_CONFIRMATION."
        )


class ConfirmationNeeded(Refusal):
    """Settings would change for good, and the call does not name the project. `consequences`: a sentence each."""

    kind = "confirmation_needed"
    consequences: Sequence[str]

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return (
            f"This change cannot be undone: {' '.join(self.consequences)} {NOT_CHANGED} Ask the user, and call again "
            "with confirm_project_name, the project's exact name from the user."
        )


class ProjectBusy(Refusal):
    """Another call of this server is changing the project, for longer than this call has time."""

    kind = "project_busy"

    @property
    def wait_s(self) -> int | None:
        """Seconds after which another try makes sense."""
        return 5

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return f"Another call is changing this project and takes long. {NOT_CHANGED} Try again in a few seconds."


class ChangedMeanwhile(Refusal):
    """The project is no longer what was confirmed."""

    kind = "changed_meanwhile"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The project changed after it was confirmed, so {at.tool} was not carried out. {NOT_CHANGED} "
            "Read the project again and let the user decide on its present state."
        )


class NotExpected(Refusal):
    """Present values differ from those that the caller expects. `found`: setting to its present value."""

    kind = "expected_otherwise"
    found: Mapping[str, Any]

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        shown = {name: at.redactor.field(name, value) for name, value in list(self.found.items())[:_MOST_SHOWN]}
        listed = "; ".join(
            f"{at.quote(name, 60)} is {at.quote(json.dumps(value, ensure_ascii=False))}"
            for name, value in shown.items()
        )
        return f"The project is not as expected: {listed}. {NOT_CHANGED} Decide again with the present values."


class OtherOrganization(Refusal):
    """The current project of the key's owner is in another organization than the one that was asked for."""

    kind = "other_organization"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return (
            "The current project of the key's owner belongs to another organization than the one asked for. "
            f"{NOT_CHANGED} Give a project_id; project_list shows the projects of an organization."
        )


class AuditLogUnavailable(Refusal):
    """The audit log cannot be written, so nothing may be changed."""

    kind = "audit_unavailable"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The audit log cannot be written, so {at.tool} was refused. {NOT_CHANGED} "
            "The operator must make the file of PROJECTS_MCP_AUDIT_LOG writable; reading still works."
        )


class SecretsFolderUnusable(Refusal):
    """The folder for new secrets cannot be used. `reason`: why, in a few words of ours."""

    kind = "secrets_folder"
    reason: str

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The folder of PROJECTS_MCP_SECRETS_DIR cannot be used: {self.reason}. {NOT_CHANGED} "
            f"The operator must mend it before {at.tool} can run."
        )


class RememberedDenial(Refusal):
    """PostHog refused the same before, with `error`, and is not asked again."""

    kind = "learned"
    error: Forbidden

    def message(self, at: FailureContext) -> str:
        """Word the refusal: PostHog's own words, and that it was not asked."""
        words = self.error.words(at)
        return (
            f"{words.what} {NOT_CHANGED} {words.next_step} "
            "PostHog said so before; this server asks it again after 15 minutes, or when it is restarted."
        )


REFUSALS: Final[tuple[type[Refusal], ...]] = tuple(Refusal.__subclasses__())
"""Every refusal, in the order in which they stand here. Documents and tests go through them."""


def _restrictions(at: FailureContext) -> str:
    return f"Its restrictions are shown at {at.keys_page}."
