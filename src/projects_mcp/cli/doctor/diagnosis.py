"""The whole examination, from what needs nobody to what PostHog says, within a bound of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import anyio

from projects_mcp.cli.doctor.credentials import of_grant, of_session, refused_key, signed_out
from projects_mcp.cli.doctor.findings import Finding, Level, ok
from projects_mcp.cli.doctor.local import files, key_format, misspelt, settings_of, unusable_key
from projects_mcp.cli.doctor.probe import Probe, not_posthog, probe_for, proxy_of, unreached
from projects_mcp.cli.doctor.targets import of_organization, of_projects
from projects_mcp.config.settings import Settings
from projects_mcp.errors.posthog import PostHogError, RateLimited
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.policy.authorization import UNKNOWN, KeyGrant
from projects_mcp.posthog.client import ASGIApplication, JSONObject
from projects_mcp.posthog.credentials import Credentials
from projects_mcp.runner.build import in_sandbox, posthog_application
from projects_mcp.runner.runner import ToolRunner
from projects_mcp.sanitize.redaction import Redactor

__all__ = ["Diagnosis", "diagnose"]

_WHOLE_S: Final = 25.0
_CLOCK_S: Final = 60.0


@dataclass
class Diagnosis:
    """What has been found so far.

    Attributes:
        settings: as far as they are right.
        findings: in the order in which they were made.
        hidden: the tools that are not offered, each with the reason; None where PostHog has not accepted a key.
    """

    settings: Settings
    findings: list[Finding] = field(default_factory=list)
    hidden: dict[str, str] | None = None


async def diagnose(
    environment: Mapping[str, str],
    clouds: Mapping[str, str],
    application: ASGIApplication | None = None,
) -> Diagnosis:
    """Examine the settings, the files, the key, the session and PostHog. Changes nothing anywhere.

    Args:
        environment: the settings as text.
        clouds: the origin of each region of PostHog's cloud.
        application: an ASGI application to use as PostHog, for tests. In sandbox mode it defaults to a new sandbox.
    """
    settings, wrong = settings_of(environment)
    findings = [*wrong, *misspelt(environment), *files(environment, settings)]
    if wrong:
        # A wrong address may be left out here, and the key belongs to no other than the right one.
        sentence = "PostHog was not asked, because the server does not start with these settings."
        return Diagnosis(settings, [*findings, Finding("host", Level.NOTE, sentence, "Correct them first.")])
    findings.insert(0, ok("settings", "The settings can be read."))
    application = posthog_application(settings, application)
    if settings.sandbox:
        settings = in_sandbox(settings)
        findings.append(Finding("host", Level.NOTE, "The embedded sandbox takes the place of PostHog."))
    examination = Diagnosis(settings, [*findings, key_format(settings)])
    with anyio.move_on_after(_WHOLE_S) as whole:
        await _ask(examination, clouds, application)
    if whole.cancelled_caught:
        sentence = f"The examination was ended after {_WHOLE_S:.0f} seconds; what is missing was not looked at."
        examination.findings.append(Finding("host", Level.WARNING, sentence, "Run it again when PostHog is faster."))
    return examination


async def _ask(examination: Diagnosis, clouds: Mapping[str, str], application: ASGIApplication | None) -> None:
    settings = examination.settings
    credentials = settings.credentials
    if unusable_key(settings):  # what cannot be a key is not sent; whether PostHog is there can be seen without
        credentials = Credentials(None, credentials.session)
    probe = probe_for(settings, credentials, application)
    dispatcher = ToolRunner(settings, probe, AuditLog(Redactor(settings.credentials.secrets())))
    try:
        answers, accepted = await _reach(examination, probe, clouds)
        if answers:
            examination.findings.append(await of_session(probe, settings))
        if accepted:
            examination.hidden = await dispatcher.hidden_tools()
    finally:
        await dispatcher.aclose()


async def _reach(examination: Diagnosis, probe: Probe, clouds: Mapping[str, str]) -> tuple[bool, bool]:
    """Ask about the key, and about what it leads to. Returns whether PostHog answered, and accepted the key."""
    settings, findings = examination.settings, examination.findings
    try:
        answer, error = await probe.first(), None
    except PostHogError as failure:
        answer, error = None, failure
    broken = _broken(answer, error, settings.origin)
    findings.append(broken or _there(settings.origin, inside=probe.application is not None))
    if broken:
        return False, False
    findings += _clock(probe.date)
    return True, probe.credentials.key is not None and await _of_key(examination, probe, clouds, answer, error)


async def _of_key(
    examination: Diagnosis,
    probe: Probe,
    clouds: Mapping[str, str],
    answer: JSONObject | None,
    error: PostHogError | None,
) -> bool:
    settings, findings = examination.settings, examination.findings
    if error is not None and signed_out(error):
        findings.append(await refused_key(settings, clouds))
        return False
    if isinstance(error, RateLimited):
        sentence = "PostHog limits the rate of the key's requests, so it could not be asked about."
        findings.append(Finding("key", Level.WARNING, sentence, "Run this again in a minute."))
        return False
    grant = UNKNOWN if answer is None else KeyGrant.from_introspection(answer)
    organization = await of_organization(probe, settings, grant)
    if organization.error is not None and signed_out(organization.error):
        findings.append(await refused_key(settings, clouds))  # a version that describes no key refuses it here
        return False
    findings += of_grant(grant, settings)
    findings += [organization.finding] if organization.finding else []
    findings += await of_projects(probe, settings, grant, organization.projects)
    return True


def _broken(answer: JSONObject | None, error: PostHogError | None, origin: str) -> Finding | None:
    if error is not None:
        return unreached(error, origin)
    if answer is not None and not {"scopes", "mask_value", "user_id"} & answer.keys():
        return not_posthog(origin, "it describes no key, but answers with other JSON")
    return None


def _there(origin: str, *, inside: bool) -> Finding:
    proxy = None if inside else proxy_of(origin)
    return ok("host", f"PostHog answers at {origin}" + (f", through the proxy at {proxy}." if proxy else "."))


def _clock(date: str | None) -> list[Finding]:
    """Compare the clock of this machine with PostHog's, where PostHog tells the time."""
    try:
        there = parsedate_to_datetime(date or "")
    except ValueError:
        return []
    ahead = (datetime.now(UTC) - (there if there.tzinfo else there.replace(tzinfo=UTC))).total_seconds()
    if abs(ahead) <= _CLOCK_S:
        return [ok("clock", "The clock of this machine agrees with PostHog's.")]
    sentence = (
        f"The clock of this machine is {abs(ahead):.0f} seconds {'ahead of' if ahead > 0 else 'behind'} PostHog's: "
        "the times in the audit log are wrong by as much, and certificates may seem invalid."
    )
    return [Finding("clock", Level.WARNING, sentence, "Let the system set its clock from the network.")]
