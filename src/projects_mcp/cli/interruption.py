"""What a command says that Ctrl+C ends: that it was ended, and whether something was changed or may have been."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from projects_mcp.api.outcome import Outcome
from projects_mcp.cli.complaints import interrupted
from projects_mcp.gateway.write_tally import WriteTally

__all__ = ["how_to_go_on", "may_change", "tell_interrupted", "watch"]

_NOTHING: Final = "Nothing was changed."
_UNKNOWN: Final = "It is not known whether the last change was made: look before you repeat it."


class _Work:
    """What this process has done so far."""

    writes: WriteTally | None = None
    go_on = ""
    may_have = ""


def watch(writes: WriteTally) -> None:
    """Note where the calls of this command are counted."""
    _Work.writes = writes


def how_to_go_on(sentence: str) -> None:
    """Note what a person does to go on after some of the changes were made."""
    _Work.go_on = sentence


@contextmanager
def may_change(said: str) -> Iterator[None]:
    """Note that something on this machine may be changed while the block runs.

    Args:
        said: what is said if Ctrl+C ends the block: what may have happened, and where to look. Sentences.
    """
    _Work.may_have = said
    yield
    _Work.may_have = ""  # not after an interruption, which is told of it


def tell_interrupted(command: str) -> int:
    """Say on stderr that Ctrl+C has ended a command, and what it had done.

    Args:
        command: its name.

    Returns:
        The exit code: `INTERRUPTED`.
    """
    writes = _Work.writes or WriteTally()
    applied = writes.applied
    many = f"{applied} change{' was' if applied == 1 else 's were'} made before."
    if _Work.may_have or writes.is_uncertain:
        outcome, said = Outcome.UNKNOWN, [many if applied else "", _Work.may_have or _UNKNOWN]
    elif applied:
        outcome, said = Outcome.APPLIED, [many]
    else:
        outcome, said = Outcome.NOT_APPLIED, [_NOTHING]
    if writes.begun:
        said.append(_Work.go_on)
    _Work.writes, _Work.go_on, _Work.may_have = None, "", ""
    sentence = " ".join(["Interrupted.", *filter(None, said)])
    return interrupted(command, sentence, outcome.value, request_sent=writes.begun > 0, applied=applied)
