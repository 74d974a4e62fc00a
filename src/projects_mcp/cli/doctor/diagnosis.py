"""Run all checks in order, first those without a connection, within a bound of time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import anyio

from projects_mcp.api.types import JSONObject
from projects_mcp.cli.doctor.connection import check_host_name, check_scheme, may_be_other_scheme
from projects_mcp.cli.doctor.credentials import check_assistants, check_grant, check_session, explain_refused_key
from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.cli.doctor.local import check_files, check_key_format, check_settings, is_key_usable
from projects_mcp.cli.doctor.names import check_placeholders, check_variable_names
from projects_mcp.cli.doctor.passkeys import check_passkeys
from projects_mcp.cli.doctor.probe import Probe, build_probe, explain_not_posthog, explain_unreachable, proxy_address
from projects_mcp.cli.doctor.profile import check_profile, name_sources
from projects_mcp.cli.doctor.projects import check_organization, check_projects
from projects_mcp.cli.doctor.state import check_state
from projects_mcp.cli.doctor.trust import check_trust
from projects_mcp.config.settings import Settings
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.rejected import RateLimited
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.policy.authorization import UNKNOWN, KeyGrant
from projects_mcp.posthog.credentials import Credentials
from projects_mcp.posthog.pool import ASGIApplication
from projects_mcp.posthog.session_check import is_unauthenticated
from projects_mcp.runner.build import in_sandbox, posthog_application
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.redaction import Redactor

__all__ = ["Diagnosis", "diagnose"]

_TIMEOUT_S: Final = 25.0
"""The time for all requests together."""
_CLOCK_TOLERANCE_S: Final = 60.0


@dataclass
class Diagnosis:
    """The findings so far.

    Attributes:
        settings: the valid part of them.
        findings: in the order of the checks.
        hidden: the reason for each hidden tool, by the tool's name; None if PostHog has not accepted a key.
        environment: the settings as text, with those of the profile.
        sources: where each of them comes from that is set, by its variable.
    """

    settings: Settings
    findings: list[Finding] = field(default_factory=list)
    hidden: dict[str, str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


async def diagnose(
    environment: Mapping[str, str],
    clouds: Mapping[str, str],
    application: ASGIApplication | None = None,
    flags: Collection[str] = (),
) -> Diagnosis:
    """Check the settings, the files, the key, the session and PostHog. Changes nothing.

    Args:
        environment: the settings as text.
        clouds: the origin of each region of PostHog's cloud.
        application: an ASGI application to use as PostHog, for tests. In sandbox mode it defaults to a new sandbox.
        flags: the variables of those settings that were given as flags.
    """
    applied, wrong_profile, about_profile = check_profile(environment)
    environment, sources = applied.environment, name_sources(applied, flags)
    settings, wrong = check_settings(environment)
    wrong = [*wrong_profile, *wrong]
    names = [*check_placeholders(environment), *check_variable_names(environment)]
    findings = [*wrong, *names, *check_files(environment, settings)]
    if wrong:
        # A wrong POSTHOG_HOST is left out of these settings, and the key must not be sent to the default host instead.
        sentence = "PostHog was not asked, because the server does not start with these settings."
        findings = [*about_profile, *findings, Finding("host", Level.NOTE, sentence, "Correct them first.")]
        return Diagnosis(settings, findings, environment=environment, sources=sources)
    findings = [Finding.ok("settings", "The settings can be read."), *about_profile, *findings]
    findings += [*await check_state(settings), *await check_passkeys(settings)]
    application = posthog_application(settings, application)
    if settings.sandbox:
        settings = in_sandbox(settings)
        findings.append(Finding("host", Level.NOTE, "The embedded sandbox takes the place of PostHog."))
    findings.append(check_key_format(settings))
    diagnosis = Diagnosis(settings, findings, environment=environment, sources=sources)
    trust = check_trust(environment) if application is None and settings.origin.startswith("https:") else None
    if trust is not None:
        diagnosis.findings.append(trust)
        if trust.level is Level.PROBLEM:
            return diagnosis
    with anyio.move_on_after(_TIMEOUT_S) as scope:
        await _check_posthog(diagnosis, clouds, application)
    if scope.cancelled_caught:
        sentence = f"The examination was ended after {_TIMEOUT_S:.0f} seconds; what is missing was not looked at."
        diagnosis.findings.append(Finding("host", Level.WARNING, sentence, "Run it again when PostHog is faster."))
    return diagnosis


async def _check_posthog(diagnosis: Diagnosis, clouds: Mapping[str, str], application: ASGIApplication | None) -> None:
    settings = diagnosis.settings
    credentials = settings.credentials
    if not is_key_usable(settings):  # a wrong token is not sent; the host can be checked without a key
        credentials = Credentials(None, credentials.session)
    probe = build_probe(settings, credentials, application)
    runner = ToolRunner(settings, probe, AuditLog(Redactor(settings.secrets())))
    try:
        reachable, accepted = await _check_host_and_key(diagnosis, probe, clouds)
        if reachable:
            diagnosis.findings.append(await check_session(probe, settings))
        if accepted:
            diagnosis.hidden = await runner.hidden_tools()
    finally:
        await runner.aclose()


async def _check_host_and_key(diagnosis: Diagnosis, probe: Probe, clouds: Mapping[str, str]) -> tuple[bool, bool]:
    """Check the host, the clock and the key. Returns whether PostHog responded, and whether it accepted the key."""
    settings, findings = diagnosis.settings, diagnosis.findings
    in_process = probe.application is not None
    if not in_process and (unknown := await check_host_name(settings.origin)):
        findings.append(unknown)
        return False, False
    try:
        introspection, error = await probe.describe_key(), None
    except PostHogError as failure:
        introspection, error = None, failure
    problem = _host_problem(introspection, error, settings.origin)
    if problem and not in_process and may_be_other_scheme(error, settings.origin):
        problem = await check_scheme(settings.origin) or problem
    findings.append(problem or _reachable(settings.origin, in_process=in_process))
    if problem:
        return False, False
    findings += _check_clock(probe.date)
    accepted = probe.credentials.key is not None and await _check_key(diagnosis, probe, clouds, introspection, error)
    return True, accepted


async def _check_key(
    diagnosis: Diagnosis,
    probe: Probe,
    clouds: Mapping[str, str],
    introspection: JSONObject | None,
    error: PostHogError | None,
) -> bool:
    """Check the key, and the organization and projects that it reaches. Returns whether PostHog accepted the key."""
    settings, findings = diagnosis.settings, diagnosis.findings
    if error is not None and is_unauthenticated(error):
        findings.append(await explain_refused_key(settings, clouds))
        return False
    if isinstance(error, RateLimited):
        sentence = "PostHog limits the rate of the key's requests, so it could not be asked about."
        findings.append(Finding("key", Level.WARNING, sentence, "Run this again in a minute."))
        return False
    grant = UNKNOWN if introspection is None else KeyGrant.from_introspection(introspection)
    organization = await check_organization(probe, settings, grant)
    if organization.error is not None and is_unauthenticated(organization.error):
        findings.append(await explain_refused_key(settings, clouds))  # a version without introspection refuses it here
        return False
    findings += check_grant(grant, settings)
    findings += await check_assistants(probe, settings, grant)
    findings += [organization.finding] if organization.finding else []
    findings += await check_projects(probe, settings, grant, organization.projects)
    return True


def _host_problem(introspection: JSONObject | None, error: PostHogError | None, origin: str) -> Finding | None:
    if error is not None:
        return explain_unreachable(error, origin)
    if introspection is not None and not {"scopes", "mask_value", "user_id"} & introspection.keys():
        return explain_not_posthog(origin, "it describes no key, but answers with other JSON")
    return None


def _reachable(origin: str, *, in_process: bool) -> Finding:
    proxy = None if in_process else proxy_address(origin)
    return Finding.ok("host", f"PostHog answers at {origin}" + (f", through the proxy at {proxy}." if proxy else "."))


def _check_clock(date: str | None) -> list[Finding]:
    """Compare the clock of this machine with the `Date` header of PostHog's response, if it has one."""
    try:
        server_time = parsedate_to_datetime(date or "")
    except ValueError:
        return []
    if server_time.tzinfo is None:
        server_time = server_time.replace(tzinfo=UTC)
    ahead_s = (datetime.now(UTC) - server_time).total_seconds()
    if abs(ahead_s) <= _CLOCK_TOLERANCE_S:
        return [Finding.ok("clock", "The clock of this machine agrees with PostHog's.")]
    sentence = (
        f"The clock of this machine is {abs(ahead_s):.0f} seconds {'ahead of' if ahead_s > 0 else 'behind'} PostHog's: "
        "the times in the audit log are wrong by as much, and certificates may seem invalid."
    )
    return [Finding("clock", Level.WARNING, sentence, "Let the system set its clock from the network.")]
