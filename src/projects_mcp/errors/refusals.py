"""Every refusal: one class each."""

from __future__ import annotations

from typing import Final

from projects_mcp.errors.refusal import Refusal
from projects_mcp.errors.refused_consent import ChangedMeanwhile, ConfirmationNeeded, NameMismatch
from projects_mcp.errors.refused_organization import OrganizationNeeded, OrganizationReadOnly
from projects_mcp.errors.refused_plan import NoSuchPlan, PlanBusy, PlanNeeded, PlanNotConfirmed, TooManyPlans
from projects_mcp.errors.refused_question import (
    ApprovalDenied,
    ApprovalNotSigned,
    ClientCannotAsk,
    ClientFailed,
    ClientRefused,
    NotConfirmed,
    NotTicked,
    PasskeyNeeded,
    PasskeyUnusable,
    QuestionUnanswered,
)
from projects_mcp.errors.refused_rights import (
    AccessLevelTooLow,
    CallerAccessTooLow,
    CallerLacksScope,
    CallerOutsideOrganization,
    CallerWithdrawn,
    KeyLacksScope,
    KeyRestrictedToOrganizations,
    KeyRestrictedToProjects,
    NotConfigured,
    OnlyProjects,
    ProjectProtected,
    RememberedDenial,
    RequestsUsedUp,
    TooManyCalls,
    WrongKindOfKey,
)
from projects_mcp.errors.refused_session import OwnCsrfTokenRefused, SessionNeeded, SessionUnchecked
from projects_mcp.errors.refused_state import (
    AlreadyBeingDeleted,
    AlreadyInOrganization,
    AuditLogUnavailable,
    FirstSecretRefused,
    InvalidArguments,
    NoOtherProject,
    NoSuchPage,
    NotBeingDeleted,
    NotExpected,
    OtherOrganization,
    ProjectBusy,
    ProjectNotIdentified,
    SecretsFolderUnusable,
    StateUnavailable,
)

__all__ = [
    "REFUSALS",
    "AccessLevelTooLow",
    "AlreadyBeingDeleted",
    "AlreadyInOrganization",
    "ApprovalDenied",
    "ApprovalNotSigned",
    "AuditLogUnavailable",
    "CallerAccessTooLow",
    "CallerLacksScope",
    "CallerOutsideOrganization",
    "CallerWithdrawn",
    "ChangedMeanwhile",
    "ClientCannotAsk",
    "ClientFailed",
    "ClientRefused",
    "ConfirmationNeeded",
    "FirstSecretRefused",
    "InvalidArguments",
    "KeyLacksScope",
    "KeyRestrictedToOrganizations",
    "KeyRestrictedToProjects",
    "NameMismatch",
    "NoOtherProject",
    "NoSuchPage",
    "NoSuchPlan",
    "NotBeingDeleted",
    "NotConfigured",
    "NotConfirmed",
    "NotExpected",
    "NotTicked",
    "OnlyProjects",
    "OrganizationNeeded",
    "OrganizationReadOnly",
    "OtherOrganization",
    "OwnCsrfTokenRefused",
    "PasskeyNeeded",
    "PasskeyUnusable",
    "PlanBusy",
    "PlanNeeded",
    "PlanNotConfirmed",
    "ProjectBusy",
    "ProjectNotIdentified",
    "ProjectProtected",
    "QuestionUnanswered",
    "Refusal",
    "RememberedDenial",
    "RequestsUsedUp",
    "SecretsFolderUnusable",
    "SessionNeeded",
    "SessionUnchecked",
    "StateUnavailable",
    "TooManyCalls",
    "TooManyPlans",
    "WrongKindOfKey",
]

REFUSALS: Final[tuple[type[Refusal], ...]] = tuple(Refusal.__subclasses__())
"""Every refusal. Documents and tests go through them."""
