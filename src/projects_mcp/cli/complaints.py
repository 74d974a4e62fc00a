"""How a command says that it failed: in a sentence to a person at a terminal, as one JSON object to a program."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from projects_mcp.cli.exit_codes import FAILED, INTERRUPTED
from projects_mcp.cli.terminal import is_terminal, say
from projects_mcp.errors.kinds import Kind
from projects_mcp.sanitize.json_text import compact_json
from projects_mcp.sanitize.text import on_one_line

__all__ = [
    "as_json_errors",
    "complain",
    "complain_as",
    "complain_at",
    "complains_in_json",
    "end_notes",
    "interrupted",
    "log_as_notes",
    "note",
    "tell_failure",
]

_FIELDS: Final = ("status", "code", "attr", "retryable", "retry_after_s", "outcome", "request_sent")
_MOST_NOTES: Final = 100
_NO_CALL: Final[Mapping[str, Any]] = dict.fromkeys(_FIELDS) | {"retryable": False, "request_sent": False}
"""What is said of a failure that is not that of a call."""


class _Form:
    """How this process complains."""

    as_json = False
    notes: tuple[Mapping[str, Any], ...] = ()
    """What programs are told besides: with what failed, or else at the end."""
    worded: Callable[[str], str] = staticmethod(str)


def complain_as(*, json: bool, worded: Callable[[str], str] = str) -> None:
    """Choose the form of all complaints of this process.

    Args:
        json: one JSON object; otherwise a sentence.
        worded: says the same of the settings as they were given: as options, or as variables of the environment.
    """
    _Form.as_json = json
    _Form.worded = staticmethod(worded)


def complains_in_json() -> bool:
    """Whether complaints are JSON objects in this process."""
    return _Form.as_json


def as_json_errors(*, asked: bool, logs: bool) -> bool:
    """Whether complaints are JSON objects.

    Args:
        asked: `--json` was given.
        logs: the command is a server, whose stderr is a log for people.
    """
    return asked or not (logs or is_terminal(sys.stderr))


def complain(command: str, sentence: str, code: int, kind: Kind, *, more: str = "") -> int:
    """Say on stderr why a command failed.

    Args:
        command: its name; empty for the program itself.
        sentence: what is wrong, and what to do.
        code: the exit code.
        kind: one word for programs.
        more: a line below, at a terminal only.

    Returns:
        The exit code.
    """
    sentence = on_one_line(_Form.worded(sentence))
    if _Form.as_json:
        tell_failure(sentence, {"kind": kind})
    else:
        say(f"{' '.join(['projects-mcp', *command.split()])}: {sentence}", error=True)
        if more and is_terminal(sys.stderr):
            say(more, error=True)
    return code


def complain_at(show: Callable[[str], None], command: str, sentence: str, kind: Kind) -> int:
    """Say at the controlling terminal why a command failed, and to a program that reads stderr elsewhere.

    Args:
        show: shows a sentence at the terminal.
        command: its name.
        sentence: what is wrong, and what to do.
        kind: one word for programs.

    Returns:
        `FAILED`.
    """
    show(sentence)
    return complain(command, sentence, FAILED, kind) if _Form.as_json else FAILED


def interrupted(command: str, sentence: str, outcome: str, *, request_sent: bool, applied: int) -> int:
    """Say on stderr that Ctrl+C has ended a command.

    Args:
        command: its name; empty for the program itself.
        sentence: that it was ended, and whether something was changed.
        outcome: the same for programs: `applied`, `not_applied` or `unknown`.
        request_sent: whether a request that changes something had left.
        applied: how many changes were made before, 0 or more.

    Returns:
        The exit code.
    """
    if _Form.as_json:
        kind: Kind = "interrupted"
        facts = {"outcome": outcome, "request_sent": request_sent, "applied": applied}
        tell_failure(sentence, {"kind": kind, **facts})
        return INTERRUPTED
    return complain(command, sentence, INTERRUPTED, "interrupted")


def note(sentence: str, *, at_once: bool = False, **facts: Any) -> None:
    """Say on stderr what there is to know besides the answer: to a person at once, to a program at the end.

    Args:
        sentence: for people.
        at_once: to a program at once too, because the command waits until somebody has acted on it.
        facts: for programs, which get one JSON object of the kind `note`.
    """
    noted = {"kind": "note", "message": sentence, **facts}
    if _Form.as_json and at_once:
        say(compact_json(noted), error=True)
    elif _Form.as_json:
        _Form.notes = (*_Form.notes, noted)[-_MOST_NOTES:]
    else:
        say(sentence, error=True)


def end_notes() -> None:
    """Say what programs are told besides the answer, each note in a line of its own. Nothing has failed."""
    for noted in _Form.notes:
        say(compact_json(noted), error=True)
    _Form.notes = ()


class _AsNotes(logging.Handler):
    """Says what is logged as a note."""

    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage().removeprefix("projects-mcp: "))


def log_as_notes() -> None:
    """Let warnings that are logged reach the person or program that started this command."""
    logging.lastResort = _AsNotes(logging.WARNING)


def tell_failure(sentences: str, detail: Mapping[str, Any]) -> None:
    """Say on stderr why a call failed.

    Args:
        sentences: for people.
        detail: for programs: the fields of docs/reference.md.
    """
    sentences = _Form.worded(sentences)
    if _Form.as_json:
        kind = {"kind": detail.get("kind", "internal"), "message": sentences}
        facts = {name: item for name, item in detail.items() if name != "kind"}
        notes = {"notes": [noted["message"] for noted in _Form.notes]} if _Form.notes else {}
        _Form.notes = ()
        say(compact_json({**kind, **_NO_CALL, **facts, **notes}), error=True)
    else:
        from projects_mcp.cli.for_people import spoken  # noqa: PLC0415 - only after a failure

        say(spoken(sentences), error=True)
