"""`projects-mcp login`: ask a person for a region and a key, try the key, and keep both in a profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import anyio

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.api.types import CURRENT
from projects_mcp.cli.complaints import complain, complain_at
from projects_mcp.cli.controlling_terminal import ControllingTerminal, NoTerminalError
from projects_mcp.cli.doctor.credentials import check_grant, explain_refused_key
from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.cli.doctor.probe import Probe, build_probe, explain_unreachable
from projects_mcp.cli.exit_codes import DONE, FAILED
from projects_mcp.cli.interruption import may_change
from projects_mcp.cli.open_page import show_page
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.profile_store import CannotKeep, check_writable, keep_key, required_file, write_profile
from projects_mcp.config.parsers import REGIONS, SettingsError, parse_host, parse_key
from projects_mcp.config.profile_file import KEYRING, read_profiles
from projects_mcp.config.profiles import DEFAULT_PROFILE, PROFILE
from projects_mcp.config.settings import Settings, is_given, load
from projects_mcp.errors.connection import PostHogError
from projects_mcp.errors.rejected import RateLimited
from projects_mcp.policy.authorization import UNKNOWN, KeyGrant
from projects_mcp.posthog.credentials import Credentials
from projects_mcp.posthog.session_check import is_unauthenticated

__all__ = ["run_login"]

_KEY: Final = "POSTHOG_PERSONAL_API_KEY"
_HOST: Final = "POSTHOG_HOST"
_ATTEMPTS: Final = 3
_SCOPES: Final = (
    "Create one with the scope project:read, and project:write if it is to change something. It needs no other."
)


def run_login(environment: Mapping[str, str], *, browser: bool = True, as_json: bool = False) -> int:
    """Ask for region and key at the controlling terminal, and keep them in a profile. Nothing is kept before it works.

    Args:
        environment: names the profile, and may name the host; flags among it.
        browser: whether to open the page where keys are made.
        as_json: print what was kept as one line of JSON too, without the key.

    Returns:
        The exit code.

    Raises:
        SettingsError: the name of the profile, the host or the file of profiles cannot be used.
    """
    named = environment.get(PROFILE, "")
    name = load({PROFILE: named}).profile or DEFAULT_PROFILE
    file = required_file()
    try:
        check_writable(file, name)
        with ControllingTerminal() as terminal:
            if terminal.interactive:
                return _Login(terminal, name, environment, as_json=as_json).run(browser=browser)
    except NoTerminalError:
        pass
    except CannotKeep as error:
        return complain("login", str(error), FAILED, "not_kept")
    return complain(
        "login",
        "a person types the key at a terminal, and this process has none. Scripts set POSTHOG_PERSONAL_API_KEY or "
        "POSTHOG_PERSONAL_API_KEY_FILE instead.",
        FAILED,
        "no_terminal",
    )


class _Login:
    """One login at one terminal."""

    def __init__(
        self, terminal: ControllingTerminal, name: str, environment: Mapping[str, str], *, as_json: bool
    ) -> None:
        self._as_json = as_json
        self._terminal = terminal
        self._name = name
        self._environment = environment

    def run(self, *, browser: bool) -> int:
        """Ask, check and keep. Returns the exit code."""
        self._terminal.show(f"This keeps a PostHog key in the profile {self._name}.")
        host = self._ask_host()
        if host is None:
            return self._give_up("no address was given")
        settings = load({_HOST: host})
        page = f"{settings.origin}/settings/user-api-keys"
        if browser:
            anyio.run(show_page, self._terminal.show, page, "For a personal API key")
        else:
            self._terminal.show(f"Personal API keys are at {page}")
        self._terminal.show(_SCOPES)
        checked = self._ask_key(settings)
        if checked is None:
            return self._give_up("no key was accepted")
        if checked.origin != settings.origin:
            host = next(region for region, origin in REGIONS.items() if origin == checked.origin)
        return self._keep(host, checked)

    def _give_up(self, why: str) -> int:
        return complain_at(self._terminal.show, "login", f"Nothing was kept: {why}.", "not_kept")

    def _ask_host(self) -> str | None:
        """Ask which PostHog it is. Returns `us`, `eu` or an address; None if no usable one was typed."""
        given = self._environment.get(_HOST, "").strip()
        default = given if is_given(given) else self._former_host() or "us"
        prompt = f"Which PostHog: us, eu, or the address of your own? [{default}] "
        for _ in range(_ATTEMPTS):
            typed = self._terminal.ask(prompt)
            if typed is None:
                return None
            host = typed.strip() or default
            try:
                origin = parse_host("The address", host)
            except SettingsError as error:
                self._terminal.show(str(error))
                continue
            return next((region for region, address in REGIONS.items() if address == origin), origin)
        return None

    def _former_host(self) -> str | None:
        file = required_file()
        profiles = read_profiles(file) if file.exists() else []
        return next((profile.texts.get(_HOST) for profile in profiles if profile.name == self._name), None)

    def _ask_key(self, settings: Settings) -> Settings | None:
        """Ask for the key until PostHog accepts one. Returns the settings with it and its region."""
        for _ in range(_ATTEMPTS):
            typed = self._terminal.ask_secret("Personal API key (phx_…, not shown while you type or paste it): ")
            if typed is None:
                return None
            try:
                key = parse_key("The key", typed.strip())
            except SettingsError as error:
                self._terminal.show(str(error))
                continue
            if key.other_kind is not None:
                self._terminal.show(f"That is {key.other_kind} ({typed.strip()[:4]}…). It is not sent. {_SCOPES}")
                continue
            accepted = anyio.run(self._check, replace(settings, credentials=Credentials(key)))
            if accepted is not None:
                return accepted
        return None

    async def _check(self, settings: Settings) -> Settings | None:
        """Ask PostHog about the key, and show what it says. Returns the settings that work; None if none do."""
        probe = build_probe(settings, settings.credentials)
        try:
            grant = await _read_grant(probe)
        except PostHogError as error:
            if not is_unauthenticated(error):
                self._show(explain_unreachable(error, settings.origin) or _unchecked(settings.origin))
                return None
        else:
            for finding in check_grant(grant, settings):
                self._show(finding)
            return settings
        finally:
            await probe.aclose()
        finding = await explain_refused_key(settings, REGIONS)
        if finding.check != "region":
            self._show(finding)
            return None
        other = next(origin for origin in REGIONS.values() if origin != settings.origin)
        self._terminal.show(f"The key belongs to the other region, so the profile gets {other}.")
        return await self._check(replace(settings, origin=other))

    def _show(self, finding: Finding) -> None:
        fix = f" {finding.fix}" if finding.fix and finding.level is not Level.OK else ""
        self._terminal.show(f"{finding.sentence}{fix}")

    def _keep(self, host: str, settings: Settings) -> int:
        key, file = settings.credentials.key, required_file()
        if key is None:
            raise AssertionError("a key was accepted")
        with may_change("The key may be kept already. See: projects-mcp profiles"):
            kept = keep_key(file, self._name, key.value.reveal())
            write_profile(file, self._name, {"host": host, **kept.values})
        self._terminal.show(f"The key is {kept.where}, and the profile {self._name} in {file}.")
        if is_given(self._environment.get(_KEY, "")):
            self._terminal.show(f"{_KEY} is set in this environment and wins over the profile: unset it.")
        flag = "" if self._name == DEFAULT_PROFILE else f" --profile {self._name}"
        self._terminal.show(f"Next: projects-mcp call{flag} project_list, or projects-mcp install CLIENT{flag}")
        kept_in = "keyring" if kept.values.get(KEYRING) else "file"
        body = {"profile": self._name, "host": host, "key": kept_in, "file": str(file)}
        print_answer(body, lambda: None, as_json=self._as_json)
        return DONE


async def _read_grant(probe: Probe) -> KeyGrant:
    """Ask what the key may do, by one read. A PostHog that does not describe keys is asked for a list instead."""
    try:
        introspection = await probe.describe_key()
    except PostHogError as error:
        if is_unauthenticated(error) or isinstance(error, RateLimited) or explain_unreachable(error, ""):
            raise
        listing = OPERATIONS["project_list"]
        await probe.send(listing, listing.path(CURRENT, None), query={"limit": 1})
        return UNKNOWN
    return UNKNOWN if introspection is None else KeyGrant.from_introspection(introspection)


def _unchecked(origin: str) -> Finding:
    return Finding("key", Level.PROBLEM, f"PostHog at {origin} refused to say whether it knows the key.", "Try later.")
