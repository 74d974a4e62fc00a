"""Text that somebody else wrote: names, descriptions and details are data, never instructions.

Characters that a reader cannot see, or that make it read in another order than it is stored, are replaced by U+FFFD, so
that nothing hides in a name and nobody confirms a name other than the one they see.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

__all__ = [
    "MAX_QUOTED",
    "escape_invisible",
    "has_invisible",
    "on_one_line",
    "quoted",
    "strip_invisible",
    "strip_invisible_throughout",
]

MAX_QUOTED: Final = 200
"""Characters of foreign text that a sentence of ours holds at the most."""

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
_SPACES: Final = re.compile(r"\s+")
_JOINERS: Final = "\u200c\u200d"


def strip_invisible(text: str) -> str:
    """Replace every unseen character of a text.

    Joiners stay where a script or an emoji needs them: between two letters of an uncased script, or two pictographs.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(lambda match: match[0] if _joins(text, match.start()) else _REPLACEMENT, text)


def has_invisible(text: object) -> bool:
    """Whether a text holds a character that `strip_invisible` replaces."""
    return isinstance(text, str) and strip_invisible(text) != text


def strip_invisible_throughout(value: Any) -> Any:
    """Apply `strip_invisible` to every string inside a JSON value, keys included, and return the new value."""
    if isinstance(value, str):
        return strip_invisible(value)
    if isinstance(value, dict):
        return {strip_invisible(key): strip_invisible_throughout(item) for key, item in value.items()}
    if isinstance(value, list):
        return [strip_invisible_throughout(item) for item in value]
    return value


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
