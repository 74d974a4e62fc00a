"""How a command says that it failed: in a sentence to a person at a terminal, as one JSON object to a program."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from projects_mcp.cli.for_people import spoken
from projects_mcp.cli.terminal import is_terminal, say
from projects_mcp.sanitize.json_text import compact_json
from projects_mcp.sanitize.text import on_one_line

__all__ = ["as_json_errors", "complain", "complain_as", "complains_in_json", "tell_failure"]

_FIELDS: Final = ("status", "code", "attr", "retryable", "retry_after_s", "outcome", "request_sent")
_NO_CALL: Final[Mapping[str, Any]] = dict.fromkeys(_FIELDS) | {"retryable": False, "request_sent": False}
"""What is said of a failure that is not that of a call."""


class _Form:
    """Whether this process complains in JSON."""

    as_json = False


def complain_as(*, json: bool) -> None:
    """Choose the form of all complaints of this process.

    Args:
        json: one JSON object; otherwise a sentence.
    """
    _Form.as_json = json


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


def complain(command: str, sentence: str, code: int, kind: str, *, more: str = "") -> int:
    """Say on stderr why a command failed.

    Args:
        command: its name; empty for the program itself.
        sentence: what is wrong, and what to do.
        code: the exit code.
        kind: one word for programs, such as `usage`.
        more: a line below, for people only.

    Returns:
        The exit code.
    """
    sentence = on_one_line(sentence)
    if _Form.as_json:
        tell_failure(sentence, {"kind": kind})
    else:
        say(f"{' '.join(['projects-mcp', *command.split()])}: {sentence}{more and chr(10)}{more}", error=True)
    return code


def tell_failure(sentences: str, detail: Mapping[str, Any]) -> None:
    """Say on stderr why a call failed.

    Args:
        sentences: for people.
        detail: for programs: the fields of docs/reference.md.
    """
    if _Form.as_json:
        kind = {"kind": detail.get("kind", "failed"), "message": sentences}
        say(
            compact_json({**kind, **_NO_CALL, **{name: item for name, item in detail.items() if name != "kind"}}),
            error=True,
        )
    else:
        say(spoken(sentences), error=True)
