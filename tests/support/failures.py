"""Every failure that a caller can meet, each once, with a name and the context that it is explained in."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from projects_mcp.api.effects import Effect
from projects_mcp.api.outcome import Outcome, ReadbackResult
from projects_mcp.errors import refusals
from projects_mcp.errors.approval_offer import ApprovalOffer
from projects_mcp.errors.connection import InvalidResponse, PostHogError, RequestNotSent, ResponseLost
from projects_mcp.errors.context import FailureContext
from projects_mcp.errors.refusals import Refusal
from projects_mcp.errors.rejected import Forbidden, status_error
from projects_mcp.errors.uncertain import WriteUnresolved
from projects_mcp.sanitize.redaction import Redactor

READ = FailureContext("project_get", Effect.READ, "https://us.posthog.com", Redactor())
WRITE = FailureContext("project_update", Effect.CHANGE, "https://us.posthog.com", Redactor())
CREATE = FailureContext("project_create", Effect.ADD, "https://us.posthog.com", Redactor())
DESTROY = FailureContext("project_delete", Effect.DESTROY, "https://eu.posthog.com", Redactor())


def denied(detail: str) -> Forbidden:
    error = status_error(403, {"detail": detail}, None)
    assert isinstance(error, Forbidden)
    return error


def ruled(detail: str) -> PostHogError:
    """What PostHog answers for a rule that is about no argument."""
    body = {"type": "validation_error", "code": "invalid_input", "detail": detail, "attr": None}
    return status_error(400, body, None)


OFFER = ApprovalOffer(
    "7F3K-9QWX",
    "2026-11-27T12:15:00Z",
    "projects-mcp approve 7F3K-9QWX",
    "http://localhost:40123/approve/7F3K-9QWX",
)
REFUSALS: tuple[Refusal, ...] = (
    refusals.InvalidArguments(problems=["`limit` must be at most 500."]),
    refusals.NotConfigured(),
    refusals.WrongKindOfKey(what="a project's public token, which takes events in"),
    refusals.AccessLevelTooLow(needed="full", configured="read"),
    refusals.KeyLacksScope(scope="project:write"),
    refusals.KeyLacksScope(scope="activity_log:read", or_session=True),
    refusals.OrganizationReadOnly(),
    refusals.SessionNeeded(),
    refusals.CallerAccessTooLow(access="read"),
    refusals.CallerLacksScope(scope="project:write"),
    refusals.CallerOutsideOrganization(),
    refusals.CallerWithdrawn(),
    refusals.TooManyCalls(limit="60 a minute are allowed", retry_after_s=7),
    refusals.RequestsUsedUp(retry_after_s=41),
    refusals.KeyRestrictedToProjects(project=7, projects=[1, 2]),
    refusals.OnlyProjects(creating=False, only=[1, 2]),
    refusals.OrganizationNeeded(organizations=[UUID(int=n) for n in range(1, 3)]),
    refusals.ProjectProtected(project=7),
    refusals.NameMismatch(),
    refusals.NameMismatch(invisible=True),
    refusals.ProjectNotIdentified(),
    refusals.NotConfirmed(),
    refusals.ClientRefused(),
    refusals.QuestionUnanswered(),
    refusals.NotTicked(),
    refusals.ClientFailed(),
    refusals.ClientCannotAsk(),
    refusals.ClientCannotAsk(approval=OFFER),
    refusals.PasskeyNeeded(approval=OFFER._replace(passkey=True)),
    refusals.PasskeyUnusable(reason="the library webauthn is not installed: pip install 'projects-mcp[passkey]'"),
    refusals.ApprovalNotSigned(),
    refusals.ApprovalDenied(channel="terminal", until="2026-11-27T12:15:00Z"),
    refusals.ConfirmationNeeded(consequences=["Logs that are older than 14 days are deleted."]),
    refusals.PlanNeeded(),
    refusals.NoSuchPlan(),
    refusals.PlanNotConfirmed(),
    refusals.PlanBusy(left_s=60),
    refusals.TooManyPlans(reason="As many plans have been begun as are kept; each is kept for a day."),
    refusals.ProjectBusy(),
    refusals.ChangedMeanwhile(),
    refusals.NotBeingDeleted(),
    refusals.NotExpected(found={"timezone": "Asia/Tokyo"}),
    refusals.OtherOrganization(),
    refusals.AuditLogUnavailable(),
    refusals.StateUnavailable(reason="it did not answer in time"),
    refusals.SecretsFolderUnusable(reason="others can read it; make it private with chmod 700"),
    refusals.RememberedDenial(error=denied("API key missing required scope 'project:write'"), left_s=42),
    refusals.AlreadyInOrganization(),
    refusals.AlreadyBeingDeleted(),
    refusals.FirstSecretRefused(),
    refusals.NoSuchPage(page=7, pages=3),
    refusals.NoOtherProject(project=7),
    refusals.OwnCsrfTokenRefused(),
    refusals.SessionUnchecked(error=status_error(503, None, None)),
)
AGAIN: tuple[Refusal, ...] = (
    refusals.OnlyProjects(creating=True, only=[1]),
    refusals.KeyRestrictedToOrganizations(organizations=[UUID(int=n) for n in range(1, 3)]),
    refusals.KeyRestrictedToOrganizations(organizations=[UUID(int=n) for n in range(1, 8)]),
    refusals.AlreadyBeingDeleted(when="2026-11-29T12:00:00Z"),
    refusals.KeyRestrictedToProjects(projects=range(1, 9)),
    refusals.KeyRestrictedToProjects(project=7, projects=[]),
    refusals.OwnCsrfTokenRefused(about_address=True),
    refusals.SessionUnchecked(error=status_error(429, None, 42.0)),
)
FORBIDDEN = (
    "This action does not support personal API key access",
    "API key missing required scope 'project:write'",
    "API key missing required scope 'team:read'",
    "CSRF Failed: CSRF token missing or incorrect.",
    "API keys with scoped projects are only supported on project-based endpoints.",
    "API key does not have access to the requested project: ID 123.",
    "Organization 'Acme' does not allow using personal API keys. Contact an admin.",
    "You have reached the maximum limit of allowed projects for your current plan.",
    "You have reached the maximum limit of allowed environments for your current plan.",
    "You must upgrade your PostHog plan to be able to create and manage more projects.",
    "Your organization restricts MCP access to read-only.",
    "You need to be an organization admin or above to create new projects.",
    "Your organization access level is insufficient.",
    "Only project admins can modify these settings: timezone",
    "You don't have sufficient permissions in the project.",
    "Something new.",
)
RULES = (
    "This project is already being deleted.",
    "Project is already in the target organization.",
    "Cannot delete the last project in an organization with an active subscription. Please cancel your subscription "
    "first in the billing page.",
    "Project deletion is temporarily disabled during database migration. Please try again later.",
    "The feature flags secure API key is deprecated. Create a project secret API key with the feature_flag:read scope.",
    "You must be a member of the target organization to move a project.",
    "You need admin access to project to modify this field.",
    "Retention can be changed once in 24 hours.",
)
UNUSABLE = (
    *("redirect", "html", "content_type", "empty", "truncated", "too_large"),
    *("too_deep", "duplicate_keys", "not_unicode", "encoding", "shape", "not_json"),
)


def failures() -> Iterator[tuple[str, FailureContext, Refusal | PostHogError | WriteUnresolved]]:
    for refusal in REFUSALS:
        yield f"refused {refusal.kind}", DESTROY, refusal
    for refusal in AGAIN:
        yield f"refused {refusal.kind} again", WRITE, refusal
    yield "refused not_confirmed closed", DESTROY, refusals.NotConfirmed(closed=True)
    for reason in ("no_credential", "tls", "proxy", "unreachable"):
        yield f"not sent {reason}", READ, RequestNotSent(reason)
    for reason in ("timeout", "connection"):
        yield f"lost {reason}", READ, ResponseLost(reason)
    for reason in UNUSABLE:
        yield f"unusable {reason}", READ, InvalidResponse(reason)
    for status in (400, 401, 404, 409, 418, 500, 502):
        yield f"status {status}", WRITE, status_error(status, {"detail": "What PostHog says.", "attr": "name"}, None)
    yield "status 400 bare", WRITE, status_error(400, None, None)
    expired = status_error(401, None, None)
    expired.by_session = True
    yield "status 401 session", DESTROY, expired
    for seconds in (None, 1.0, 42.0):
        yield f"status 429 {seconds}", READ, status_error(429, None, seconds)
    for detail in FORBIDDEN:
        yield "status 403", DESTROY, denied(detail)
    yield from _of_roles_and_restrictions()
    yield from _of_lost_writes()


def _of_roles_and_restrictions() -> Iterator[tuple[str, FailureContext, PostHogError]]:
    only = denied("API key does not have access to the requested organization: ID x.")
    yield "status 403 elsewhere", READ._replace(key_organizations=[str(UUID(int=1))]), only
    several = [str(UUID(int=n)) for n in (1, 2)]
    yield "status 404 several", READ._replace(key_organizations=several), status_error(404, None, None)
    yield "status 404 create", CREATE._replace(key_organizations=several), status_error(404, None, None)
    for detail in RULES:
        yield "status 400 rule", DESTROY, ruled(detail)
    both = {"detail": "You must be an admin of both the source and target organizations to move a project."}
    yield "status 400 role", DESTROY, status_error(400, both, None)


def _of_lost_writes() -> Iterator[tuple[str, FailureContext, WriteUnresolved]]:
    timeout = ResponseLost("timeout")
    for at in (CREATE, WRITE, DESTROY):
        for outcome in (Outcome.NOT_APPLIED, Outcome.UNKNOWN):
            readback = ReadbackResult(outcome, "This was seen.", looked_at=datetime(2026, 11, 27, 23, 59, tzinfo=UTC))
            yield f"write lost {outcome}", at, WriteUnresolved(timeout, readback)
