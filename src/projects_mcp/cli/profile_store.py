"""Write the profiles of this user: the file itself, and the key of each."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Final, NamedTuple

from projects_mcp.cli.toml_tables import Value, set_values
from projects_mcp.cli.user_files import NotMergedError, read_file, replace_file
from projects_mcp.config.credential_text import shown_path
from projects_mcp.config.parsers import SettingsError
from projects_mcp.config.profile_file import KEYRING, SECTION, Profile, read_document
from projects_mcp.config.profiles import profiles_file
from projects_mcp.config.system_keyring import KeyringError, delete_key, is_keyring_usable, write_key

__all__ = [
    "CannotKeep",
    "KeptKey",
    "check_writable",
    "forget_key",
    "keep_key",
    "own_key_file",
    "required_file",
    "write_profile",
]

_OWNER_ONLY: Final = 0o600
_FOLDER_OWNER_ONLY: Final = 0o700
_WRITABLE_BY_OTHERS: Final = 0o022
_KEY_NAMES: Final = ("key_file", KEYRING, "key")
"""The names in a profile that say where its key is."""


class CannotKeep(Exception):
    """A key or a profile cannot be written. The text is one or two sentences, and shows no key."""


class KeptKey(NamedTuple):
    """Where a key was put.

    Attributes:
        values: for the profile: what it says of the key from now on.
        where: for a sentence.
    """

    values: Mapping[str, Value | None]
    where: str


def required_file() -> Path:
    """Return the file of profiles, whether it exists or not.

    Raises:
        SettingsError: this user has no home folder.
    """
    file = profiles_file()
    if file is None:
        raise SettingsError("This user has no home folder, so there is no place for profiles.")
    return file


def own_key_file(file: Path, name: str) -> Path:
    """Return the file in which the key of a profile is kept, beside the file of profiles."""
    return file.parent / f"{name}.key"


def keep_key(file: Path, name: str, key: str) -> KeptKey:
    """Keep the key of a profile in the keyring of the system; without one, in a file that only its owner can read.

    Args:
        file: of the profiles.
        name: of the profile.
        key: is checked, and works.

    Raises:
        CannotKeep: it cannot be written.
    """
    values: dict[str, Value | None] = dict.fromkeys(_KEY_NAMES)
    if is_keyring_usable():
        try:
            write_key(name, key)
        except KeyringError:
            pass  # it is locked, or full: the file takes its place, and is named
        else:
            own_key_file(file, name).unlink(missing_ok=True)  # of a login before there was a keyring
            return KeptKey({**values, KEYRING: True}, "in the keyring of this system")
    place = own_key_file(file, name)
    try:
        _prepare(file.parent)
        _write_private(place, key)
    except OSError as error:
        raise CannotKeep(f"{shown_path(place)} cannot be written: {(error.strerror or 'unknown').lower()}.") from None
    return KeptKey({**values, "key_file": place.name}, f"in {shown_path(place)}, which only you can read")


def forget_key(profile: Profile) -> str | None:
    """Delete the key of a profile, if it is where `login` keeps keys, and take it out of the file of profiles.

    Returns:
        What was done, as a sentence; None if the profile has no key.

    Raises:
        CannotKeep: it cannot be deleted, or the file cannot be changed.
    """
    own = own_key_file(profile.file, profile.name)
    named = profile.texts.get("POSTHOG_PERSONAL_API_KEY_FILE")
    if not profile.keyring and named is None and "POSTHOG_PERSONAL_API_KEY" not in profile.texts:
        return None
    done = f"The key was taken out of {shown_path(profile.file)}."
    try:
        if profile.keyring:
            delete_key(profile.name)
            done = "The key was deleted from the keyring of this system."
        elif named is not None and Path(named) == own:
            own.unlink(missing_ok=True)
            done = f"{shown_path(own)} was deleted."
        elif named is not None:
            done = f"The profile no longer names {shown_path(Path(named))}. That file is yours, and was left alone."
    except KeyringError as error:
        raise CannotKeep(f"The key is in the keyring of this system, and {error}.") from None
    except OSError as error:
        raise CannotKeep(f"{shown_path(own)} cannot be deleted: {(error.strerror or 'unknown').lower()}.") from None
    write_profile(profile.file, profile.name, dict.fromkeys(_KEY_NAMES))
    return done


def write_profile(file: Path, name: str, values: Mapping[str, Value | None]) -> None:
    """Set values of a profile, and leave all else in the file as it is, comments too.

    Args:
        file: of the profiles; made if it is not there.
        name: of the profile; made if it is not there.
        values: by name; None takes one out.

    Raises:
        CannotKeep: the file cannot be changed. The text says what belongs into it.
    """
    try:
        _prepare(file.parent)
        found = read_file(file)
        text = set_values((found.data or b"").decode(), (SECTION, name), values)
        # A backup would keep a key that was taken out.
        replace_file(found, text.encode(), backup=False, new_mode=_OWNER_ONLY)
    except (NotMergedError, UnicodeDecodeError) as error:
        wanted = ", ".join(f"{key} = {str(value).lower()}" for key, value in values.items() if value is not None)
        reason = str(error) if isinstance(error, NotMergedError) else "It is not UTF-8 text."
        raise CannotKeep(f"{shown_path(file)} was not changed. {reason} [{SECTION}.{name}] needs: {wanted}.") from None
    except OSError as error:
        raise CannotKeep(f"{shown_path(file)} cannot be written: {(error.strerror or 'unknown').lower()}.") from None


def check_writable(file: Path, name: str) -> None:
    """Make sure that a profile can be written, before a key is asked for.

    Raises:
        SettingsError: the file is there and cannot be used.
        CannotKeep: its folder, or the table, cannot be changed.
    """
    if file.exists():
        read_document(file)
    try:
        _prepare(file.parent)
        set_values((read_file(file).data or b"").decode(), (SECTION, name), {"host": "us"})
    except NotMergedError as error:
        raise CannotKeep(f"{shown_path(file)} cannot be changed. {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "unknown").lower() if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CannotKeep(f"{shown_path(file)} cannot be changed: {reason}.") from None


def _prepare(folder: Path) -> None:
    """Make the folder of the profiles if there is none, and see that nobody else can put files there.

    Raises:
        CannotKeep: others can.
        OSError: it cannot be made.
    """
    folder.mkdir(_FOLDER_OWNER_ONLY, parents=True, exist_ok=True)
    status = folder.stat()
    if not hasattr(os, "getuid"):
        return
    if status.st_uid not in {os.getuid(), 0} or stat.S_IMODE(status.st_mode) & _WRITABLE_BY_OTHERS:
        raise CannotKeep(f"Others can write in {shown_path(folder)}: chmod 700 {shown_path(folder)}, and try again.")


def _write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, at once and whole."""
    temporary = file.with_name(f".{file.name}.{token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(f"{text}\n")
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
