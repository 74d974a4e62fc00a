"""Check the organization and the projects in the settings by asking PostHog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import anyio

from projects_mcp.api.effects import Effect
from projects_mcp.api.operations import OPERATIONS
from projects_mcp.api.types import CURRENT, organization_of
from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.cli.doctor.probe import Probe, explain_not_posthog, explain_unreachable
from projects_mcp.config.settings import Settings
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.context import FailureContext
from projects_mcp.errors.rejected import NotFound
from projects_mcp.policy.authorization import KeyGrant
from projects_mcp.sanitize.redaction import Redactor

__all__ = ["OrganizationCheck", "check_organization", "check_projects"]

_PAGE_SIZE: Final = 500
"""Projects in one listing."""
_MAX_REQUESTS: Final = 20
"""Projects that are looked up one by one."""


class OrganizationCheck(NamedTuple):
    """The result of listing the projects of an organization.

    Attributes:
        finding: on the organization; None if the key cannot list.
        projects: the listed ids.
        error: why PostHog did not list them; None if it did.
    """

    finding: Finding | None
    projects: frozenset[int] = frozenset()
    error: PostHogError | None = None


async def check_organization(probe: Probe, settings: Settings, grant: KeyGrant) -> OrganizationCheck:
    """List the projects of the default organization: the one for calls without an organization."""
    configured = settings.organization
    outside = grant.organizations is not None and configured is not CURRENT and configured not in grant.organizations
    if outside:
        sentence = f"The key is restricted to other organizations than {configured} of POSTHOG_ORGANIZATION_ID."
        return OrganizationCheck(Finding("organization", Level.PROBLEM, sentence, "Change the one or the other."))
    if grant.projects is not None or not grant.has("project:read"):
        return OrganizationCheck(None)  # what such a key may do is told by the finding on the key
    listing = OPERATIONS["project_list"]
    try:
        answer = await probe.send(listing, listing.path(configured, None), query={"limit": _PAGE_SIZE})
    except PostHogError as error:
        return OrganizationCheck(_explain_unlisted(error, settings), error=error)
    rows, count = answer.get("results"), answer.get("count")
    if not isinstance(rows, list) or not isinstance(count, int):
        return OrganizationCheck(explain_not_posthog(settings.origin, "its list of projects is of another form"))
    projects = [row for row in rows if isinstance(row, dict) and type(row.get("id")) is int]
    return OrganizationCheck(_describe_listing(projects, count, settings), frozenset(row["id"] for row in projects))


def _describe_listing(projects: Sequence[Mapping[str, Any]], count: int, settings: Settings) -> Finding:
    if not count:
        where = "the current organization" if settings.organization is CURRENT else str(settings.organization)
        sentence = f"The key sees no project in {where}: its owner may not be a member, or there is none yet."
        return Finding("organization", Level.WARNING, sentence, "Check POSTHOG_ORGANIZATION_ID.")
    shown = f"{count} project{'' if count == 1 else 's'}"
    if settings.organization is not CURRENT:
        return Finding.ok("organization", f"The key sees {shown} in organization {settings.organization}.")
    found = organization_of(projects[0], CURRENT) if projects else CURRENT
    return Finding.ok(
        "organization",
        f"The key sees {shown} in organization {found}, which its owner has open in PostHog at the moment. "
        "Set POSTHOG_ORGANIZATION_ID to keep to one.",
    )


def _explain_unlisted(error: PostHogError, settings: Settings) -> Finding:
    if found := explain_unreachable(error, settings.origin):
        return found
    if isinstance(error, NotFound):
        current = settings.organization is CURRENT
        what = "The key's owner has no organization open" if current else f"{settings.organization} does not exist"
        fix = "Set POSTHOG_ORGANIZATION_ID to the UUID that PostHog shows in the settings of the organization."
        return Finding("organization", Level.PROBLEM, f"{what} at {settings.origin}.", fix)
    redactor = Redactor(settings.credentials.secrets())
    words = error.words(FailureContext("project_list", Effect.READ, settings.origin, redactor))
    return Finding("organization", Level.PROBLEM, words.what, words.next_step)


async def check_projects(probe: Probe, settings: Settings, grant: KeyGrant, listed: frozenset[int]) -> list[Finding]:
    """Check that PostHog knows the protected projects and the allowed projects of the settings."""
    configured = {
        "PROJECTS_MCP_PROTECTED_PROJECTS": settings.policy.protected,
        "PROJECTS_MCP_ONLY_PROJECTS": settings.policy.only or frozenset(),
    }
    unlisted = frozenset[int]().union(*configured.values()) - listed
    if not grant.has("project:read"):
        return []
    missing: set[int] = set()
    unknown = set(sorted(unlisted)[_MAX_REQUESTS:])
    async with anyio.create_task_group() as group:
        for project in sorted(unlisted)[:_MAX_REQUESTS]:
            group.start_soon(_look_up, probe, settings, project, missing, unknown)
    findings = [
        _explain_missing(name, sorted(ids & missing), settings) for name, ids in configured.items() if ids & missing
    ]
    for name, ids in configured.items():
        if ids and not ids & (missing | unknown):
            findings.append(Finding.ok("projects", f"PostHog knows every project of {name}."))
        if unchecked := sorted(ids & unknown):
            sentence = f"It could not be seen whether these projects of {name} exist: {', '.join(map(str, unchecked))}."
            findings.append(Finding("projects", Level.NOTE, sentence, "Compare them with PostHog's settings."))
    return findings


async def _look_up(probe: Probe, settings: Settings, project: int, missing: set[int], unknown: set[int]) -> None:
    try:
        reading = OPERATIONS["project_get"]
        await probe.send(reading, reading.path(settings.organization, project))
    except NotFound:
        missing.add(project)
    except PostHogError:
        unknown.add(project)


def _explain_missing(name: str, projects: Sequence[int], settings: Settings) -> Finding:
    where = "the current organization" if settings.organization is CURRENT else f"organization {settings.organization}"
    one = len(projects) == 1
    shown = ", ".join(map(str, projects))
    if "PROTECTED" in name:
        effect = "it protects nothing" if one else "they protect nothing"
    else:
        effect = "it leaves nothing to work on" if one else "they leave nothing to work on"
    return Finding(
        "projects",
        Level.PROBLEM,
        f"Project{'' if one else 's'} {shown} of {name} {'does' if one else 'do'} not exist in {where}, or the key "
        f"cannot see {'it' if one else 'them'}; there {effect}.",
        f"Correct the number{'' if one else 's'} in {name}; PostHog shows the number in the address of a project.",
    )
