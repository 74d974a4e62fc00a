"""The refusals that hang on the arguments, on the state of a project, or on what the server needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from projects_mcp.errors.context import NOT_CHANGED, FailureContext
from projects_mcp.errors.refusal import Refusal
from projects_mcp.sanitize.text import MAX_LISTED

__all__ = [
    "AlreadyBeingDeleted",
    "AlreadyInOrganization",
    "AuditLogUnavailable",
    "FirstSecretRefused",
    "InvalidArguments",
    "NoOtherProject",
    "NoSuchPage",
    "NotBeingDeleted",
    "NotExpected",
    "OtherOrganization",
    "ProjectBusy",
    "ProjectNotIdentified",
    "SecretsFolderUnusable",
    "StateUnavailable",
]


class InvalidArguments(Refusal):
    """The arguments are not what the tool takes. `problems`: one sentence each, with names and rules only."""

    kind = "invalid_argument"
    problems: Sequence[str]

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return f"{' '.join(self.problems)} {NOT_CHANGED} Correct the arguments of {at.tool} and call it again."


class NotBeingDeleted(Refusal):
    """The deletion of the project would be cancelled, and there is none."""

    kind = "not_being_deleted"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return f"The project is not marked for deletion, so there is nothing to do. {NOT_CHANGED}"


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


class NotExpected(Refusal):
    """Present values differ from those that the caller expects. `found`: setting to its present value."""

    kind = "expected_otherwise"
    found: Mapping[str, Any]

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        shown = {name: at.redactor.field(name, value) for name, value in list(self.found.items())[:MAX_LISTED]}
        listed = "; ".join(
            f"{at.quote(name, 60)} is {at.quote(json.dumps(value, ensure_ascii=False))}"
            for name, value in shown.items()
        )
        return f"The project is not as expected: {listed}. {NOT_CHANGED} Decide again with the present values."


class OtherOrganization(Refusal):
    """The project is in another organization than the one that was asked for, as `@current` can be."""

    kind = "other_organization"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return (
            f"PostHog answered a project of another organization than the one asked for. {NOT_CHANGED} "
            "project_list shows the projects of an organization: give a project_id of those."
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


class StateUnavailable(Refusal):
    """The state store cannot be used, so nothing may be changed. `reason`: why, in a few words of ours."""

    kind = "state_unavailable"
    reason: str

    @property
    def wait_s(self) -> int | None:
        """Seconds after which another try makes sense."""
        return 10

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            f"The state store cannot be used ({self.reason}), so {at.tool} was refused. {NOT_CHANGED} "
            "Reading still works; the operator must mend PROJECTS_MCP_STATE, and doctor says what is wrong."
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


class AlreadyInOrganization(Refusal):
    """The project is in the organization that it should move to. PostHog answers such a move with a 400."""

    kind = "already_there"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return f"The project is in that organization already. {NOT_CHANGED} There is nothing to do."


class AlreadyBeingDeleted(Refusal):
    """The project is pending deletion. PostHog answers another deletion with a 400. `when`: as it says, if it does."""

    kind = "already_being_deleted"
    when: str | None = None

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        after = f": PostHog deletes its data after {at.quote(self.when, 40)}" if self.when else ""
        return f"The project is pending deletion already{after}. {NOT_CHANGED} There is nothing to do."


class FirstSecretRefused(Refusal):
    """The project has no secret yet, and this PostHog makes no first one any more."""

    kind = "first_secret"

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        return (
            "The project has no secret token, and PostHog makes a first one only for projects with conversations: it "
            f"has deprecated these tokens. {NOT_CHANGED} A person can create a project secret API key with the scope "
            f"feature_flag:read at {at.origin}/settings/project instead."
        )


class NoSuchPage(Refusal):
    """A page past the end was asked for. `page` counts from 1; `pages` is how many there are."""

    kind = "no_such_page"
    page: int
    pages: int

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        there_are = "there is 1 page" if self.pages == 1 else f"there are {self.pages} pages"
        return f"There is no such page: with this limit {there_are}, not {self.page}. {NOT_CHANGED} Ask for page 1."


class NoOtherProject(Refusal):
    """The project to compare with was not found where it was looked for. `project` is its id."""

    kind = "no_other_project"
    project: int

    def message(self, at: FailureContext) -> str:
        """Word the refusal."""
        del at
        return (
            f"Project {self.project}, to compare with, is neither in the organization of this one nor in the current "
            f"one, or this key cannot see it. {NOT_CHANGED} If it is in another organization, ask the other way round: "
            "its organization_id and project_id, and this project as compare_to."
        )
