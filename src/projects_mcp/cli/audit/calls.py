"""Check what the lines say of calls: that each write has both of its lines, and each destructive one its yes."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, NamedTuple

from projects_mcp.api.effects import Effect
from projects_mcp.cli.audit.findings import Finding, Kind
from projects_mcp.policy.confirmation import Channel

__all__ = ["CallCheck", "Signature"]

_OPEN: Final = 100_000
"""Writes without an outcome that are waited for at a time; beyond them the oldest is given up."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NONE: Final = "none"
_FORMER_CHANNEL: Final = "person"
"""What versions without a chain wrote where the client had relayed a yes."""


class _Intent(NamedTuple):
    file: str
    line: int
    tool: object


class Signature(NamedTuple):
    """What came of a passkey's signature: None for good, a sentence for what is wrong, and whether it was checked."""

    wrong: str | None
    checked: bool = True


@dataclass
class CallCheck:
    """Checks the records of calls, over all files together.

    Args:
        check_signature: checks the signature of a line that a passkey has confirmed.
    """

    check_signature: Callable[[Mapping[str, Any]], Signature]
    confirmed: Counter[str] = field(default_factory=Counter)
    """Writes that were confirmed, by channel."""
    signatures: int = 0
    """That were checked, and are good."""
    _open: OrderedDict[str, _Intent] = field(default_factory=OrderedDict)

    def check(
        self, record: Mapping[str, Any], file: str, line: int, *, chained: bool, begin_unseen: bool
    ) -> Iterator[Finding]:
        """Check one record.

        Args:
            record: as it stands in the line.
            file: that it stands in.
            line: its number.
            chained: whether it is one of a version with a chain.
            begin_unseen: whether lines before those at hand exist, so that an intent may be in one of them.
        """
        event, request = record.get("event"), record.get("request_id")
        if event == "intent":
            yield from self._confirmation(record, file, line, chained=chained)
            if isinstance(request, str):
                yield from self._open_intent(request, _Intent(file, line, record.get("tool")))
        elif event == "outcome":
            intent = self._open.pop(request, None) if isinstance(request, str) else None
            if intent is None:
                unseen = " Its intent may be in a file before." if begin_unseen else ""
                yield Finding(
                    Kind.NO_INTENT, f"No intent stands before this outcome.{unseen}", file, line, begin_unseen
                )
            elif intent.tool != record.get("tool"):
                yield Finding(Kind.NO_INTENT, f"Its intent in line {intent.line} is of another tool.", file, line)

    def end(self) -> Iterator[Finding]:
        """Name the writes whose outcome is not there."""
        for intent in self._open.values():
            yield _without_outcome(intent)

    def _open_intent(self, request: str, intent: _Intent) -> Iterator[Finding]:
        self._open[request] = intent
        if len(self._open) > _OPEN:
            yield _without_outcome(self._open.popitem(last=False)[1])

    def _confirmation(self, record: Mapping[str, Any], file: str, line: int, *, chained: bool) -> Iterator[Finding]:
        channel = record.get("confirmed")
        if channel is None or channel == _NONE:
            if record.get("effect") == Effect.DESTROY.value:
                yield Finding(Kind.CONFIRMATION, "Something was destroyed, and nothing confirmed it.", file, line)
            return
        if channel == _FORMER_CHANNEL and not chained:
            channel = Channel.CLIENT.value
        elif (wrong := _impossible(record, channel, chained=chained)) is not None:
            yield Finding(Kind.CONFIRMATION, wrong, file, line)
            return
        self.confirmed[str(channel)] += 1
        if channel == Channel.PASSKEY:
            came = self.check_signature(record)
            self.signatures += came.checked and came.wrong is None
            if came.wrong is not None:
                yield Finding(Kind.SIGNATURE if came.checked else Kind.NOT_CHECKED, came.wrong, file, line)


def _without_outcome(intent: _Intent) -> Finding:
    sentence = "No outcome follows this intent: the process ended in between, or the call is still under way."
    return Finding(Kind.NO_OUTCOME, sentence, intent.file, intent.line)


def _impossible(record: Mapping[str, Any], channel: object, *, chained: bool) -> str | None:
    """Say why a confirmation cannot have been written so, or return None if it can."""
    if not isinstance(channel, str) or channel not in set(Channel):
        return "What it names as its confirmation is none that there is."
    passkey = channel == Channel.PASSKEY
    if passkey and not (isinstance(record.get("assertion"), dict) and isinstance(record.get("approver"), str)):
        return "It was confirmed by a passkey, and the signature or the name of its person is missing."
    if not passkey and "assertion" in record:
        return "It holds the signature of a passkey, and says that something else confirmed it."
    return _wrong_digest(record.get("digest"), record.get("shown"), needed=channel != Channel.ARGUMENT and chained)


def _wrong_digest(digest: object, shown: object, *, needed: bool) -> str | None:
    if needed and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        return "The digest of what was shown is missing."
    if shown is None:
        return None
    if not isinstance(shown, str) or sha256(shown.encode("utf-8", "surrogatepass")).hexdigest() != digest:
        return "The digest is not that of what was shown."
    return None
