"""The rules of PostHog's that it states with a 400: no change of the arguments gets past them.

A rule about the state of a project, of the organization or of PostHog itself names no field. The known ones are told
apart by the beginning of PostHog's `detail`, as the causes of a 403 are.
"""

from __future__ import annotations

from typing import Final

from projects_mcp.errors.forbidden import ForbiddenCause, known_cause

__all__ = ["ANY_RULE", "RULES", "known_rule"]

RULES: Final = (
    ForbiddenCause(
        "already_being_deleted",
        ("this project is already being deleted",),
        "PostHog is deleting the project already.{says}",
        "There is nothing to do.",
    ),
    ForbiddenCause(
        "already_there",
        ("project is already in the target organization",),
        "The project is in that organization already.{says}",
        "There is nothing to do.",
    ),
    ForbiddenCause(
        "last_project",
        ("cannot delete the last project in an organization with an active subscription",),
        "PostHog keeps the last project of an organization that has a subscription.{says}",
        "A person must cancel the subscription on PostHog's billing page first.",
    ),
    ForbiddenCause(
        "deletion_disabled",
        ("project deletion is temporarily disabled",),
        "This PostHog deletes no projects at the moment.{says}",
        "The people who run this PostHog can end that. Try again another day.",
    ),
    ForbiddenCause(
        "first_secret",
        ("the feature flags secure api key is deprecated",),
        "PostHog makes no first secret token for a project any more.{says}",
        "A person can create a project secret API key with the scope feature_flag:read at {origin}/settings/project "
        "instead.",
    ),
    ForbiddenCause(
        "role",
        ("you must be a member of the target organization",),
        "The key's owner is not in the organization that the project should move to.{says}",
        "Somebody who is an admin of both organizations can move the project. Check target_organization_id.",
    ),
    ForbiddenCause(
        "role",
        ("you need admin access to",),
        "The key's owner lacks the role for this.{says}",
        "A project admin can do it, or grant the role at {origin}/settings/project.",
    ),
)
"""The rules in the order in which they are looked for."""

ANY_RULE: Final = ForbiddenCause(
    "rule",
    (),
    "PostHog has a rule against this.{says}",
    "It names no argument that is wrong, so the same call is refused until what the rule is about has changed: by "
    "time, or by a person in PostHog.",
)


def known_rule(detail: str | None) -> ForbiddenCause | None:
    """Return the rule that PostHog's sentence states, or the cause, which it states with a 403 elsewhere."""
    sentence = (detail or "").lstrip().lower()
    return next((rule for rule in RULES if sentence.startswith(rule.beginnings)), None) or known_cause(detail)
