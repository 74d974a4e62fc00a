"""`projects-mcp profiles` and `logout`: list the profiles of this user, and take the key out of one."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from projects_mcp.cli.complaints import complain
from projects_mcp.cli.exit_codes import DONE, FAILED
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.profile_store import CannotKeep, forget_key, required_file
from projects_mcp.cli.table import GREEN, print_table, print_text
from projects_mcp.cli.terminal import styled
from projects_mcp.config.credential_text import shown_path
from projects_mcp.config.parsers import SettingsError, parse_host
from projects_mcp.config.profile_file import Profile, profile_key, read_profile, read_profiles
from projects_mcp.config.profiles import DEFAULT_PROFILE, PROFILE, apply_profile
from projects_mcp.config.settings import is_given, load
from projects_mcp.sanitize.text import on_one_line

__all__ = ["run_logout", "run_profiles"]

_KEY: Final = "POSTHOG_PERSONAL_API_KEY"
_COLUMNS: Final = ("name", "host", "access", "key")


def run_profiles(environment: Mapping[str, str], *, as_json: bool) -> int:
    """List the profiles, without any secret.

    Args:
        environment: names the one that is in use, flags among it.
        as_json: as a JSON list.

    Returns:
        The exit code.

    Raises:
        SettingsError: the file of profiles cannot be used.
    """
    file = required_file()
    profiles = read_profiles(file) if file.exists() else []
    used = load({PROFILE: environment.get(PROFILE, "")}).profile or DEFAULT_PROFILE
    rows = [_row(profile, used=profile.name == used) for profile in profiles]
    print_answer(rows, lambda: _print_table(rows, file), as_json=as_json)
    return DONE


def _row(profile: Profile, *, used: bool) -> dict[str, Any]:
    return {
        "name": profile.name,
        "used": used,
        "host": profile.texts.get("POSTHOG_HOST"),
        "access": profile.texts.get("PROJECTS_MCP_ACCESS"),
        "key": _place_of_key(profile),
        "settings": sorted(profile_key(name) for name in profile.texts),
    }


def _place_of_key(profile: Profile) -> str | None:
    if profile.keyring:
        return "keyring"
    if path := profile.texts.get(f"{_KEY}_FILE"):
        return shown_path(Path(path))
    return "in the file of profiles" if _KEY in profile.texts else None


def _print_table(rows: Sequence[Mapping[str, Any]], file: Path) -> None:
    if not rows:
        print_text(f"There is no profile in {shown_path(file)}. Make one with: projects-mcp login")
        return
    lines = []
    for row in rows:
        cells = ("*" if row["used"] else "", row["name"], row["host"] or "us", row["access"] or "full")
        style = GREEN if row["used"] else ""
        lines.append([styled(on_one_line(text), style, sys.stdout) for text in (*cells, row["key"] or "none")])
    print_table(["", *_COLUMNS], lines)


def run_logout(environment: Mapping[str, str], *, as_json: bool) -> int:
    """Take the key out of a profile, and leave its other settings.

    Args:
        environment: names the profile, flags among it.
        as_json: say as one line of JSON what was done.

    Returns:
        The exit code.

    Raises:
        SettingsError: there is no such profile, or its file cannot be used.
    """
    name = load({PROFILE: environment.get(PROFILE, "")}).profile or DEFAULT_PROFILE
    file = required_file()
    # Without the file, the second says that there is no such profile.
    profile = read_profile(file, name, required=True) if file.exists() else apply_profile({PROFILE: name}).profile
    try:
        done = None if profile is None else forget_key(profile)
    except CannotKeep as error:
        return complain("logout", str(error), FAILED, "not_deleted")
    if profile is None or done is None:
        return complain("logout", f"The profile {name} has no key.", FAILED, "no_key")
    said = [done, f"PostHog still accepts the key until it is deleted at {_keys_page(profile)}"]
    still_set = is_given(environment.get(_KEY, ""))
    if still_set:
        said.append(f"{_KEY} is set in this environment, and is still used.")
    body = {"profile": name, "message": " ".join(said), "key_in_environment": still_set}
    print_answer(body, lambda: print_text("\n".join(said)), as_json=as_json)
    return DONE


def _keys_page(profile: Profile) -> str:
    try:
        origin = parse_host("host", profile.texts.get("POSTHOG_HOST", "us"))
    except SettingsError:
        return "its settings page, under personal API keys."
    return f"{origin}/settings/user-api-keys"
