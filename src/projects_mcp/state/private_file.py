"""A file that nobody but its owner can read, write or replace."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["OWNER_ONLY", "NotPrivate", "check_private", "prepare_folder"]

OWNER_ONLY: Final = 0o600
_FOLDER_OWNER_ONLY: Final = 0o700
_OTHERS: Final = 0o077


class NotPrivate(Exception):
    """A file or its folder is not private, or cannot be made. The text says why, in a few words of ours."""


def prepare_folder(folder: Path) -> None:
    """Make a folder if there is none, and make sure that it is private.

    Raises:
        NotPrivate: it cannot be made, is a link or no folder, belongs to somebody else, or is open to others.
    """
    with suppress(FileExistsError):
        try:
            folder.mkdir(_FOLDER_OWNER_ONLY, parents=True)
        except FileExistsError:
            raise
        except OSError as error:
            raise NotPrivate(f"its folder cannot be made ({_words(error)})") from None
    _check(folder, "its folder", folder=True)


def check_private(file: Path) -> bool:
    """Make sure that a file is an ordinary one of this user's own, and take its permissions for others away.

    Returns:
        Whether there is one.

    Raises:
        NotPrivate: it is something else, or belongs to somebody else.
    """
    try:
        status = file.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise NotPrivate(f"it cannot be looked at ({_words(error)})") from None
    _check(file, "it", folder=False)
    if hasattr(os, "getuid") and status.st_mode & _OTHERS:
        with suppress(OSError):  # of a read-only disk: its folder is private anyhow
            file.chmod(OWNER_ONLY)
    return True


def _check(path: Path, what: str, *, folder: bool) -> None:
    """Look at the thing itself, not at what a link points to."""
    try:
        status = path.lstat()
    except OSError as error:
        raise NotPrivate(f"{what} cannot be looked at ({_words(error)})") from None
    if stat.S_ISLNK(status.st_mode):
        raise NotPrivate(f"{what} is a symbolic link")
    if not (stat.S_ISDIR(status.st_mode) if folder else stat.S_ISREG(status.st_mode)):
        raise NotPrivate(f"{what} is no {'folder' if folder else 'ordinary file'}")
    if not hasattr(os, "getuid"):
        return
    if status.st_uid != os.getuid():
        raise NotPrivate(f"{what} belongs to another user")
    if folder and status.st_mode & _OTHERS:
        raise NotPrivate(f"{what} is open to others; make it private with chmod 700")


def _words(error: OSError) -> str:
    return (error.strerror or "unknown reason").lower()
