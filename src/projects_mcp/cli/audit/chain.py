"""Check the order of the lines: what was altered, left out, moved or put in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from projects_mcp.cli.audit.findings import Finding, Kind
from projects_mcp.cli.audit.lines import Line
from projects_mcp.gateway.audit_chain import Head, Link

__all__ = ["ChainCheck"]

_REMEMBERED: Final = 65_536
"""Lines of the files before whose digests are kept, to be found again by a file that goes on from one of them."""


@dataclass
class _File:
    """What is known of the file at hand, as far as it has been read."""

    name: str
    sequence: int = 0
    """Of the last line that stands where it belongs."""
    anchor: str | None = None
    """The digest of that line."""
    before: str | None = None
    """The digest of the line directly before, whatever it is."""
    unknown: int = 0
    """Lines since `anchor` that may have had a number, and whose number cannot be believed."""
    unlinked: int = 0
    """Lines since `anchor` without a number."""
    excused: bool = False
    """The line directly before is found to be wrong, so what is said of it cannot fit."""
    pending: Line | None = None
    """The line directly before, if it is no JSON: what follows shows whether it was written so."""
    former: int = 0
    """Lines without a chain before the first one with it."""
    head: Head | None = None
    linked: bool = False
    """A line of it names the last line of the file before."""


@dataclass
class ChainCheck:
    """Checks files in the order in which they were written.

    Args:
        heads: heads that were noted before, and must still be there.
    """

    heads: Collection[Head] = ()
    lines: int = 0
    chained: int = 0
    former: int = 0
    """Lines of versions without a chain, at the heads of the files."""
    found_heads: dict[Head, int] = field(default_factory=dict)
    """The heads that are still there, each with how many chained lines follow it."""
    _file: _File | None = None
    _before: _File | None = None
    _continued: bool = False
    _remembered: OrderedDict[str, None] = field(default_factory=OrderedDict)

    @property
    def head(self) -> Head | None:
        """The last chained line of the last file."""
        return None if self._file is None else self._file.head

    @property
    def follows_unseen(self) -> bool:
        """Whether the file at hand goes on from one that was not given, or holds lines of former versions."""
        return self._file is not None and self._before is None and (self._file.former > 0 or self._continued)

    def begin(self, name: str) -> None:
        """Go on with the next file."""
        self._before, self._file = self._file, _File(name)

    def check(self, line: Line) -> Iterator[Finding]:
        """Check the next line of the file."""
        file = self._at()
        self.lines += 1
        link = line.link
        yield from self._settle(file, link)
        if link is None or not link.intact or line.record is None or not line.ended:
            yield from self._broken(file, line)
        else:
            self.chained += 1
            yield from self._place(file, line, link)
            yield from self._follows(file, line, link)
            self._note(Head(link.sequence, line.digest))
        file.before = line.digest

    def end(self) -> Iterator[Finding]:
        """Say what shows only at the end of a file."""
        file = self._at()
        yield from self._settle(file, None)
        self.former += file.former
        if file.head is None:
            if file.former:
                yield Finding(Kind.UNCHAINED, "No line is chained: nothing can be said about changes.", file.name)
        elif self._before is not None and self._before.head is not None and not file.linked:
            sentence = f"No line names the end of {self._before.name}: whether lines are missing there is not known."
            yield Finding(Kind.FILE_BEFORE, sentence, file.name, note=True)

    def missing_heads(self) -> Iterator[Finding]:
        """Say which heads are gone, after the last file."""
        for head in self.heads:
            if head not in self.found_heads:
                sentence = f"The line {head} that was noted is not there: lines were cut off at the end, or altered."
                yield Finding(Kind.HEAD, sentence, self._at().name)

    def _at(self) -> _File:
        if self._file is None:
            raise AssertionError("no file was begun")
        return self._file

    @staticmethod
    def _settle(file: _File, link: Link | None) -> Iterator[Finding]:
        """Say of a line that is no JSON whether the next one was written behind it as it is."""
        line, file.pending = file.pending, None
        if line is None:
            return
        if not line.ended or (link is not None and link.previous == line.digest):
            sentence = "This line was cut off as it was written: by the end of the process, or a full disk."
            yield Finding(Kind.TORN, sentence, file.name, line.number)
        else:
            yield Finding(Kind.NOT_JSON, "This line is not JSON: it was altered or put in.", file.name, line.number)

    def _broken(self, file: _File, line: Line) -> Iterator[Finding]:
        """Say what is wrong with a line that cannot be trusted for its place."""
        file.excused = True
        if line.too_long:
            yield Finding(Kind.TOO_LONG, "This line is longer than any that is written.", file.name, line.number)
        elif line.record is None or not line.ended:
            file.pending = line
        elif line.link is not None:
            sentence = "This line is not as it was written: its own digest does not fit."
            yield Finding(Kind.ALTERED, sentence, file.name, line.number)
        else:
            file.excused = False
            file.unlinked += 1
            if file.head is None:
                file.former += 1
                return
            sentence = (
                "This line has no chain: it was put in or altered, or written without a lock or by a former version."
            )
            yield Finding(Kind.UNCHAINED, sentence, file.name, line.number)
            return
        file.unknown += 1

    def _place(self, file: _File, line: Line, link: Link) -> Iterator[Finding]:
        """Compare a line's place with the lines before it, and go on from it unless it is out of order."""
        fits = link.previous == file.before
        missing = link.sequence - (file.sequence + 1 + file.unknown)
        if link.sequence <= file.sequence and not (fits and (file.unlinked or file.unknown)):
            sentence = (
                f"This line has number {link.sequence} and stands behind number {file.sequence}: "
                "it was moved, repeated or put in."
            )
            yield Finding(Kind.OUT_OF_ORDER, sentence, file.name, line.number)
            file.excused = True
            return
        # Lines without a number have been reported: what was written without knowing them fits the line before them.
        known = fits or file.excused or (file.unlinked > 0 and link.previous == file.anchor is not None)
        if missing > 0:
            what = "1 line is" if missing == 1 else f"{missing} lines are"
            yield Finding(Kind.LEFT_OUT, f"Before this line, {what} missing.", file.name, line.number)
        elif not known and file.before is None:
            yield Finding(Kind.LEFT_OUT, "Before this line, the begin of the file is missing.", file.name, line.number)
        elif not known:
            sentence = "The line before this one is not the one that it was written behind: that was put in or altered."
            yield Finding(Kind.REPLACED, sentence, file.name, line.number)
        file.sequence, file.anchor, file.head = link.sequence, line.digest, Head(link.sequence, line.digest)
        file.unknown, file.unlinked, file.excused = 0, 0, False

    def _follows(self, file: _File, line: Line, link: Link) -> Iterator[Finding]:
        """Look for the line of a file before from which this file goes on."""
        if link.continues is None:
            return
        if self._before is None:
            self._continued = True
            sentence = f"This file goes on from line {link.continues} of another one, which was not given before it."
            yield Finding(Kind.FILE_BEFORE, sentence, file.name, line.number, note=True)
        elif link.continues.sha256 not in self._remembered:
            sentence = (
                f"This file goes on from line {link.continues}, which none of the files before it has: "
                "lines are missing at the end of a file, or a file is missing."
            )
            yield Finding(Kind.FILE_BEFORE, sentence, file.name, line.number)
        elif link.continues == self._before.head:
            file.linked = True

    def _note(self, head: Head) -> None:
        for found in self.found_heads:
            self.found_heads[found] += 1
        if head in self.heads:
            self.found_heads[head] = 0
        self._remembered[head.sha256] = None
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
