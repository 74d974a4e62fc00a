"""Find out which profile is used, what is wrong with it, and where each setting comes from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.config.credential_text import shown_path
from projects_mcp.config.profiles import DEFAULT_PROFILE, PROFILE, Applied, apply_profile
from projects_mcp.config.settings import SettingsError, is_given
from projects_mcp.config.variables import VARIABLES

__all__ = ["check_profile", "name_sources"]

_FIX: Final = "Correct that file, or name another profile with --profile or PROJECTS_MCP_PROFILE."


def check_profile(environment: Mapping[str, str]) -> tuple[Applied, list[Finding], list[Finding]]:
    """Put the profile under the environment, and find every wrong value in it, not only the first.

    Returns:
        The settings without the wrong ones; a finding for each wrong one; and what else there is to say of the profile.
    """
    wrong: list[Finding] = []
    without: frozenset[str] = frozenset()
    for _ in VARIABLES:  # each round leaves out one wrong value, or ends
        try:
            applied = apply_profile(environment, without)
        except SettingsError as error:
            wrong.append(Finding("settings", Level.PROBLEM, str(error), _FIX))
            if error.names == (PROFILE,) or not set(error.names) - without:
                break  # of the file or of the profile as a whole
            without |= set(error.names)
        else:
            return applied, wrong, _describe(applied)
    return Applied(dict(environment)), wrong, []


def _describe(applied: Applied) -> list[Finding]:
    profile = applied.profile
    if profile is None:
        return []
    why = " It is used because none is named." if profile.name == DEFAULT_PROFILE and not applied.named else ""
    where = " Its key is in the system's keyring." if profile.keyring else ""
    return [Finding.ok("profile", f"The profile {profile.name} of {shown_path(profile.file)} is used.{why}{where}")]


def name_sources(applied: Applied, flags: Collection[str]) -> dict[str, str]:
    """Return where each setting comes from that is set: a flag, the environment, or the profile.

    Args:
        applied: the settings.
        flags: the variables that were given as flags.
    """
    sources: dict[str, str] = {}
    for name in VARIABLES:
        if not is_given(applied.environment.get(name, "")) or (name == PROFILE and not applied.named):
            continue
        if applied.profile is not None and name in applied.taken:
            sources[name] = f"profile {applied.profile.name}"
        else:
            sources[name] = "flag" if name in flags else "environment"
    return sources
