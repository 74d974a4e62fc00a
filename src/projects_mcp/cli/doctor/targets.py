"""What PostHog says of the organization and of the projects that the settings name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import anyio

from projects_mcp.api.effects import Effect
from projects_mcp.api.operations import OPERATIONS
from projects_mcp.api.types import CURRENT, organization_of
from projects_mcp.cli.doctor.findings import Finding, Level, ok
from projects_mcp.cli.doctor.probe import Probe, not_posthog, unreached
from projects_mcp.config.settings import Settings
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.context import FailureContext
from projects_mcp.errors.rejected import NotFound
from projects_mcp.policy.authorization import KeyGrant
from projects_mcp.sanitize.redaction import Redactor

__all__ = ["Organization", "of_organization", "of_projects"]

_PAGE: Final = 500
_MOST_ASKED: Final = 20


class Organization(NamedTuple):
    """What the list of an organization's projects has shown.

    Attributes:
        finding: the words for it.
        projects: the ids that were listed.
        error: what came instead of the list, if anything did.
    """

    finding: Finding | None
    projects: frozenset[int] = frozenset()
    error: PostHogError | None = None


async def of_organization(probe: Probe, settings: Settings, grant: KeyGrant) -> Organization:
    """List the projects of the organization that is used where a call names none."""
    configured = settings.organization
    outside = grant.organizations is not None and configured is not CURRENT and configured not in grant.organizations
    if outside:
        sentence = f"The key is restricted to other organizations than {configured} of POSTHOG_ORGANIZATION_ID."
        return Organization(Finding("organization", Level.PROBLEM, sentence, "Change the one or the other."))
    if grant.projects is not None or not grant.has("project:read"):
        return Organization(None)  # such a key cannot list; the finding on the key says so
    try:
        answer = await probe.send(OPERATIONS["project_list"], configured, query={"limit": _PAGE})
    except PostHogError as error:
        return Organization(_unlisted(error, settings), error=error)
    rows, count = answer.get("results"), answer.get("count")
    if not isinstance(rows, list) or not isinstance(count, int):
        return Organization(not_posthog(settings.origin, "its list of projects is of another form"))
    projects = [row for row in rows if isinstance(row, dict) and type(row.get("id")) is int]
    return Organization(_listed(projects, count, settings), frozenset(row["id"] for row in projects))


def _listed(projects: Sequence[Mapping[str, Any]], count: int, settings: Settings) -> Finding:
    if not count:
        where = "the current organization" if settings.organization is CURRENT else str(settings.organization)
        sentence = f"The key sees no project in {where}: its owner may not be a member, or there is none yet."
        return Finding("organization", Level.WARNING, sentence, "Check POSTHOG_ORGANIZATION_ID.")
    shown = f"{count} project{'' if count == 1 else 's'}"
    if settings.organization is not CURRENT:
        return ok("organization", f"The key sees {shown} in organization {settings.organization}.")
    found = organization_of(projects[0], CURRENT) if projects else CURRENT
    return ok(
        "organization",
        f"The key sees {shown} in organization {found}, which its owner has open in PostHog at the moment. "
        "Set POSTHOG_ORGANIZATION_ID to keep to one.",
    )


def _unlisted(error: PostHogError, settings: Settings) -> Finding:
    if found := unreached(error, settings.origin):
        return found
    if isinstance(error, NotFound):
        current = settings.organization is CURRENT
        what = "The key's owner has no organization open" if current else f"{settings.organization} does not exist"
        fix = "Set POSTHOG_ORGANIZATION_ID to the UUID that PostHog shows in the settings of the organization."
        return Finding("organization", Level.PROBLEM, f"{what} at {settings.origin}.", fix)
    redactor = Redactor(settings.credentials.secrets())
    words = error.words(FailureContext("project_list", Effect.READ, settings.origin, redactor))
    return Finding("organization", Level.PROBLEM, words.what, words.next_step)


async def of_projects(probe: Probe, settings: Settings, grant: KeyGrant, listed: frozenset[int]) -> list[Finding]:
    """Look for the projects that the settings protect, or keep to."""
    named = {
        "PROJECTS_MCP_PROTECTED_PROJECTS": settings.policy.protected,
        "PROJECTS_MCP_ONLY_PROJECTS": settings.policy.only or frozenset(),
    }
    wanted = frozenset[int]().union(*named.values()) - listed
    if not grant.has("project:read"):
        return []
    missing: set[int] = set()
    unknown = set(sorted(wanted)[_MOST_ASKED:])
    async with anyio.create_task_group() as group:
        for project in sorted(wanted)[:_MOST_ASKED]:
            group.start_soon(_look_for, probe, settings, project, missing, unknown)
    findings = [_missing(name, project, settings) for name, ids in named.items() for project in sorted(ids & missing)]
    for name, ids in named.items():
        if ids and not ids & (missing | unknown):
            findings.append(ok("projects", f"PostHog knows every project of {name}."))
        if unsure := sorted(ids & unknown):
            sentence = f"It could not be seen whether these projects of {name} exist: {', '.join(map(str, unsure))}."
            findings.append(Finding("projects", Level.NOTE, sentence, "Compare them with PostHog's settings."))
    return findings


async def _look_for(probe: Probe, settings: Settings, project: int, missing: set[int], unknown: set[int]) -> None:
    try:
        await probe.send(OPERATIONS["project_get"], settings.organization, project)
    except NotFound:
        missing.add(project)
    except PostHogError:
        unknown.add(project)


def _missing(name: str, project: int, settings: Settings) -> Finding:
    where = "the current organization" if settings.organization is CURRENT else f"organization {settings.organization}"
    doing = "protects nothing" if "PROTECTED" in name else "leaves nothing to work on"
    return Finding(
        "projects",
        Level.PROBLEM,
        f"Project {project} of {name} does not exist in {where}, or the key cannot see it; there it {doing}.",
        f"Correct the number in {name}; PostHog shows it in the address of the project.",
    )
