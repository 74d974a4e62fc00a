"""Where a new secret goes, so that nobody has to read it from an answer: a file that only its owner can read."""

from __future__ import annotations

import errno
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Final, NamedTuple

__all__ = ["ReservedSecretFile", "SecretFolder", "SecretFolderUnavailable"]

_OTHERS: Final = 0o077
_RESERVED_BYTES: Final = 512
"""Bytes that a reserved file takes on the disk: more than PostHog's longest secret with its newline."""


class SecretFolderUnavailable(Exception):
    """The folder for secrets cannot be used. `reason` says why, in a few words of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ReservedSecretFile(NamedTuple):
    """A private file that waits for its secret under a temporary name, and holds as many bytes already."""

    temporary: Path
    final: Path

    def fill(self, secret: str) -> Path:
        """Write the secret and give the file its name, at once and whole.

        Raises:
            SecretFolderUnavailable: it could not be written, or another file has taken the name.
        """
        try:
            with self.temporary.open("r+b") as file:  # without truncation first: the bytes on the disk are ours
                file.write(secret.encode() + b"\n")
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
            os.link(self.temporary, self.final)  # unlike a rename, it refuses to replace a file
        except OSError:
            raise SecretFolderUnavailable("it could not be written") from None
        finally:
            self.discard()
        return self.final

    def discard(self) -> None:
        """Remove the temporary file, if it is still there."""
        self.temporary.unlink(missing_ok=True)


class SecretFolder(NamedTuple):
    """The operator's folder for secrets."""

    folder: Path

    def reserve(self, project: int) -> ReservedSecretFile:
        """Make sure that a secret of this project can be written, before it exists.

        Raises:
            SecretFolderUnavailable: the folder is missing, readable by others, or cannot be written.
        """
        try:
            status = self.folder.stat()
        except OSError:
            raise SecretFolderUnavailable("it does not exist") from None
        if not stat.S_ISDIR(status.st_mode):
            raise SecretFolderUnavailable("it is not a folder")
        if hasattr(os, "getuid") and status.st_uid != os.getuid():
            raise SecretFolderUnavailable("it belongs to another user than this server runs as")
        if hasattr(os, "getuid") and status.st_mode & _OTHERS:
            raise SecretFolderUnavailable("others can read it; make it private with chmod 700")
        when = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        unique = token_hex(4)
        temporary = self.folder / f".project-{project}-{unique}.tmp"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            raise SecretFolderUnavailable("it cannot be written") from None
        try:
            _occupy(descriptor)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            raise SecretFolderUnavailable("its disk is full" if full else "it cannot be written") from None
        return ReservedSecretFile(temporary, self.folder / f"project-{project}-secret-token-{when}-{unique}")


def _occupy(descriptor: int) -> None:
    """Write placeholder bytes and flush them to the disk, so that a full one shows now. Close the file."""
    with os.fdopen(descriptor, "wb") as file:
        file.write(b"\n" * _RESERVED_BYTES)
        file.flush()
        os.fsync(file.fileno())
