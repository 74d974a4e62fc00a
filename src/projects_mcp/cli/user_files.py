"""Read and replace a file that others write too: nobody ever sees half of it, and no change of another is lost."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Final, NamedTuple

__all__ = ["Found", "NotMergedError", "read_file", "replace_file"]

_MOST_BYTES: Final = 8 * 1024 * 1024
"""The largest file that is worked on. Clients' files have some kilobytes."""


_ACCESS_LIST: Final = "system.posix_acl_access"
_OF_USERS: Final = "user."
"""Extended attributes of Linux that belong to whoever owns a file."""


class NotMergedError(Exception):
    """The file was not changed. The text says why, and what to do."""


class Found(NamedTuple):
    """A file as it was read.

    Attributes:
        path: the file itself, behind all symbolic links.
        data: its bytes; None if there is no such file yet.
        status: its mode and owner; None if there is no such file yet.
    """

    path: Path
    data: bytes | None = None
    status: os.stat_result | None = None


def read_file(file: Path) -> Found:
    """Read a file, if it is one that may be replaced.

    Raises:
        NotMergedError: it must be left alone.
        OSError: it cannot be read.
    """
    try:
        path = file.resolve()
    except RuntimeError:  # before Python 3.13, for links that lead to each other
        raise NotMergedError("It is a link that leads to itself.") from None
    try:
        status = path.stat()
    except FileNotFoundError:
        return Found(path)
    if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
        raise NotMergedError("It is not a regular file.")
    if status.st_size > _MOST_BYTES:
        raise NotMergedError(f"It has more than {_MOST_BYTES // 1024 // 1024} MB.")
    if status.st_nlink > 1:
        raise NotMergedError("It has a second name, a hard link, which would keep the former content.")
    # The mode is asked too: to the superuser, every file is writable.
    if not status.st_mode & 0o222 or not os.access(path, os.W_OK):
        raise NotMergedError("It is read-only.")
    return Found(path, path.read_bytes(), status)


def replace_file(found: Found, new: bytes, *, backup: bool = True, new_mode: int = 0o666) -> Path | None:
    """Replace a file atomically. It keeps its mode, owner and extended attributes.

    Args:
        found: the file as it was read.
        new: its new content.
        backup: whether to keep what it was, in a file beside it.
        new_mode: the permissions of one that is not there yet, before the umask.

    Returns:
        The backup; None if none was made.

    Raises:
        NotMergedError: somebody else has written the file in the meantime.
        OSError: it cannot be written, or its owner or an attribute cannot be kept. Nothing was changed.
    """
    path = found.path
    path.parent.mkdir(parents=True, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    kept = None if found.data is None or not backup else path.with_name(f"{path.name}.backup-{stamp}")
    temporary = path.with_name(f".{path.name}.{token_hex(8)}.tmp")
    written: list[Path] = []
    try:
        _create(temporary, new, found, new_mode)
        written.append(temporary)
        if kept is not None and found.data is not None:
            _create(kept, found.data, found)
            written.append(kept)
        _require_unchanged(found)
        temporary.replace(path)
    except BaseException:
        for each in written:
            each.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    return kept


def _require_unchanged(found: Found) -> None:
    """Raise if a client has written its file in the meantime: that change must not be lost."""
    path = found.path
    if (path.read_bytes() if path.exists() else None) != found.data:
        raise NotMergedError("Something else wrote the file in the meantime. Close what has it open, and try again.")


def _create(path: Path, data: bytes, like: Found, new_mode: int = 0o666) -> None:
    """Write a new file and flush it to the disk, with all that another one has; without one, with a mode."""
    status = like.status
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags, new_mode if status is None else 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            if status is not None:
                _keep_owner(path, status)
                path.chmod(stat.S_IMODE(status.st_mode))  # after the owner, whose change takes bits of it away
                _keep_attributes(path, like.path)
            stream.flush()
            os.fsync(stream.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _keep_owner(path: Path, status: os.stat_result) -> None:
    if not hasattr(os, "chown"):
        return
    mine = path.stat()
    if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
        os.chown(path, status.st_uid, status.st_gid)


def _keep_attributes(path: Path, like: Path) -> None:
    """Give a file the extended attributes of another one, and who besides its owner and group may do what (ACL).

    Attributes of the system itself are left to the system.

    Raises:
        OSError: one cannot be kept.
    """
    if sys.platform != "linux":
        return
    try:
        names = os.listxattr(like)
    except OSError as error:
        if error.errno == errno.ENOTSUP:  # the file system has none
            return
        raise
    for name in names:
        if name == _ACCESS_LIST or name.startswith(_OF_USERS):
            os.setxattr(path, name, os.getxattr(like, name))


def _sync_folder(folder: Path) -> None:
    """Flush the new name to the disk, where the system lets a folder be opened. The file is replaced already."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
