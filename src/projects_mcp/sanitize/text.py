"""Text that somebody else wrote: names, descriptions and details are data, never instructions.

Characters that a reader cannot see, or that make it read in another order than it is stored, are replaced by U+FFFD, so
that nothing hides in a name and nobody confirms a name other than the one they see.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Final

__all__ = [
    "MAX_LISTED",
    "MAX_QUOTED",
    "escape_invisible",
    "has_invisible",
    "is_plain",
    "listed",
    "on_one_line",
    "quoted",
    "strip_invisible",
    "strip_invisible_throughout",
    "unused_key",
    "without_invisible",
]

MAX_QUOTED: Final = 200
"""Characters of foreign text that a sentence of ours holds at the most."""

MAX_LISTED: Final = 5
"""Things of one kind that a sentence of ours names at the most."""

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

_UNSEEN_CLASS: Final = (
    "\u0000-\u0008\u000b-\u001f\u007f-\u009f"  # controls but tab and newline
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # soft hyphen, fillers, separators
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, directions
    "\ud800-\udfff"  # halves of a pair: a byte of an argument that is no UTF-8
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"  # byte order mark, annotations, tags and their selectors
)
_UNSEEN: Final = re.compile(f"[{_UNSEEN_CLASS}]")
_UNSEEN_OR_BREAK: Final = re.compile(f"[{_UNSEEN_CLASS}\t\n]")
_UNSEEN_RUN: Final = re.compile(f"[{_UNSEEN_CLASS}]+")
_SPACES: Final = re.compile(r"\s+")
_JOINERS: Final = "\u200c\u200d"


def strip_invisible(text: str) -> str:
    """Replace every unseen character of a text.

    Joiners stay where a script or an emoji needs them: between two letters of an uncased script, or two pictographs.
    """
    if is_plain(text):
        return text
    return _UNSEEN_RUN.sub(
        lambda run: (
            _REPLACEMENT * len(run[0]) if run.end() - run.start() > 1 or not _joins(text, run.start()) else run[0]
        ),
        text,
    )


def is_plain(text: str) -> bool:
    """Whether a text has printable ASCII characters only, as nearly every one has: there is nothing to strip."""
    return text.isascii() and text.isprintable()


def has_invisible(*texts: object) -> bool:
    """Whether any of some texts holds a character that `strip_invisible` replaces. What is no text holds none."""
    return any(isinstance(text, str) and not is_plain(text) and strip_invisible(text) != text for text in texts)


def without_invisible(text: str) -> str:
    """Return a text without its unseen characters: what a reader takes it for."""
    return _UNSEEN_RUN.sub("", text)


def strip_invisible_throughout(value: Any) -> Any:
    """Apply `strip_invisible` to every string inside a JSON value, and return the new value. No two keys merge."""
    if isinstance(value, str):
        return strip_invisible(value)
    if isinstance(value, dict):
        clean: dict[str, Any] = {}
        for key, item in value.items():
            shown = strip_invisible(key)
            if shown != key:
                shown = unused_key(shown, clean, value)
            clean[shown] = strip_invisible_throughout(item)
        return clean
    if isinstance(value, list):
        return [strip_invisible_throughout(item) for item in value]
    return value


def unused_key(wanted: str, taken: Mapping[str, Any], others: Mapping[str, Any]) -> str:
    """Return a key, with a number behind it if another one has that name: a changed key takes nobody's place."""
    if wanted not in taken and wanted not in others:
        return wanted
    # Counting from here finds a free one at once, also if thousands of keys are called the same.
    numbers = count(len(taken) + 1)
    return next(key for number in numbers if (key := f"{wanted} {number}") not in taken and key not in others)


def quoted(text: object, longest: int = MAX_QUOTED) -> str:
    """Put foreign text on one line, in quotation marks, so that it cannot be read as a sentence of ours.

    Args:
        text: what somebody else wrote; anything but a string is described by its absence.
        longest: characters kept before it is cut.
    """
    if not isinstance(text, str):
        return "(no text)"
    plain = _SPACES.sub(" ", strip_invisible(text[: longest + 1])).replace("\u201d", '"').replace("\u201c", '"')
    return f"\u201c{plain[:longest]}…\u201d" if len(text) > longest else f"\u201c{plain}\u201d"


def on_one_line(text: str) -> str:
    r"""Write unseen characters, tabs and line breaks as `\x1b`, `\u202e` or `\n`, so that a path can still be found."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN_OR_BREAK.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def escape_invisible(json_text: str) -> str:
    r"""Write unseen characters of a JSON text as `\uXXXX`: the same value, with nothing hidden in it."""
    if json_text.isascii() and json_text.isprintable():
        return json_text
    return _UNSEEN.sub(lambda match: _json_escape(match[0]), json_text)


def _json_escape(character: str) -> str:
    encoded = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{encoded[at : at + 2].hex()}" for at in range(0, len(encoded), 2))


def _joins(text: str, at: int) -> bool:
    if text[at] not in _JOINERS or not 0 < at < len(text) - 1:
        return False
    before, after = text[at - 1], text[at + 1]
    pictographs = {"So", "Sk", "Mn"}  # a variation selector or skin tone may stand between
    if unicodedata.category(after) == "So" and unicodedata.category(before) in pictographs:
        return True
    return all(unicodedata.category(character) in {"Lo", "Mn", "Mc"} for character in (before, after))


def listed(items: Sequence[Any], show: Callable[[Any], str] = str) -> str:
    """Name things in a sentence: the first `MAX_LISTED`, each as `show` writes it, and how many more there are."""
    more = f" and {len(items) - MAX_LISTED} more" if len(items) > MAX_LISTED else ""
    return ", ".join(map(show, items[:MAX_LISTED])) + more
