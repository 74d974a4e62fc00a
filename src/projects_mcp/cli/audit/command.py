"""`projects-mcp audit verify FILE…`: check audit logs, in the order in which they were written."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from projects_mcp.cli.audit.calls import CallCheck
from projects_mcp.cli.audit.chain import ChainCheck
from projects_mcp.cli.audit.findings import Finding
from projects_mcp.cli.audit.lines import read_lines
from projects_mcp.cli.audit.passkeys import EnrolledError, SignatureCheck, read_enrolled
from projects_mcp.cli.complaints import complain
from projects_mcp.cli.exit_codes import DONE, FAILED, USAGE
from projects_mcp.cli.output import print_answer
from projects_mcp.cli.table import DIM, GREEN, RED, print_table, print_text
from projects_mcp.cli.terminal import Styled, say, styled
from projects_mcp.gateway.audit_chain import Head
from projects_mcp.sanitize.text import on_one_line

__all__ = ["run_audit_verify"]

_NOTHING: Final = "Nothing was found"
_MOST_REPORTED: Final = 1_000
"""Findings that are shown; all are counted."""


class _Verification:
    """Checks files and keeps what the report needs of them."""

    def __init__(self, heads: Sequence[Head], signatures: SignatureCheck) -> None:
        self.signatures = signatures
        self.chain = ChainCheck(heads)
        self.calls = CallCheck(signatures)
        self.findings = self.notes = 0

    def run(self, files: Sequence[Path]) -> Iterator[Finding]:
        """Yield what is found, at most the first thousand, and count all of it.

        Raises:
            OSError: a file cannot be read.
        """
        for finding in self._run(files):
            self.findings += not finding.note
            self.notes += finding.note
            if self.findings + self.notes <= _MOST_REPORTED:
                yield finding

    def _run(self, files: Sequence[Path]) -> Iterator[Finding]:
        for file in files:
            name, chain = str(file), self.chain
            with file.open("rb") as stream:
                chain.begin(name)
                for line in read_lines(stream):
                    yield from chain.check(line)
                    if line.record is not None:
                        yield from self.calls.check(
                            line.record,
                            name,
                            line.number,
                            chained=line.link is not None,
                            begin_unseen=chain.follows_unseen,
                        )
            yield from chain.end()
        yield from self.calls.end()
        yield from self.chain.missing_heads()

    @property
    def left_out(self) -> int:
        """Findings and notes that are counted and not shown."""
        return max(0, self.findings + self.notes - _MOST_REPORTED)


def run_audit_verify(files: Sequence[str], *, heads: Sequence[str], passkeys: str | None, as_json: bool) -> int:
    """Check audit logs, and print what is found and how they end.

    Args:
        files: in the order in which they were written.
        heads: as `N:SHA256`, noted before; each must still be there.
        passkeys: the file of the enrolled passkeys; None to believe the keys that the lines name.
        as_json: print one JSON object.

    Returns:
        The exit code: done if nothing was found, failed if something was, usage if a file cannot be read.
    """
    noted = [Head.parse(text) for text in heads]
    known = [head for head in noted if head is not None]
    if len(known) != len(noted):
        return _usage("a head is a number, a colon and 64 hexadecimal digits, as this command prints it")
    try:
        enrolled = None if passkeys is None else read_enrolled(Path(passkeys))
    except EnrolledError as error:
        return _usage(str(error))
    verification, shown = _Verification(known, SignatureCheck(enrolled)), list[Finding]()
    try:
        shown += verification.run([Path(file) for file in files])
    except OSError as error:
        return _usage(f"{error.filename or 'a file'} cannot be read: {error.strerror}")
    print_answer(_report(verification, shown), partial(_print_report, verification, shown), as_json=as_json)
    return FAILED if verification.findings else DONE


def _usage(sentence: str) -> int:
    return complain("audit", sentence, USAGE, "usage")


def _print_report(verification: _Verification, shown: Sequence[Finding]) -> None:
    rows: list[list[str | Styled]] = []
    for finding in shown:
        where = on_one_line(finding.file) + ("" if finding.line is None else f":{finding.line}")
        kind = styled("note" if finding.note else finding.kind, DIM if finding.note else RED, sys.stdout)
        rows.append([where, kind, finding.sentence])
    if rows:
        print_table(["line", "kind", "what was found"], rows, wrap=True)
        say()
    _print_summary(verification)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _print_summary(verification: _Verification) -> None:
    chain, calls = verification.chain, verification.calls
    if verification.left_out:
        say(f"… and {verification.left_out} more.")
    former = f", {chain.former} before the chain begins" if chain.former else ""
    say(f"{_count(chain.lines, 'line')}: {chain.chained} in the chain{former}.")
    if calls.confirmed:
        say(
            "Confirmed writes: "
            + ", ".join(f"{number} by {by}" for by, number in sorted(calls.confirmed.items()))
            + "."
        )
    if calls.signatures:
        keys = (
            "the enrolled keys"
            if verification.signatures.enrolled is not None
            else ("the keys that the lines name; --passkeys FILE holds them to the enrolled ones")
        )
        say(f"{_count(calls.signatures, 'signature')} good, by {keys}.")
    for head, behind in chain.found_heads.items():
        say(f"The noted line {head.sequence} is there; {_count(behind, 'line')} stand behind it.")
    if unchecked := verification.signatures.unchecked:
        print_text(f"{_count(unchecked, 'signature')} not checked; install projects-mcp[passkey] to check them.")
    found, style = (_count(verification.findings, "finding"), RED) if verification.findings else (_NOTHING, GREEN)
    say(styled(f"{found}.", style, sys.stdout))
    say(f"Head: {chain.head}" if chain.head is not None else "Head: none")


def _report(verification: _Verification, shown: Sequence[Finding]) -> dict[str, Any]:
    chain, calls = verification.chain, verification.calls
    return {
        "ok": not verification.findings,
        "lines": chain.lines,
        "chained": chain.chained,
        "unchained_before": chain.former,
        "confirmed": dict(sorted(calls.confirmed.items())),
        "signatures": {"good": calls.signatures, "not_checked": verification.signatures.unchecked},
        "enrolled_keys": verification.signatures.enrolled is not None,
        "noted_heads": {str(head): behind for head, behind in chain.found_heads.items()},
        "findings": verification.findings,
        "notes": verification.notes,
        "shown": [finding._asdict() for finding in shown],
        "head": None if chain.head is None else str(chain.head),
    }
