"""Read the file of profiles, and say in one line what is wrong with it.

Each `[profiles.NAME]` holds settings under the names of their variables, in lower case and without the prefix.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from projects_mcp.config.credential_text import UnusableFile, looks_like_key, read_small_file, shown_path
from projects_mcp.config.parsers import SettingsError, parse_key_file, parse_path
from projects_mcp.config.profiles import PROFILE
from projects_mcp.config.system_keyring import KeyringError, read_key
from projects_mcp.config.variables import VARIABLES, is_profile_name

__all__ = ["KEYRING", "SECTION", "Profile", "profile_key", "read_document", "read_profile", "read_profiles"]

SECTION: Final = "profiles"
KEYRING: Final = "keyring"
"""The name under which a profile says that its key is in the system's keyring."""
_KEY: Final = "POSTHOG_PERSONAL_API_KEY"
_KEY_FILE: Final = "POSTHOG_PERSONAL_API_KEY_FILE"
_PREFIXES: Final = ("POSTHOG_PERSONAL_API_", "POSTHOG_", "PROJECTS_MCP_")
_OTHERS: Final = 0o077
_TOO_LARGE: Final = "is larger than 64 kB"
_LONGEST_SHOWN: Final = 40


def profile_key(variable: str) -> str:
    """Return the name of a setting in a profile, such as `key_file` for `POSTHOG_PERSONAL_API_KEY_FILE`."""
    prefix = next(prefix for prefix in _PREFIXES if variable.startswith(prefix))
    return variable.removeprefix(prefix).lower()


_VARIABLES: Final[Mapping[str, str]] = {profile_key(name): name for name in VARIABLES if name != PROFILE}
"""The variable of each name in a profile."""


class Profile(NamedTuple):
    """One profile.

    Attributes:
        name: as in the header of its table.
        file: that holds it.
        texts: its settings by variable, as text.
        keyring: its key is in the system's keyring.
    """

    name: str
    file: Path
    texts: Mapping[str, str]
    keyring: bool = False

    def check(self, variable: str, text: str) -> None:
        """Check one value.

        Raises:
            SettingsError: it is wrong. The text names the file, the table and the setting as it is called there.
        """
        try:
            VARIABLES[variable].parse(variable, text)
        except SettingsError as error:
            words = str(error).replace(_KEY_FILE, profile_key(_KEY_FILE))
            words = words.replace(variable, profile_key(variable)).replace(_KEY, profile_key(_KEY))
            raise SettingsError(f"{self.where}: {words}", (variable,)) from None

    def read_keyring(self) -> str:
        """Return the key that the system's keyring holds for this profile.

        Raises:
            SettingsError: it holds none, or cannot be asked.
        """
        again = f"run `projects-mcp login --profile {self.name}`"
        try:
            key = read_key(self.name)
        except KeyringError as error:
            raise SettingsError(f"{self.where}: the key is in the system's keyring, and {error}.", (_KEY,)) from None
        if key is None:
            raise SettingsError(f"{self.where}: the system's keyring holds no key for it; {again}.", (_KEY,))
        return key

    @property
    def where(self) -> str:
        """The file and the table, for a sentence."""
        return f"{shown_path(self.file)}, [{SECTION}.{self.name}]"


def read_profile(file: Path, name: str, *, required: bool) -> Profile | None:
    """Read one profile.

    Args:
        file: of the profiles; it exists.
        name: of the profile.
        required: whether it must be there.

    Returns:
        The profile; None if there is none of that name, and it need not be there.

    Raises:
        SettingsError: the file or the profile cannot be used. The text is one line and shows no value.
    """
    tables = _tables(file, read_document(file))
    if name in tables:
        return _build(file, name, tables[name])
    if not required:
        return None
    known = f"It has {', '.join(list(tables)[:10])}" if tables else "It has none"
    raise SettingsError(
        f"{shown_path(file)} has no profile {_shown(name)}{_nearest(name, tables)}. {known}; `projects-mcp login "
        f"--profile NAME` makes one.",
        (PROFILE,),
    )


def read_profiles(file: Path) -> list[Profile]:
    """Read every profile of a file, in its order.

    Raises:
        SettingsError: the file or a profile cannot be used.
    """
    return [_build(file, name, table) for name, table in _tables(file, read_document(file)).items()]


def read_document(file: Path) -> dict[str, Any]:
    """Read the file as TOML. One that holds a secret must be closed to others.

    Raises:
        SettingsError: it cannot be read, or is open to others.
    """
    try:
        text = read_small_file(file, too_large=_TOO_LARGE, may_be_empty=True)
        document = tomllib.loads(text)
    except UnusableFile as error:
        raise SettingsError(f"The file of profiles, {shown_path(file)}, {error}.", (PROFILE,)) from None
    except (ValueError, RecursionError) as error:
        where = re.search(r"at (?:line \d+|end of document)", str(error))
        line = f" {where[0]}" if where else ""
        raise SettingsError(f"The file of profiles, {shown_path(file)}, is not TOML{line}.", (PROFILE,)) from None
    if hasattr(os, "getuid") and _holds_secret(document):
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & _OTHERS:
            raise SettingsError(
                f"{shown_path(file)} holds a key and can be read by others: chmod {mode & ~_OTHERS:o} it.", (PROFILE,)
            )
    return document


def _holds_secret(document: Mapping[str, Any]) -> bool:
    tables = document.get(SECTION)
    names = (
        [name for table in tables.values() if isinstance(table, dict) for name in table]
        if isinstance(tables, dict)
        else []
    )
    return any(name in _VARIABLES and (VARIABLES[_VARIABLES[name]].secret or name == "state") for name in names)


def _tables(file: Path, document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    if unknown := [name for name in document if name != SECTION]:
        raise SettingsError(
            f"{shown_path(file)} has {_shown(unknown[0])}, which means nothing there: each profile is a table "
            f"[{SECTION}.NAME].",
            (PROFILE,),
        )
    tables = document.get(SECTION, {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise SettingsError(f"{shown_path(file)}: each profile is a table of its own, [{SECTION}.NAME].", (PROFILE,))
    if wrong := [name for name in tables if not is_profile_name(name)]:
        raise SettingsError(
            f"{shown_path(file)}, [{SECTION}.{_shown(wrong[0])}]: a profile's name has 1 to 64 letters, digits, dots, "
            "hyphens or underscores.",
            (PROFILE,),
        )
    return tables


def _build(file: Path, name: str, table: Mapping[str, Any]) -> Profile:
    where = f"{shown_path(file)}, [{SECTION}.{name}]"
    texts: dict[str, str] = {}
    for key, value in table.items():
        if key == KEYRING:
            if not isinstance(value, bool):
                raise SettingsError(f"{where}: {KEYRING} must be true or false.", (_KEY,))
        elif key in _VARIABLES:
            text = _text_of(value)
            if text is None:
                problem = "must be a text, a number, true or false, or a list of texts or numbers"
                raise SettingsError(f"{where}: {key} {problem}.", (_VARIABLES[key],))
            if text.strip():
                texts[_VARIABLES[key]] = _from_folder(_VARIABLES[key], text.strip(), file.parent)
        else:
            near = _nearest(key.lower(), [*_VARIABLES, KEYRING])
            raise SettingsError(f"{where}: {_shown(key)} is no setting{near}.", (PROFILE,))
    keyring = table.get(KEYRING, False)
    if sum((keyring, _KEY in texts, _KEY_FILE in texts)) > 1:
        raise SettingsError(f"{where}: set one of key_file, {KEYRING} and key, not more.", (_KEY, _KEY_FILE))
    return Profile(name, file, texts, keyring)


def _text_of(value: object) -> str | None:
    """Return a value as the environment would hold it; None for one that it cannot hold."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, list) and all(isinstance(one, str | int) and not isinstance(one, bool) for one in value):
        return ",".join(map(str, value))
    return None


def _from_folder(variable: str, text: str, folder: Path) -> str:
    """Read a path in the file from the folder of the file: a server is started in whatever folder its client is in."""
    if VARIABLES[variable].parse not in {parse_path, parse_key_file} or text.startswith("~") or looks_like_key(text):
        return text
    return str(folder / text)


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name[:100], list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _shown(name: str) -> str:
    """Return a name of the file as it can be shown: what looks like a key may have been pasted there."""
    return name if is_profile_name(name) and not looks_like_key(name) and len(name) <= _LONGEST_SHOWN else "…"
