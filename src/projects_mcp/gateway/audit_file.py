"""Append lines to the audit file, each chained to the line before it, whoever wrote that.

The chain is over the file, and not over one process: whoever appends holds a lock on the file while it reads where the
file ends, and writes one line. The file is opened for each line, so that rotating it away is noticed.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from projects_mcp.gateway.audit_chain import LONGEST_LINE, Head, chained, digest_of, parse_link

if sys.platform != "win32":
    import fcntl

__all__ = ["AuditFile"]

_OWNER_ONLY: Final = 0o600
_OTHERS: Final = 0o077
_APPEND: Final = os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_TAIL: Final = 8_192
"""Bytes of the end of the file that are read first: nearly always the whole of the last line."""
_MOST_RENAMES: Final = 8
"""How often the file may be rotated away between opening and locking it, before it is written where it is."""
_SHORTEST_PAUSE_S: Final = 0.0005
_LONGEST_PAUSE_S: Final = 0.02


class _Known(NamedTuple):
    """The last line that this process wrote, where it ends, and in which file."""

    device: int
    inode: int
    end: int
    head: Head


class _End(NamedTuple):
    """How the file ends: the digest of its last line, the number of the last chained one, and whether it is cut off.

    The digest is None if there is no line, or one that is too long.
    """

    previous: str | None
    sequence: int
    torn: bool


@dataclass
class AuditFile:
    """One audit file. Its methods may be called from several threads, and in several processes for one file.

    A file that is not a regular one, that may be appended to and not read, or that cannot be locked (on Windows, and
    on file systems without locks) gets its lines without a chain.
    """

    path: Path
    _known: _Known | None = field(default=None, init=False)
    _torn: bool = field(default=False, init=False)
    """The last line was cut off, where the file cannot be read, so the next one begins on a new line."""

    def probe(self) -> None:
        """Make sure that the file can be appended to.

        Raises:
            OSError: it cannot.
        """
        os.close(self._open()[0])

    def append(self, line: bytes, *, durable: bool, wait_s: float, must_chain: bool) -> None:
        """Append one line.

        Args:
            line: a JSON object without a line break.
            durable: return only when the disk has it.
            wait_s: seconds to wait for the lock, which others hold for microseconds.
            must_chain: fail if the lock cannot be had in that time; else the line is written without a chain.

        Raises:
            OSError: it cannot be written, or only in part.
        """
        descriptor, locked = self._open_locked(wait_s, must_chain=must_chain)
        try:
            if locked is None:
                self._write_alone(descriptor, line)
            else:
                self._write_chained(descriptor, locked, line)
            if durable and stat.S_ISREG((locked or os.fstat(descriptor)).st_mode):
                if locked is not None:
                    _unlock(descriptor)  # nobody waits for the disk: the order is settled
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _open(self) -> tuple[int, bool]:
        """Open the file, and return whether it can be chained: it is a regular one, and can be read."""
        readable = sys.platform != "win32"
        try:
            descriptor = os.open(self.path, _APPEND | (os.O_RDWR if readable else os.O_WRONLY), _OWNER_ONLY)
        except PermissionError:
            readable = False
            descriptor = os.open(self.path, _APPEND | os.O_WRONLY, _OWNER_ONLY)
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            if status.st_mode & _OTHERS and hasattr(os, "fchmod"):
                with suppress(PermissionError):  # somebody else's file that we may append to
                    os.fchmod(descriptor, _OWNER_ONLY)
            return descriptor, readable
        if readable:  # a pipe that is opened for reading too would take lines that nobody reads
            os.close(descriptor)
            descriptor = os.open(self.path, _APPEND | os.O_WRONLY, _OWNER_ONLY)
        return descriptor, False

    def _open_locked(self, wait_s: float, *, must_chain: bool) -> tuple[int, os.stat_result | None]:
        """Open and lock the file that is at the path now, and return its status; None if it cannot be chained."""
        deadline = time.monotonic() + wait_s
        for _ in range(_MOST_RENAMES):
            descriptor, chains = self._open()
            try:
                if not (chains and _lock(descriptor, deadline, must_have=must_chain)):
                    return descriptor, None
                locked = os.fstat(descriptor)
                with suppress(FileNotFoundError):
                    if os.path.samestat(self.path.stat(), locked):
                        return descriptor, locked
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # rotated away while this waited
        raise OSError(errno.EAGAIN, "it is renamed again and again")

    def _write_chained(self, descriptor: int, status: os.stat_result, line: bytes) -> None:
        known, end = self._known, _end_of(descriptor, status.st_size)
        same_file = known is not None and (known.device, known.inode) == (status.st_dev, status.st_ino)
        continues = None if known is None or (same_file and status.st_size >= known.end) else known.head
        whole = chained(line, end.sequence + 1, end.previous, continues)
        if len(whole) > LONGEST_LINE:
            raise OSError(errno.EMSGSIZE, "the line is too long")
        written = _write(descriptor, b"\n" * end.torn + whole + b"\n")
        self._known = _Known(
            status.st_dev, status.st_ino, status.st_size + written, Head(end.sequence + 1, digest_of(whole))
        )

    def _write_alone(self, descriptor: int, line: bytes) -> None:
        torn, self._torn = self._torn, True
        _write(descriptor, b"\n" * torn + line + b"\n")
        self._torn = False


def _write(descriptor: int, data: bytes) -> int:
    if os.write(descriptor, data) != len(data):
        raise OSError("the line was written in part")
    return len(data)


def _lock(descriptor: int, deadline: float, *, must_have: bool) -> bool:
    """Lock the file against others who append, and return whether that was possible.

    Raises:
        OSError: another process held the lock until the deadline, and it must be had.
    """
    if sys.platform == "win32":
        return False
    pause = _SHORTEST_PAUSE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                if must_have:
                    raise OSError(errno.EAGAIN, "another process keeps it locked") from None
                return False
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        except OSError:  # a file system without locks
            return False
        else:
            return True


def _unlock(descriptor: int) -> None:
    if sys.platform != "win32":
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _end_of(descriptor: int, size: int) -> _End:
    """Read how a file ends. Reads once, unless its last line is longer than nearly any."""
    if sys.platform == "win32" or size == 0:
        return _End(None, 0, torn=False)
    torn = False
    for length in (_TAIL, LONGEST_LINE + 2):
        tail = os.pread(descriptor, length, max(0, size - length))
        torn = not tail.endswith(b"\n")
        lines = (tail if torn else tail[:-1]).split(b"\n")
        if size > length:
            del lines[0]  # the end of a line
        if lines:
            # A torn line, or one of another program, has no number: the next one goes on from the last that has.
            numbers = (link.sequence for line in reversed(lines) if (link := parse_link(line)) is not None)
            return _End(digest_of(lines[-1]), next(numbers, 0), torn)
    return _End(None, 0, torn)
