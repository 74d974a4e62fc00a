"""Check the signature of a passkey in an audit line, with the keys that were enrolled or that it names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from projects_mcp.cli.audit.calls import Signature
from projects_mcp.policy.confirmation import Assertion
from projects_mcp.policy.passkey_signature import PasskeyError, PasskeyLibraryMissing, verify_assertion

__all__ = ["Enrolled", "EnrolledError", "SignatureCheck", "read_enrolled"]

_LONGEST_FILE: Final = 8 * 1024 * 1024
_NOT_CHECKED: Final = "This signature is not checked: the extra projects-mcp[passkey] is not installed."


class EnrolledError(Exception):
    """The file of enrolled passkeys is not one. Its message is a sentence for the operator."""


class Enrolled(NamedTuple):
    """A passkey that was enrolled, and until when it was."""

    name: str
    public_key: str
    added_at: datetime
    removed_at: datetime | None


def read_enrolled(file: Path) -> dict[str, Enrolled]:
    """Read the enrolled passkeys, those that were removed included, by their credential ids.

    The file is a JSON object with a list `passkeys`; each has `name`, `credential_id` and `public_key` (base64url, the
    key in the form of COSE), `added_at`, and `removed_at` if it was removed (ISO 8601 with an offset).

    Raises:
        EnrolledError: it cannot be read, or is something else.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(_LONGEST_FILE + 1)
        if len(text) > _LONGEST_FILE:
            raise EnrolledError("the file of passkeys is too large")
        return dict(_entry(entry) for entry in json.loads(text)["passkeys"])
    except OSError as error:
        raise EnrolledError(f"the file of passkeys cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise EnrolledError("the file of passkeys is not one: see docs/reference.md") from None


def _entry(entry: Mapping[str, Any]) -> tuple[str, Enrolled]:
    name, credential, key = entry["name"], entry["credential_id"], entry["public_key"]
    if not all(isinstance(text, str) for text in (name, credential, key)):
        raise TypeError
    removed = entry.get("removed_at")
    return credential, Enrolled(name, key, _time(entry["added_at"]), None if removed is None else _time(removed))


def _time(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError
    return when


@dataclass
class SignatureCheck:
    """Checks signatures, with the keys that were enrolled, or with those that the lines name.

    Args:
        enrolled: by credential id; None if no list was given.
    """

    enrolled: Mapping[str, Enrolled] | None = None
    unchecked: int = field(default=0, init=False)

    def __call__(self, record: Mapping[str, Any]) -> Signature:
        """Check the signature of one line.

        Args:
            record: of an intent whose confirmation is a passkey, with an assertion and an approver.
        """
        assertion = _assertion(record["assertion"])
        if assertion is None:
            return Signature("What is kept of the signature is not in its form.")
        if self.enrolled is not None:
            wrong = _not_enrolled(self.enrolled.get(assertion.credential_id), assertion, record)
            if wrong is not None:
                return Signature(wrong)
        try:
            verify_assertion(assertion, bytes.fromhex(record["digest"]))
        except PasskeyLibraryMissing:
            self.unchecked += 1
            return Signature(_NOT_CHECKED, checked=False)
        except PasskeyError:
            return Signature("The signature does not fit: its person has not signed what was shown.")
        return Signature(None)


def _assertion(value: Mapping[str, Any]) -> Assertion | None:
    if value.keys() != set(Assertion._fields) or not all(isinstance(text, str) for text in value.values()):
        return None
    return Assertion(**value)


def _not_enrolled(enrolled: Enrolled | None, assertion: Assertion, record: Mapping[str, Any]) -> str | None:
    """Say why the list does not vouch for a passkey at the time of the line, or return None if it does."""
    if enrolled is None:
        return "Its passkey is not among the enrolled ones."
    if enrolled.public_key.rstrip("=") != assertion.public_key:
        return "Its passkey has another key than the enrolled one."
    if enrolled.name != record["approver"]:
        return "Its passkey was enrolled for somebody else."
    try:
        when = _time(record["time"])
    except (ValueError, TypeError, KeyError):
        return "It has no time, so it is not known whether its passkey was enrolled then."
    if when < enrolled.added_at or (enrolled.removed_at is not None and when >= enrolled.removed_at):
        return "Its passkey was not enrolled at that time."
    return None
