"""Put the settings of a profile under those of the environment and of flags.

Where there is no file of profiles and none is asked for, this costs one look at the disk: a server over stdio starts as
fast as without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from projects_mcp.config.parsers import SettingsError
from projects_mcp.config.settings import is_given
from projects_mcp.config.variables import VARIABLES, related

if TYPE_CHECKING:
    from projects_mcp.config.profile_file import Profile

__all__ = ["DEFAULT_PROFILE", "PROFILE", "Applied", "apply_profile", "config_folder", "profiles_file", "with_profile"]

PROFILE: Final = "PROJECTS_MCP_PROFILE"
DEFAULT_PROFILE: Final = "default"
"""The profile that is used if it is there and none is named."""
_KEY: Final = "POSTHOG_PERSONAL_API_KEY"
_APPLICATION: Final = "projects-mcp"
_FILE: Final = "config.toml"


class Applied(NamedTuple):
    """Settings as text, after a profile was put under them.

    Attributes:
        environment: with the values of the profile where nothing else was given.
        profile: the one that was used; None if none was.
        taken: the variables whose values are the profile's.
        named: whether the environment or a flag names it; else it is the default one.
    """

    environment: dict[str, str]
    profile: Profile | None = None
    taken: frozenset[str] = frozenset()
    named: bool = False


def config_folder() -> Path | None:
    """Return the folder of this user's own settings; None if this user has no home folder."""
    if sys.platform == "linux":  # as platformdirs has it, whose import alone would cost every start a millisecond
        try:
            given = os.environ.get("XDG_CONFIG_HOME", "").strip()
            folder = Path(given if given.startswith("/") else "~/.config").expanduser() / _APPLICATION
        except RuntimeError:
            return None
    else:
        import platformdirs  # noqa: PLC0415 - as above

        folder = Path(platformdirs.user_config_dir(_APPLICATION, appauthor=False))
    return folder if folder.is_absolute() else None


def profiles_file() -> Path | None:
    """Return the file of profiles, whether it exists or not; None if this user has no home folder."""
    folder = config_folder()
    return None if folder is None else folder / _FILE


def with_profile(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the values of the profile that it names, or of the default one, where it has none.

    Raises:
        SettingsError: the file, the profile or a value in it cannot be used.
    """
    return apply_profile(environment).environment


def apply_profile(environment: Mapping[str, str], without: frozenset[str] = frozenset()) -> Applied:
    """Put the settings of a profile under those of the environment.

    A setting of the environment takes the place of the profile's, and so does one that says the same in another way,
    such as the key for the file with the key.

    Args:
        environment: the settings as text, those of flags among them.
        without: variables whose values in the profile are left out, because they are known to be wrong.

    Raises:
        SettingsError: the file, the profile or a value in it cannot be used. `names` has the variable of such a value.
    """
    named = environment.get(PROFILE, "").strip()
    if not is_given(named):
        named = ""
    file = profiles_file()
    if file is None or not _exists(file):
        if named:
            where = "there is no home folder to look in" if file is None else f"there is no file {file}"
            raise SettingsError(
                f"There is no profile {named:.64}: {where}. Make one with `projects-mcp login`.", (PROFILE,)
            )
        return Applied(dict(environment))
    from projects_mcp.config import profile_file  # noqa: PLC0415 - TOML is read only where there is a file

    profile = profile_file.read_profile(file, named or DEFAULT_PROFILE, required=bool(named))
    if profile is None:
        return Applied(dict(environment))
    covered = related(name for name in VARIABLES if is_given(environment.get(name, "")))
    texts = {name: text for name, text in profile.texts.items() if name not in covered | without}
    for name, text in texts.items():
        profile.check(name, text)
    sandbox = is_given(environment.get("PROJECTS_MCP_SANDBOX", "")) or "PROJECTS_MCP_SANDBOX" in texts
    if profile.keyring and not sandbox and _KEY not in covered | without:
        texts[_KEY] = profile.read_keyring()
    return Applied({**environment, **texts, PROFILE: profile.name}, profile, frozenset(texts), bool(named))


def _exists(file: Path) -> bool:
    try:
        file.stat()
    except FileNotFoundError:
        return False
    except OSError:  # it is there, and reading it will say what is wrong
        return True
    return True
