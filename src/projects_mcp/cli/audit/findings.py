"""What is found in an audit log, and where."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

__all__ = ["Finding", "Kind"]


class Kind(StrEnum):
    """What is wrong. The words are part of the report for programs."""

    ALTERED = "altered"
    LEFT_OUT = "left_out"
    OUT_OF_ORDER = "out_of_order"
    REPLACED = "replaced"
    UNCHAINED = "unchained"
    NOT_JSON = "not_json"
    TORN = "torn"
    TOO_LONG = "too_long"
    NO_OUTCOME = "no_outcome"
    NO_INTENT = "no_intent"
    CONFIRMATION = "confirmation"
    SIGNATURE = "signature"
    NOT_CHECKED = "not_checked"
    HEAD = "head"
    FILE_BEFORE = "file_before"


class Finding(NamedTuple):
    """One thing that is wrong, or a note on what cannot be known."""

    kind: Kind
    sentence: str
    file: str
    line: int | None = None
    """From 1; None for what is about a whole file."""
    note: bool = False
    """Nothing is wrong: it is said for those who read on."""
